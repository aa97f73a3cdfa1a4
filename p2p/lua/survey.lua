-- Look who could forward: all who offered to, or if there are more than `most` those that were drawn of them, and guards.
-- Of each who can be reached: what its record says, when it was refreshed, the length of its stock, what it owes if that is
-- empty, and its user's blame. And the links that decide who is taken: those of the ends of a path, and of peers without
-- offers, who can stand only where a link is open.
-- Answers JSON, which is read far faster than a long answer: whether there are others, the peers, those of the guards, those
-- links to others of them, what is to be avoided. Or 'draw': a sample has to be drawn first. Or 'enough', if a limit is given
-- of looks: this one is counted, and one too many.
-- KEYS what the transaction's paths go around, forwarders, the sample, looks of the account
-- ARGV prefix, oldest refresh, `most`, most looks or '', life of their count, count of fields, count of guards; names of fields,
-- beginning with user, closed and onion_key; devices of guards; peers of the ends
local prefix, oldest, most, most_looks, looks_life = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local fields, guards = 7 + ARGV[6], 7 + ARGV[6] + ARGV[7]
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', oldest)
local is_part, sampled = redis.call('ZCARD', KEYS[2]) > most, {}
if is_part then
    local drawn = redis.call('GET', KEYS[3])
    if not drawn then return 'draw' end
    sampled = cjson.decode(drawn)
else
    local found = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
    for at = 1, #found, 2 do sampled[#sampled + 1] = {found[at], found[at + 1]} end
end
if most_looks ~= '' then
    local count = redis.call('INCR', KEYS[4])
    redis.call('PEXPIRE', KEYS[4], looks_life)
    if count > tonumber(most_looks) then return 'enough' end
end

local refreshed, bound = {}, {}
for _, each in ipairs(sampled) do refreshed[each[1]] = each[2] end
for at = fields + 1, guards do
    local peer = redis.call('GET', prefix .. 'device:' .. ARGV[at])
    local score = peer and redis.call('ZSCORE', KEYS[2], peer)
    if score then
        bound[#bound + 1] = peer
        if not refreshed[peer] then
            refreshed[peer] = score
            sampled[#sampled + 1] = {peer, score}
        end
    end
end
local peers, among, decides, links = {}, {}, {}, {}
for at = guards + 1, #ARGV do among[ARGV[at]], decides[ARGV[at]] = true, true end
for _, each in ipairs(sampled) do
    local peer = each[1]
    among[peer] = true
    local record = redis.call('HMGET', prefix .. 'peer:' .. peer, unpack(ARGV, 8, fields))
    if record[1] and (record[2] or '') == '' and (record[3] or '') ~= '' then
        local stock = redis.call('LLEN', prefix .. 'offers:' .. peer)
        local owed = stock == 0 and redis.call('GET', prefix .. 'owed:' .. peer)
        peers[#peers + 1] = {peer, record, each[2], stock, owed, redis.call('GET', prefix .. 'blame:' .. record[1])}
        if stock == 0 then decides[peer] = true end
    end
end
for peer in pairs(decides) do
    local found = redis.call('HGETALL', prefix .. 'links:' .. peer)
    for at = 1, #found, 2 do
        if among[found[at + 1]] then links[#links + 1] = {peer, found[at], found[at + 1]} end
    end
end
return cjson.encode({is_part, peers, bound, links, redis.call('SMEMBERS', KEYS[1])})
