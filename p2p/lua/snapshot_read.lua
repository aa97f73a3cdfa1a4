-- Read what a snapshot is made of: live hops of a peer, its device's open transactions, and which of them hold receipts.
-- In one step and one answer: a device may have hundreds of transactions, and asks a hundred times a second.
-- KEYS hops of the peer, transactions of the device, sizes of what is held for it
local prefix, now, most_hops = ARGV[1], ARGV[2], ARGV[3]
local open = {}
for _, tx in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local known = redis.call('HMGET', prefix .. 'tx:' .. tx, 'state', 'attempt')
    if known[1] then table.insert(open, {tx, known[1], known[2]}) end
end
local hops = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf', 'LIMIT', 0, most_hops)
return cjson.encode({hops, open, redis.call('HKEYS', KEYS[3])})
