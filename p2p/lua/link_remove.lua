-- Forget a link, if the peer is one of its ends. An end for whom it was a standing link has its guards looked after.
-- Returns the device of the other end, or nothing.
-- KEYS link, deadlines
local prefix, link, peer, due = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ends = redis.call('HMGET', KEYS[1], 'a', 'b', 'guards_a', 'guards_b')
local other
if ends[1] == peer then other = ends[2] elseif ends[2] == peer then other = ends[1] end
if not other then return false end
redis.call('DEL', KEYS[1])
for at = 1, 2 do
    redis.call('HDEL', prefix .. 'links:' .. ends[at], link)
    if ends[at + 2] then
        local record = prefix .. 'peer:' .. ends[at]
        if redis.call('EXISTS', record) == 1 then redis.call('HSET', record, 'guarded', '0') end
        redis.call('ZADD', KEYS[2], 'NX', due, 'guards:' .. ends[at])
    end
end
return redis.call('HGET', prefix .. 'peer:' .. other, 'device')
