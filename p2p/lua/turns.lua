-- What the scripts about jobs begin with: an account's jobs are `jobs:<user>`, accounts that have any stand in a ring.
-- A task is to wait for each of the first `at_once` jobs of each account, and for no other: `ask` tells whether one is to
-- be sent. `asking`: prefix, now, life of a list of jobs, most jobs of an account, at_once, oldest place.
local function to_the_end(ring, user, now, flag)
    local last = tonumber(redis.call('ZRANGE', ring, -1, -1, 'WITHSCORES')[2] or 0)
    redis.call('ZADD', ring, flag, string.format('%.6f', math.max(tonumber(now), last + 0.000001)), user)
end
local function ask(ring, asking, user, job)
    local jobs = asking.prefix .. 'jobs:' .. user
    local count, fresh = redis.call('ZCARD', jobs), 0
    if count < tonumber(asking.most) then fresh = redis.call('ZADD', jobs, 'NX', asking.now, job) end
    redis.call('PEXPIRE', jobs, asking.ttl)
    redis.call('ZREMRANGEBYSCORE', ring, '-inf', asking.oldest)
    to_the_end(ring, user, asking.now, 'NX')
    return count < tonumber(asking.at_once) and fresh or 0
end
