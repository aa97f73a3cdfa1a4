-- Refresh a peer: what it said of itself, its place among the forwarders, its stock, and the life of all that is its.
-- An offer that was handed out may still stand in a stock that left the peer before it knew: it is left out here, and
-- remembered until a stock comes without it.
-- An account stands in one network at a time, that of its peer which refreshed last: else it would be sampled for each.
-- Tells who waited for what came: for an offer some, by lot, since each is taken once; and whether its guards are to be
-- looked after. Of its tickets those are kept that it shows, and those that it was given and has not shown yet.
-- KEYS forwarders, waiting_forwarders
local prefix, peer, socket, now, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local onion_key, forward, nat, oldest, woken_per_offer = ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local record = prefix .. 'peer:' .. peer
if redis.call('HGET', record, 'socket') ~= socket then return {'unknown', '', {}, 0} end
local known = redis.call('HMGET', record, 'user', 'device', 'resume', 'told', 'network', 'guarded')
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
local tickets, ticket_count = prefix .. 'tickets:' .. peer, tonumber(ARGV[11])
local shown, has_changed = {}, 0
for at = 12, 11 + ticket_count do shown[ARGV[at]] = true end
local kept = redis.call('HGETALL', tickets)
for at = 1, #kept, 2 do
    if kept[at + 1] == 'shown' and not shown[kept[at]] then
        redis.call('HDEL', tickets, kept[at])
        has_changed = 1
    end
end
for ticket in pairs(shown) do
    if redis.call('HSET', tickets, ticket, 'shown') == 1 then has_changed = 1 end
end
local is_due = (has_changed == 1 or (tonumber(known[6]) or 0) <= now) and 1 or 0
local stock = prefix .. 'offers:' .. peer
redis.call('DEL', stock)
local taken = prefix .. 'taken:' .. peer
local still_listed = {}
for at = 12 + ticket_count, #ARGV, 2 do
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
                       'unanswered:' .. peer, 'owed:' .. peer, 'tickets:' .. peer}) do
    redis.call('PEXPIRE', prefix .. name, ttl)
end
local waits = redis.call('SPOP', prefix .. 'offer_waits:' .. peer, woken_per_offer * redis.call('LLEN', stock))
if appeared == 1 then
    for _, tx in ipairs(redis.call('ZRANGE', KEYS[2], 0, 49)) do table.insert(waits, tx) end
end
return {'ok', known[4], waits, is_due}
