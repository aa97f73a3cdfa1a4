-- Let one worker find a path for a transaction, and show it the record. Another that comes meanwhile leaves a mark, so
-- that the holder looks again: what woke the other may have come after the holder looked.
-- KEYS finding of the tx, tx
local token, ttl = ARGV[1], ARGV[2]
if redis.call('SET', KEYS[1], token, 'NX', 'PX', ttl) then return redis.call('HGETALL', KEYS[2]) end
local holder = redis.call('GET', KEYS[1])
if string.sub(holder, -1) ~= '+' then redis.call('APPEND', KEYS[1], '+') end
return false
