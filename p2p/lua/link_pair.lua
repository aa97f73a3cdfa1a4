-- Take a peer's word that it has a link which the store forgot. The link exists again when a second peer says so too.
-- KEYS link, pairing
local prefix, link, peer, ttl, wait = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local other = redis.call('GET', KEYS[2])
if not other or other == peer or redis.call('EXISTS', prefix .. 'peer:' .. other) == 0 then
    redis.call('SET', KEYS[2], peer, 'PX', wait)
    return 0
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'a', other, 'b', peer, 'state', 'open', 'up_a', '1', 'up_b', '1', 'answered', '1')
redis.call('PEXPIRE', KEYS[1], ttl)
for _, pair in ipairs({{peer, other}, {other, peer}}) do
    local links = prefix .. 'links:' .. pair[1]
    redis.call('HSET', links, link, pair[2])
    redis.call('PEXPIRE', links, ttl)
end
return 1
