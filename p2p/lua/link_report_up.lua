-- Note that one end of a link sees it open; when both do, others may reuse it. Ignored from anybody who is no end.
-- KEYS link
local prefix, link, peer, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ends = redis.call('HMGET', KEYS[1], 'a', 'b', 'up_a', 'up_b')
local side, other_up
if ends[1] == peer then side, other_up = 'up_a', ends[4]
elseif ends[2] == peer then side, other_up = 'up_b', ends[3]
else return 0 end
redis.call('HSET', KEYS[1], side, '1')
if other_up ~= '1' then return 1 end
redis.call('HSET', KEYS[1], 'state', 'open')
redis.call('PEXPIRE', KEYS[1], ttl)
for at = 1, 2 do
    local links = prefix .. 'links:' .. ends[at]
    redis.call('HSET', links, link, ends[3 - at])
    redis.call('PEXPIRE', links, ttl)
end
return 2
