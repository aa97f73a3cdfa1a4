-- Give an account a job, unless it waits there already. Returns how many tasks are to be sent, 0 or 1.
-- KEYS turns; ARGV what asking takes, the account, the job
local asking = to_ask(ARGV)
return tasks_for(asking, ask(KEYS[1], asking, ARGV[9], ARGV[10]))
