-- Add one offer to a peer's stock, and tell who waits for it: some, by lot, since one path takes it.
local prefix, peer, socket, ttl, id, offer, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local woken_per_offer = tonumber(ARGV[8])
if redis.call('HGET', prefix .. 'peer:' .. peer, 'socket') ~= socket then return {} end
if redis.call('SISMEMBER', prefix .. 'taken:' .. peer, id) == 1 then return {} end
local stock = prefix .. 'offers:' .. peer
redis.call('RPUSH', stock, offer)
redis.call('LTRIM', stock, -tonumber(most), -1)
redis.call('PEXPIRE', stock, ttl)
redis.call('DEL', prefix .. 'owed:' .. peer)
return redis.call('SPOP', prefix .. 'offer_waits:' .. peer, woken_per_offer * redis.call('LLEN', stock))
