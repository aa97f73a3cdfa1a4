-- Refresh a peer: what it said of itself, its place among the forwarders, its stock, and the life of all that is its.
-- An offer that was handed out may still stand in a stock that left the peer before it knew: it is left out here, and
-- remembered until a stock comes without it.
-- An account stands in one network at a time, that of its peer which refreshed last: else it would be sampled for each.
-- Tells who waited for what came: for an offer some, by lot, since each is taken once.
-- KEYS forwarders, waiting_forwarders
local prefix, peer, socket, now, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local onion_key, forward, nat, oldest, woken_per_offer = ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local record = prefix .. 'peer:' .. peer
if redis.call('HGET', record, 'socket') ~= socket then return {'unknown', '', {}} end
local known = redis.call('HMGET', record, 'user', 'device', 'resume', 'told', 'network')
redis.call('HSET', record, 'onion_key', onion_key, 'forward', forward, 'nat', nat, 'told', '1', 'seen', now)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', oldest)
local appeared = 0
if forward == '1' then
    appeared = redis.call('ZADD', KEYS[1], now, peer)
    local user, networks = known[1], prefix .. 'networks'
    local network = known[5] ~= '' and known[5] or user
    local stands_in = prefix .. 'stands_in:' .. user
    local former = redis.call('GET', stands_in)
    if former and former ~= network then
        redis.call('ZREM', prefix .. 'network:' .. former, user)
        if redis.call('EXISTS', prefix .. 'network:' .. former) == 0 then redis.call('ZREM', networks, former) end
    end
    redis.call('SET', stands_in, network, 'PX', ttl)
    redis.call('ZADD', networks, now, network)
    redis.call('ZREMRANGEBYSCORE', networks, '-inf', oldest)
    for name, member in pairs({['network:' .. network] = user, ['forwarding:' .. user] = peer}) do
        redis.call('ZADD', prefix .. name, now, member)
        redis.call('ZREMRANGEBYSCORE', prefix .. name, '-inf', oldest)
        redis.call('PEXPIRE', prefix .. name, ttl)
    end
else
    redis.call('ZREM', KEYS[1], peer)
end
local stock = prefix .. 'offers:' .. peer
redis.call('DEL', stock)
local taken = prefix .. 'taken:' .. peer
local still_listed = {}
for at = 11, #ARGV, 2 do
    if redis.call('SISMEMBER', taken, ARGV[at]) == 1 then
        table.insert(still_listed, ARGV[at])
    else
        redis.call('RPUSH', stock, ARGV[at + 1])
    end
end
if redis.call('EXISTS', stock) == 1 and redis.call('DEL', prefix .. 'owed:' .. peer) == 1 and forward == '1' then
    appeared = 1
end
redis.call('DEL', taken)
if #still_listed > 0 then redis.call('SADD', taken, unpack(still_listed)) end
redis.call('ZREMRANGEBYSCORE', prefix .. 'hops:' .. peer, '-inf', now)
local links = redis.call('HKEYS', prefix .. 'links:' .. peer)
for _, link in ipairs(links) do
    if redis.call('PEXPIRE', prefix .. 'link:' .. link, ttl) == 0 then
        redis.call('HDEL', prefix .. 'links:' .. peer, link)
    end
end
for _, user in ipairs(redis.call('HVALS', prefix .. 'watched:' .. peer)) do
    if user ~= '' then redis.call('PEXPIRE', prefix .. 'watchers:' .. user, ttl) end
end
for _, name in ipairs({'peer:' .. peer, 'device:' .. known[2], 'devices:' .. known[1], 'resume:' .. known[3],
                       'offers:' .. peer, 'taken:' .. peer, 'links:' .. peer, 'watched:' .. peer,
                       'unanswered:' .. peer, 'owed:' .. peer}) do
    redis.call('PEXPIRE', prefix .. name, ttl)
end
local waits = redis.call('SPOP', prefix .. 'offer_waits:' .. peer, woken_per_offer * redis.call('LLEN', stock))
if appeared == 1 then
    for _, tx in ipairs(redis.call('ZRANGE', KEYS[2], 0, 49)) do table.insert(waits, tx) end
end
return {'ok', known[4], waits}
