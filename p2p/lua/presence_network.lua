-- Note the network that a peer stands in, if this is still its socket.
-- KEYS peer
local socket, network = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[1], 'socket') == socket then redis.call('HSET', KEYS[1], 'network', network) end
return 1
