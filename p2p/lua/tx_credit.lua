-- Credit a transaction with a receipt, or with the wish to be kept, and prolong all that is its.
-- A receipt is held for a sender that is away. Returns the owner's device, or nothing when it has ended.
-- KEYS tx, hops of the tx, held receipts
local prefix, tx, now, ttl, path_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local receipt, most, held_ttl = ARGV[6], tonumber(ARGV[7]), ARGV[8]
local known = redis.call('HMGET', KEYS[1], 'owner', 'attempt')
if not known[1] then return false end
redis.call('HSET', KEYS[1], 'used', now)
if receipt ~= '' then
    redis.call('HSET', KEYS[1], 'receipted', '1', 'credited', now)
    redis.call('RPUSH', KEYS[3], receipt)
    redis.call('LTRIM', KEYS[3], -most, -1)
    redis.call('PEXPIRE', KEYS[3], held_ttl)
else
    redis.call('HSET', KEYS[1], 'aged', now)
    redis.call('PEXPIRE', prefix .. 'path:' .. tx .. ':' .. known[2], path_ttl)
end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('PEXPIRE', prefix .. 'txs:' .. known[1], ttl)
for _, hop in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('PEXPIRE', prefix .. 'hop:' .. hop, ttl) end
return known[1]
