-- Credit a transaction with a receipt, or with the wish to be kept, and prolong all that is its.
-- A receipt is held for a sender that is away, the newest of them within a number and a size. The size counts for all
-- transactions of the device: the one that holds most pays, so a flood by one contact displaces its own receipts only.
-- Not of one whose recipient took the token back, and not while its sender has no peer: a record that others alone
-- prolong would stay for good.
-- Returns the owner's device, or nothing when it has ended, was not credited, or was kept just now.
-- KEYS tx, hops of the tx, held receipts
local prefix, tx, now, ttl, path_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local receipt, most, most_bytes, held_ttl = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local keep_every = tonumber(ARGV[10])
local known = redis.call('HMGET', KEYS[1], 'owner', 'attempt', 'kept', 'recipient', 'digest')
if not known[1] or known[4] == '' then return false end
if redis.call('EXISTS', prefix .. 'device:' .. known[1]) == 0 then return false end
redis.call('HSET', KEYS[1], 'used', now)
local sizes = prefix .. 'held_sizes:' .. known[1]

local function drop_oldest(which)
    local dropped = redis.call('LPOP', prefix .. 'held:' .. which)
    if not dropped or redis.call('EXISTS', prefix .. 'held:' .. which) == 0 then
        redis.call('HDEL', sizes, which)
    else
        redis.call('HINCRBY', sizes, which, -#dropped)
    end
end

local function largest()
    local listed, total, most_held, which = redis.call('HGETALL', sizes), 0, -1, nil
    for at = 1, #listed, 2 do
        local size = tonumber(listed[at + 1])
        total = total + size
        if size > most_held then most_held, which = size, listed[at] end
    end
    return total, which
end

local is_refused = false
if receipt ~= '' then
    local count = redis.call('RPUSH', KEYS[3], receipt)
    if count == 1 then redis.call('HDEL', sizes, tx) end
    redis.call('HINCRBY', sizes, tx, #receipt)
    if count > most then drop_oldest(tx) end
    local total, which = largest()
    while total > most_bytes do
        drop_oldest(which)
        total, which = largest()
    end
    redis.call('PEXPIRE', KEYS[3], held_ttl)
    redis.call('PEXPIRE', sizes, held_ttl)
    redis.call('HSET', KEYS[1], 'receipted', '1', 'credited', now)
else
    is_refused = tonumber(now) - (tonumber(known[3]) or 0) < keep_every
    if not is_refused then
        redis.call('HSET', KEYS[1], 'aged', now, 'kept', now)
        redis.call('PEXPIRE', prefix .. 'path:' .. tx .. ':' .. known[2], path_ttl)
    end
end
if is_refused then return false end
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('PEXPIRE', prefix .. 'txs:' .. known[1], ttl)
redis.call('PEXPIRE', prefix .. 'reaching:' .. known[5], ttl)
for _, hop in ipairs(redis.call('SMEMBERS', KEYS[2])) do redis.call('PEXPIRE', prefix .. 'hop:' .. hop, ttl) end
return known[1]
