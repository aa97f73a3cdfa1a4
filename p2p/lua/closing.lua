-- Hide a peer whose socket has closed, at once, and make it due to be dropped. What it watched ends with the socket.
local function close(forwarders, deadlines, prefix, peer, closed, grace, ttl)
    local record = prefix .. 'peer:' .. peer
    redis.call('HSET', record, 'closed', closed, 'socket', '')
    redis.call('ZREM', forwarders, peer)
    redis.call('ZADD', deadlines, closed + grace, 'gone:' .. peer)
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
    redis.call('ZREM', deadlines, 'watch:' .. peer, 'guards:' .. peer)
end
