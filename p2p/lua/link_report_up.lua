-- Note that one end of a link sees it open; when both do, others may reuse it. Ignored from anybody who is no end.
-- The first report makes the link due to be dropped, the second takes that back.
-- KEYS link, deadlines
local prefix, link, peer, ttl, pending_ttl, due = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local ends = redis.call('HMGET', KEYS[1], 'a', 'b', 'up_a', 'up_b')
local side, is_up, other_up
if ends[1] == peer then side, is_up, other_up = 'up_a', ends[3], ends[4]
elseif ends[2] == peer then side, is_up, other_up = 'up_b', ends[4], ends[3]
else return 0 end
redis.call('HSET', KEYS[1], side, '1')
if other_up ~= '1' then
    if is_up ~= '1' then
        redis.call('PEXPIRE', KEYS[1], pending_ttl)
        redis.call('ZADD', KEYS[2], due, 'link:' .. link)
    end
    return 1
end
redis.call('ZREM', KEYS[2], 'link:' .. link)
redis.call('HSET', KEYS[1], 'state', 'open')
redis.call('PEXPIRE', KEYS[1], ttl)
for at = 1, 2 do
    local links = prefix .. 'links:' .. ends[at]
    redis.call('HSET', links, link, ends[3 - at])
    redis.call('PEXPIRE', links, ttl)
end
return 2
