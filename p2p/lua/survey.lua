-- Read peers that could forward, and the links that decide who is taken: those of the ends of a path, and of peers without
-- offers, who can stand only where a link is open. After ARGV[2] names of fields come ARGV[3] peers who could forward, then
-- the ends, who may be among them.
-- Answers JSON, which is read far faster than a long answer: of each who could forward, what its record says, the length of
-- its stock, what it owes if that is empty, and its user's blame; those links to others of them; what is to be avoided.
-- KEYS what the transaction's paths go around
local prefix, fields = ARGV[1], tonumber(ARGV[2])
local first, last = 4 + fields, 3 + fields + tonumber(ARGV[3])
local names, among, decides, records, links = {}, {}, {}, {}, {}
for at = 4, 3 + fields do names[#names + 1] = ARGV[at] end
for at = first, #ARGV do among[ARGV[at]] = true end
for at = last + 1, #ARGV do decides[ARGV[at]] = true end
for at = first, last do
    local peer = ARGV[at]
    local record = redis.call('HMGET', prefix .. 'peer:' .. peer, unpack(names))
    local blame = record[1] and redis.call('GET', prefix .. 'blame:' .. record[1])
    local stock = redis.call('LLEN', prefix .. 'offers:' .. peer)
    local owed = stock == 0 and redis.call('GET', prefix .. 'owed:' .. peer)
    records[#records + 1] = {record, stock, owed, blame}
    if stock == 0 then decides[peer] = true end
end
for peer in pairs(decides) do
    local found = redis.call('HGETALL', prefix .. 'links:' .. peer)
    for at = 1, #found, 2 do
        if among[found[at + 1]] then links[#links + 1] = {peer, found[at], found[at + 1]} end
    end
end
return cjson.encode({records, links, redis.call('SMEMBERS', KEYS[1])})
