-- Show a transaction, and let one worker look after it if it wants a path. Returns 1 if it is this one, and the record.
-- KEYS finding of the tx, tx
local record = redis.call('HGETALL', KEYS[2])
local state = redis.call('HGET', KEYS[2], 'state')
local wants_path = state == 'finding' or state == 'waiting'
return {wants_path and redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0, record}
