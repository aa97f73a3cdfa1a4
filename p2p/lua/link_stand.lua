-- Note that an open link stands between a peer and its guard. Returns the time for which that was noted before, '0' if the
-- guard has not been told to keep it, '' if it was no standing link, or nothing when the link is not open any more.
-- KEYS link
local peer, now, every = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local link = redis.call('HMGET', KEYS[1], 'a', 'b', 'state', 'guards_a', 'guards_b')
local side = link[1] == peer and 'guards_a' or link[2] == peer and 'guards_b'
if not side or link[3] ~= 'open' then return false end
local before = link[side == 'guards_a' and 4 or 5]
if now - (tonumber(before) or 0) >= every then redis.call('HSET', KEYS[1], side, now) end
return before or ''
