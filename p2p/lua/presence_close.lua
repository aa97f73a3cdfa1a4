-- Close a peer, unless its device has another socket by now.
-- KEYS forwarders, deadlines
local prefix, peer, socket, now, grace, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
if redis.call('HGET', prefix .. 'peer:' .. peer, 'socket') ~= socket then return 0 end
close(KEYS[1], KEYS[2], prefix, peer, now, grace, ttl)
return 1
