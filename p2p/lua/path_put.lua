-- Put a path for a transaction's next attempt and take the offers that its new links need: one step, all of it or nothing.
-- Not if the transaction has ended, has lost its recipient, or another worker was faster. Who looks for a path is done then.
-- A hop without a link takes one that the peer in the middle has to its neighbour, of several the lowest id, but none to be
-- avoided: a survey of those would be long. Else the peer before gives an offer. It is never returned; its id is remembered
-- as long as its owner may still list it.
-- Returns nothing; 'empty' and the places of all peers without an offer; or 'put', and of each hop its link and offer, or ''.
-- KEYS tx, path, hops of the tx, lease, deadlines, transactions without enough forwarders, avoided
-- ARGV prefix, tx, former attempt, lives of tx, path, peer and new link, end of the path, when the attempt is due, position of
-- the first hop, count of hops; peers; of each hop the device it leads to, its id, its open link or '', an id for a new link or
-- '' if it needs none; fields of the transaction
local prefix, tx, former = ARGV[1], ARGV[2], ARGV[3]
local tx_life, path_life, peer_life, link_life = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local ends_at, due, first, count = ARGV[8], ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
local known = redis.call('HMGET', KEYS[1], 'attempt', 'state', 'recipient')
local wants_path = known[2] == 'finding' or known[2] == 'waiting'
if known[1] ~= former or not wants_path or known[3] == '' then return false end
local peers, hops = {unpack(ARGV, 12, 12 + count)}, {}
for at = 1, count do
    local device, hop, link, fresh = unpack(ARGV, 9 + count + 4 * at, 12 + count + 4 * at)
    hops[at] = {device = device, id = hop, link = link, fresh = fresh}
end
local function lacks_link(at) return hops[at].link == '' and hops[at].fresh ~= '' end

if count == 4 and (lacks_link(2) or lacks_link(3)) then
    local found = redis.call('HGETALL', prefix .. 'links:' .. peers[3])
    for at, other in pairs({[2] = peers[2], [3] = peers[4]}) do
        for each = 1, lacks_link(at) and #found or 0, 2 do
            local link = hops[at].open
            if found[each + 1] == other and (not link or found[each] < link)
                and redis.call('SISMEMBER', KEYS[7], found[each]) == 0 then
                hops[at].open = found[each]
            end
        end
        hops[at].link = hops[at].open or hops[at].link
    end
end
local empty = {'empty'}
for at = 1, count do
    if lacks_link(at) and redis.call('LLEN', prefix .. 'offers:' .. peers[at]) == 0 then
        empty[#empty + 1] = tostring(at - 1)
    end
end
if #empty > 1 then return empty end

local answer, listed, links = {'put'}, {}, {}
for at, hop in ipairs(hops) do
    local offer, name = '', prefix .. 'hop:' .. hop.id
    if lacks_link(at) then
        offer = redis.call('LPOP', prefix .. 'offers:' .. peers[at])
        local taken = prefix .. 'taken:' .. peers[at]
        redis.call('SADD', taken, cjson.decode(offer).id)
        redis.call('PEXPIRE', taken, peer_life)
        hop.link = hop.fresh
        local link = prefix .. 'link:' .. hop.link
        redis.call('HSET', link, 'a', peers[at], 'b', peers[at + 1], 'state', 'pending', 'up_a', '', 'up_b', '', 'answered', '')
        redis.call('PEXPIRE', link, link_life)
    end
    redis.call('HSET', name, 'tx', tx, 'attempt', former + 1, 'position', first + at - 1, 'from', peers[at], 'to', hop.device)
    redis.call('PEXPIRE', name, tx_life)
    for _, peer in ipairs({peers[at], peers[at + 1]}) do
        redis.call('ZADD', prefix .. 'hops:' .. peer, ends_at, hop.id)
        redis.call('PEXPIRE', prefix .. 'hops:' .. peer, peer_life)
    end
    listed[at] = hop.id
    if hop.link ~= '' then links[#links + 1] = hop.link end
    answer[2 * at], answer[2 * at + 1] = hop.link, offer
end
redis.call('HSET', KEYS[2], 'peers', table.concat(peers, ' '), 'hops', table.concat(listed, ' '), 'links', table.concat(links, ' '))
redis.call('PEXPIRE', KEYS[2], path_life)
redis.call('SADD', KEYS[3], unpack(listed))
redis.call('PEXPIRE', KEYS[3], tx_life)
redis.call('HSET', KEYS[1], 'attempt', former + 1, unpack(ARGV, 13 + 5 * count))
redis.call('PEXPIRE', KEYS[1], tx_life)
redis.call('SREM', prefix .. 'waiting:' .. known[3], tx)
redis.call('ZADD', KEYS[5], due, 'attempt:' .. tx)
redis.call('ZREM', KEYS[6], tx)
redis.call('DEL', KEYS[4])
return answer
