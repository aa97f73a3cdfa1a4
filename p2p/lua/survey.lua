-- Read peers that could forward, and the links that decide who is taken: those of the ends of a path, and of peers without
-- offers, who can stand only where a link is open. The first ARGV[2] of the peers named are those who could forward; ARGV[3]
-- names of fields follow, then the peers.
-- Answers JSON, which is read far faster than a long answer: of each who could forward, what its record says, the length of
-- its stock, what it owes and its user's blame; and those links to others of them.
local prefix, count, fields = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local names, among = {}, {}
for at = 4, 3 + fields do names[#names + 1] = ARGV[at] end
for at = 4 + fields, #ARGV do among[ARGV[at]] = true end
local records, links = {}, {}
for at = 4 + fields, #ARGV do
    local peer = ARGV[at]
    local decides = true
    if #records < count then
        local record = redis.call('HMGET', prefix .. 'peer:' .. peer, unpack(names))
        local blame = record[1] and redis.call('GET', prefix .. 'blame:' .. record[1])
        local stock = redis.call('LLEN', prefix .. 'offers:' .. peer)
        table.insert(records, {record, stock, redis.call('GET', prefix .. 'owed:' .. peer), blame})
        decides = stock == 0
    end
    local found = decides and redis.call('HGETALL', prefix .. 'links:' .. peer) or {}
    for each = 1, #found, 2 do
        if among[found[each + 1]] then table.insert(links, {peer, found[each], found[each + 1]}) end
    end
end
return cjson.encode({records, links})
