-- Close a peer whose web process has died, as of that one's last sign. Tells whether no sign came meanwhile.
-- KEYS forwarders, deadlines, webs
local prefix, web, latest, grace, ttl, peer = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local seen = tonumber(redis.call('ZSCORE', KEYS[3], web) or latest + 1)
if seen > latest then return 0 end
local at = redis.call('HMGET', prefix .. 'peer:' .. peer, 'web', 'socket')
if at[1] == web and at[2] ~= '' then close(KEYS[1], KEYS[2], prefix, peer, seen, grace, ttl) end
return 1
