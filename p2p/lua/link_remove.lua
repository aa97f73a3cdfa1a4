-- Forget a link, if the peer is one of its ends. Returns the device of the other end, or nothing.
-- KEYS link
local prefix, link, peer = ARGV[1], ARGV[2], ARGV[3]
local ends = redis.call('HMGET', KEYS[1], 'a', 'b')
local other
if ends[1] == peer then other = ends[2] elseif ends[2] == peer then other = ends[1] end
if not other then return false end
redis.call('DEL', KEYS[1])
redis.call('HDEL', prefix .. 'links:' .. peer, link)
redis.call('HDEL', prefix .. 'links:' .. other, link)
return redis.call('HGET', prefix .. 'peer:' .. other, 'device')
