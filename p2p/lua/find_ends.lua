-- Read the peers of both ends of a path to be: that of the sender's device, and those of all devices of the recipient.
-- Answers JSON, which is read far faster than a long answer: a list of {peer, what its record says, the guard tickets it has};
-- the first is the sender's, or empty, and also says how many offers and open links it has.
local prefix, owner, recipient = ARGV[1], ARGV[2], ARGV[3]
local function peer_of(device)
    local peer = redis.call('GET', prefix .. 'device:' .. device)
    if not peer then return false end
    return {peer, redis.call('HMGET', prefix .. 'peer:' .. peer, unpack(ARGV, 4)), redis.call('HKEYS', prefix .. 'tickets:' .. peer)}
end
local sender = peer_of(owner) or {}
if sender[1] then
    sender[4] = redis.call('LLEN', prefix .. 'offers:' .. sender[1]) + redis.call('HLEN', prefix .. 'links:' .. sender[1])
end
local found = {sender}
local devices = redis.call('SMEMBERS', prefix .. 'devices:' .. recipient)
table.sort(devices)
for _, device in ipairs(devices) do
    local peer = peer_of(device)
    if peer then found[#found + 1] = peer end
end
return cjson.encode(found)
