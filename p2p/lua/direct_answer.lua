-- Keep the first answer to the present offer, of a device that was asked with it. Returns whether this is it.
-- `asked`: the offer that it was asked with, then devices and their hops. An offer may have been replaced since.
-- KEYS direct
local hop, sdp, proof, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = redis.call('HMGET', KEYS[1], 'offer', 'asked', 'hop')
if not known[1] or not known[2] or known[3] then return 0 end
local words = {}
for word in string.gmatch(known[2], '%S+') do table.insert(words, word) end
if words[1] ~= known[1] then return 0 end
for at = 3, #words, 2 do
    if words[at] == hop then
        redis.call('HSET', KEYS[1], 'hop', hop, 'answer', sdp, 'answer_proof', proof)
        redis.call('PEXPIRE', KEYS[1], ttl)
        return 1
    end
end
return 0
