-- Note which tokens a peer wants to hear of; what is beyond the limit is left out. Returns how many are new.
-- KEYS watched, unanswered
local peer, socket, prefix, ttl, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('HGET', prefix .. 'peer:' .. peer, 'socket') ~= socket then return 0 end
local fresh = 0
for at = 6, #ARGV do
    if redis.call('HLEN', KEYS[1]) >= most then break end
    if redis.call('HSETNX', KEYS[1], ARGV[at], '') == 1 then
        redis.call('SADD', KEYS[2], ARGV[at])
        fresh = fresh + 1
    end
end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
return fresh
