-- Give a device's socket a peer: the former one if its resume token fits, else a new one.
-- A resumed peer that has published before can be reached, and forward, at once.
-- One step, since two sockets of a device may open at the same time. A former peer that is not resumed is gone for good.
-- KEYS forwarders, deadlines
local prefix, device, user, sid, socket, network = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local resume, fresh, fresh_resume = ARGV[7], ARGV[8], ARGV[9]
local now, ttl, web = tonumber(ARGV[10]), ARGV[11], ARGV[12]
local device_key = prefix .. 'device:' .. device
local former = redis.call('GET', device_key)
local peer = fresh
local resumed = '0'
if former and resume ~= '' and redis.call('GET', prefix .. 'resume:' .. resume) == former
   and redis.call('HGET', prefix .. 'peer:' .. former, 'device') == device then
    peer = former
    resumed = '1'
    redis.call('DEL', prefix .. 'resume:' .. resume)
    redis.call('ZREM', KEYS[2], 'gone:' .. peer)
elseif former and redis.call('EXISTS', prefix .. 'peer:' .. former) == 1 then
    redis.call('HSET', prefix .. 'peer:' .. former, 'closed', now - 3600, 'socket', '')
    redis.call('ZREM', KEYS[1], former)
    redis.call('ZADD', KEYS[2], now, 'gone:' .. former)
end
local record = prefix .. 'peer:' .. peer
local reachable = '0'
if resumed == '0' then
    redis.call('HSET', record, 'user', user, 'device', device, 'onion_key', '', 'forward', '0', 'seen', '0',
               'since', now)
else
    local known = redis.call('HMGET', record, 'onion_key', 'forward', 'seen')
    if known[1] ~= '' then reachable = '1' end
    if known[2] == '1' then redis.call('ZADD', KEYS[1], known[3], peer) end
end
redis.call('HSET', record, 'sid', sid, 'socket', socket, 'network', network, 'closed', '', 'told', reachable,
           'resume', fresh_resume, 'web', web)
redis.call('SET', device_key, peer, 'PX', ttl)
redis.call('SET', prefix .. 'resume:' .. fresh_resume, peer, 'PX', ttl)
redis.call('SADD', prefix .. 'devices:' .. user, device)
for _, name in ipairs({'peer:' .. peer, 'devices:' .. user, 'offers:' .. peer, 'taken:' .. peer,
                       'tickets:' .. peer}) do
    redis.call('PEXPIRE', prefix .. name, ttl)
end
return {peer, resumed, reachable}
