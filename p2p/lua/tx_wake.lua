-- Wake transactions, since something they wait for may have come: each gets a job, or is made due when it may look again.
-- A worker that is about to let one wait sees by `woken` that it must not. Returns how many tasks are to be sent.
-- KEYS turns, deadlines; ARGV what asking takes, when a deadline stands for the job, a cause or nothing, the transactions
local asking = to_ask(ARGV)
local safety, cause, fresh = tonumber(ARGV[9]), ARGV[10], 0
for at = 11, #ARGV do
    local tx = asking.prefix .. 'tx:' .. ARGV[at]
    local known = redis.call('HMGET', tx, 'sender', 'state', 'cause', 'not_before')
    local is_fit = cause == '' or known[3] == cause
    if is_fit and (known[2] == 'waiting' or known[2] == 'finding') then
        redis.call('HSET', tx, 'state', 'finding')
        redis.call('HINCRBY', tx, 'woken', 1)
        local is_early = tonumber(known[4]) > tonumber(asking.now)
        local due = is_early and tonumber(known[4]) or safety
        local planned = redis.call('ZSCORE', KEYS[2], 'attempt:' .. ARGV[at])
        if planned and tonumber(planned) > due then
            redis.call('ZADD', KEYS[2], string.format('%.6f', due), 'attempt:' .. ARGV[at])
        end
        if not is_early then fresh = fresh + ask(KEYS[1], asking, known[1], 'attempt:' .. ARGV[at]) end
    end
end
return tasks_for(asking, fresh)
