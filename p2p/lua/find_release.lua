-- Give a lease back, if it is still this worker's.
-- KEYS finding of the tx
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
