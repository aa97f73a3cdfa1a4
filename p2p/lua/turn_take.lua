-- Take the oldest job of the account whose turn it is; while it has more, its next turn comes after all others'.
-- Returns the job, and how many tasks are to be sent in place of the one that took it, 0 or 1.
-- KEYS turns
local prefix, now, at_once = ARGV[1], ARGV[2], tonumber(ARGV[3])
while true do
    local user = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not user then return false end
    local jobs = prefix .. 'jobs:' .. user
    local job = redis.call('ZPOPMIN', jobs)[1]
    local left = redis.call('ZCARD', jobs)
    if left > 0 then to_the_end(KEYS[1], user, now, 'XX') else redis.call('ZREM', KEYS[1], user) end
    if job then return {job, left >= at_once and 1 or 0} end
end
