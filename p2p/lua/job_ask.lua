-- Give an account a job, unless it waits there already. Returns how many tasks are to be sent, 0 or 1.
-- KEYS turns
local asking = {prefix = ARGV[1], now = ARGV[2], ttl = ARGV[3], most = ARGV[4],
                at_once = ARGV[5], oldest = ARGV[6]}
return ask(KEYS[1], asking, ARGV[7], ARGV[8])
