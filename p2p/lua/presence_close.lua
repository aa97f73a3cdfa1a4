-- Hide a peer whose socket has closed, at once, and make it due to be dropped. What it watched ends with the socket.
-- KEYS forwarders, deadlines
local prefix, peer, socket, now, grace, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local record = prefix .. 'peer:' .. peer
if redis.call('HGET', record, 'socket') ~= socket then return 0 end
redis.call('HSET', record, 'closed', now, 'socket', '')
redis.call('ZREM', KEYS[1], peer)
redis.call('ZADD', KEYS[2], now + grace, 'gone:' .. peer)
local fields = redis.call('HMGET', record, 'device', 'resume')
for _, name in ipairs({'peer:' .. peer, 'device:' .. fields[1], 'resume:' .. fields[2], 'tickets:' .. peer}) do
    redis.call('PEXPIRE', prefix .. name, ttl)
end
local watched = redis.call('HGETALL', prefix .. 'watched:' .. peer)
for at = 1, #watched, 2 do
    if watched[at + 1] ~= '' then
        redis.call('SREM', prefix .. 'watchers:' .. watched[at + 1], peer .. ' ' .. watched[at])
    end
end
redis.call('DEL', prefix .. 'watched:' .. peer, prefix .. 'unanswered:' .. peer)
redis.call('ZREM', KEYS[2], 'watch:' .. peer, 'guards:' .. peer)
return 1
