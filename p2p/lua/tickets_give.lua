-- Give a peer tickets, if those it has are still the ones that were read. Returns whether it was done.
-- KEYS tickets, peer
local ttl, read_count = ARGV[1], tonumber(ARGV[2])
if redis.call('HGET', KEYS[2], 'closed') ~= '' or redis.call('HLEN', KEYS[1]) ~= read_count then return 0 end
for at = 3, 2 + read_count do
    if redis.call('HEXISTS', KEYS[1], ARGV[at]) == 0 then return 0 end
end
for at = 3 + read_count, #ARGV do redis.call('HSET', KEYS[1], ARGV[at], 'given') end
redis.call('PEXPIRE', KEYS[1], ttl)
return 1
