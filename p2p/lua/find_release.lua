-- Give a lease back, if it is still this worker's. Returns 1 when somebody came meanwhile, so it must look again.
-- KEYS finding of the tx
local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return holder == ARGV[1] and 0 or 1
