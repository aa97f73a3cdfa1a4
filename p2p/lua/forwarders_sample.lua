-- Sample forwarders: draw a network, an account in it, a peer of that; over again while there are fewer networks than
-- draws. Returns handles and the times of their last refresh, as JSON that is kept for the looks that follow. Chance comes
-- from outside: it must not be guessable.
-- KEYS forwarders, networks, the sample
local prefix, oldest, life, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local function chance(turn, which) return tonumber(ARGV[3 * turn + 1 + which]) end
local function member(name, drawn)
    redis.call('ZREMRANGEBYSCORE', name, '-inf', oldest)
    local rank = math.floor(drawn * redis.call('ZCARD', name))
    return redis.call('ZRANGE', name, rank, rank)[1]
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', oldest)
local count = redis.call('ZCARD', KEYS[2])
local sampled, seen, moved = {}, {}, {}
for turn = 1, count == 0 and 0 or size do
    local at = (turn - 1) % count
    if turn <= count then
        -- A shuffle that goes no further than it is needed.
        local other = at + math.floor(chance(turn, 1) * (count - at))
        moved[at], moved[other] = moved[other] or other, moved[at] or at
    end
    local network = redis.call('ZRANGE', KEYS[2], moved[at], moved[at])[1]
    local user = member(prefix .. 'network:' .. network, chance(turn, 2))
    local peer = user and member(prefix .. 'forwarding:' .. user, chance(turn, 3))
    local refreshed = peer and redis.call('ZSCORE', KEYS[1], peer)
    if refreshed and not seen[peer] then
        seen[peer] = true
        table.insert(sampled, {peer, refreshed})
    end
end
local found = #sampled == 0 and '[]' or cjson.encode(sampled)
redis.call('SET', KEYS[3], found, 'PX', life)
return found
