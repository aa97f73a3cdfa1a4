-- End a transaction: everything that names it, its ends or its paths is removed in one step (invariant 3). Returns its
-- record as it was, or nothing when it has ended.
-- KEYS tx, deadlines, transactions without enough forwarders; ARGV prefix, tx, its jobs
local prefix, tx = ARGV[1], ARGV[2]
local record, known = redis.call('HGETALL', KEYS[1]), {}
if #record == 0 then return false end
for at = 1, #record, 2 do known[record[at]] = record[at + 1] end
local ended, path = {KEYS[1]}, prefix .. 'path:' .. tx .. ':' .. known.attempt
local function ends(name) ended[#ended + 1] = prefix .. name .. tx end
for _, name in ipairs({'held:', 'avoided:', 'direct:', 'finding:'}) do ends(name) end
local on_path = redis.call('HMGET', path, 'peers', 'hops')
if on_path[1] then
    local hops = {}
    for hop in string.gmatch(on_path[2], '%S+') do hops[#hops + 1] = hop end
    for peer in string.gmatch(on_path[1], '%S+') do redis.call('ZREM', prefix .. 'hops:' .. peer, unpack(hops)) end
    ended[#ended + 1] = path
end
for _, hop in ipairs(redis.call('SMEMBERS', prefix .. 'tx_hops:' .. tx)) do ended[#ended + 1] = prefix .. 'hop:' .. hop end
for _, peer in ipairs(redis.call('SMEMBERS', prefix .. 'asked:' .. tx)) do
    redis.call('SREM', prefix .. 'offer_waits:' .. peer, tx)
end
ends('tx_hops:')
ends('asked:')
redis.call('DEL', unpack(ended))
redis.call('SREM', prefix .. 'txs:' .. known.owner, tx)
redis.call('SREM', prefix .. 'reaching:' .. known.digest, tx)
redis.call('HDEL', prefix .. 'held_sizes:' .. known.owner, tx)
redis.call('ZREM', prefix .. 'jobs:' .. known.sender, unpack(ARGV, 3))
if known.recipient ~= '' then redis.call('SREM', prefix .. 'waiting:' .. known.recipient, tx) end
redis.call('ZREM', KEYS[2], 'attempt:' .. tx)
redis.call('ZREM', KEYS[3], tx)
return record
