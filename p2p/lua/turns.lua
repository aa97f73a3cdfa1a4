-- What the scripts about jobs begin with: an account's jobs are `jobs:<user>`, accounts that have any stand in a ring.
-- `tasks` are those that were sent and have not begun: while there are `most_tasks`, whatever is asked for waits for one of
-- them. One that has not begun within `task_ttl` ms counts as lost. Before any is sent, `idle` ones are called that wait for
-- a job, each by a list of its own. `ask` answers how many jobs are new, 0 or 1, and
-- `tasks_for` how many tasks are to be sent for some.
-- `asking`: prefix, now, life of a list of jobs, most jobs of an account, oldest place, the key of tasks, most tasks, life
-- of a task.
local function to_ask(from)
    local names, asking = {'prefix', 'now', 'ttl', 'most', 'oldest', 'tasks', 'most_tasks', 'task_ttl'}, {}
    for at, name in ipairs(names) do asking[name] = from[at] end
    return asking
end
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
    return fresh
end
local function call(asking, count)
    local idle = asking.prefix .. 'idle'
    redis.call('ZREMRANGEBYSCORE', idle, '-inf', asking.now)
    local called = redis.call('ZPOPMAX', idle, count)
    for at = 1, #called, 2 do
        local name = asking.prefix .. 'call:' .. called[at]
        redis.call('RPUSH', name, '1')
        redis.call('PEXPIRE', name, asking.task_ttl)
    end
    return #called / 2
end
local function tasks_for(asking, fresh)
    if fresh > 0 then fresh = fresh - call(asking, fresh) end
    if fresh == 0 then return 0 end
    local tasks, now, life = asking.tasks, tonumber(asking.now), tonumber(asking.task_ttl)
    redis.call('ZREMRANGEBYSCORE', tasks, '-inf', now - life / 1000)
    local count = redis.call('ZCARD', tasks)
    local more = math.max(0, math.min(fresh, tonumber(asking.most_tasks) - count))
    for each = 1, more do redis.call('ZADD', tasks, asking.now, asking.now .. ' ' .. count + each) end
    if more > 0 then redis.call('PEXPIRE', tasks, life) end
    return more
end
