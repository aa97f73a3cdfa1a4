-- Let the answerer of a link answer once. Returns the device whose offer it answers, or nothing.
-- KEYS link
local prefix, peer = ARGV[1], ARGV[2]
local link = redis.call('HMGET', KEYS[1], 'a', 'b', 'answered')
if link[2] ~= peer or link[3] == '1' then return false end
redis.call('HSET', KEYS[1], 'answered', '1')
return redis.call('HGET', prefix .. 'peer:' .. link[1], 'device')
