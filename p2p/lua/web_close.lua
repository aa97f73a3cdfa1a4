-- Close all peers of a web process that has died, as of its last sign, unless a sign came meanwhile.
-- KEYS forwarders, deadlines, webs
local prefix, web, latest, grace, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local seen = tonumber(redis.call('ZSCORE', KEYS[3], web) or latest + 1)
if seen > latest then return 0 end
redis.call('ZREM', KEYS[3], web)
local peers = redis.call('SMEMBERS', prefix .. 'peers_at:' .. web)
for _, peer in ipairs(peers) do
    local at = redis.call('HMGET', prefix .. 'peer:' .. peer, 'web', 'socket')
    if at[1] == web and at[2] ~= '' then close(KEYS[1], KEYS[2], prefix, peer, seen, grace, ttl) end
end
redis.call('DEL', prefix .. 'peers_at:' .. web)
return #peers
