-- Let one worker find a path for a transaction, and show it the record.
-- KEYS finding of the tx, tx
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
return redis.call('HGETALL', KEYS[2])
