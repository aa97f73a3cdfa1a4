-- Take the oldest job of the account whose turn it is; while it has more, its next turn comes after all others'.
-- ARGV[3] is 1 for a task that begins. A task that may wait for a job has a name, ARGV[4]: until ARGV[5] if that is not empty,
-- while there are fewer than ARGV[6] that do; ARGV[7]: their life in ms. Else it does not wait any more.
-- Returns the job, and how many accounts have others; or 'wait'; or nothing.
-- KEYS turns, tasks
local prefix, now, waiter, latest = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local idle = prefix .. 'idle'
if ARGV[3] == '1' then redis.call('ZPOPMIN', KEYS[2]) end
if waiter ~= '' and latest == '' then redis.call('ZREM', idle, waiter) end
while true do
    local user = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not user then break end
    local jobs = prefix .. 'jobs:' .. user
    local job = redis.call('ZPOPMIN', jobs)[1]
    local left = redis.call('ZCARD', jobs)
    if left > 0 then to_the_end(KEYS[1], user, now, 'XX') else redis.call('ZREM', KEYS[1], user) end
    if job then return {job, redis.call('ZCARD', KEYS[1])} end
end
if latest == '' then return false end
redis.call('ZREMRANGEBYSCORE', idle, '-inf', now)
if redis.call('ZCARD', idle) >= tonumber(ARGV[6]) then return false end
redis.call('ZADD', idle, latest, waiter)
redis.call('PEXPIRE', idle, ARGV[7])
return 'wait'
