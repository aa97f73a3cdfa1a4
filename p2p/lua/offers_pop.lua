-- Take one offer from each stock, or none at all. Returns the offers, or the places of all empty stocks.
-- A taken offer is never returned; its id is remembered as long as its owner may still list it.
-- KEYS stock, taken ids, stock, taken ids, …
local empty = {'empty'}
for at = 1, #KEYS, 2 do
    if redis.call('LLEN', KEYS[at]) == 0 then table.insert(empty, tostring((at - 1) / 2)) end
end
if #empty > 1 then return empty end
local popped = {'ok'}
for at = 1, #KEYS, 2 do
    local offer = redis.call('LPOP', KEYS[at])
    redis.call('SADD', KEYS[at + 1], cjson.decode(offer).id)
    redis.call('PEXPIRE', KEYS[at + 1], ARGV[1])
    table.insert(popped, offer)
end
return popped
