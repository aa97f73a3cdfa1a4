-- Read the peers of both ends of a path to be: that of the sender's device, and those of all devices of the recipient.
-- Answers a list of {peer, what its record says}; the first is the sender's, or empty.
local prefix, owner, recipient = ARGV[1], ARGV[2], ARGV[3]
local function peer_of(device)
    local peer = redis.call('GET', prefix .. 'device:' .. device)
    return peer and {peer, redis.call('HMGET', prefix .. 'peer:' .. peer, unpack(ARGV, 4))}
end
local found = {peer_of(owner) or {}}
local devices = redis.call('SMEMBERS', prefix .. 'devices:' .. recipient)
table.sort(devices)
for _, device in ipairs(devices) do
    local peer = peer_of(device)
    if peer then table.insert(found, peer) end
end
return found
