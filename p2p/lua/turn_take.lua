-- Take the oldest job of the account whose turn it is; while it has more, its next turn comes after all others'.
-- ARGV[3] is 1 for a task that begins. Returns the job, and how many accounts have others.
-- KEYS turns, tasks
local prefix, now = ARGV[1], ARGV[2]
if ARGV[3] == '1' then redis.call('ZPOPMIN', KEYS[2]) end
while true do
    local user = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not user then return false end
    local jobs = prefix .. 'jobs:' .. user
    local job = redis.call('ZPOPMIN', jobs)[1]
    local left = redis.call('ZCARD', jobs)
    if left > 0 then to_the_end(KEYS[1], user, now, 'XX') else redis.call('ZREM', KEYS[1], user) end
    if job then return {job, redis.call('ZCARD', KEYS[1])} end
end
