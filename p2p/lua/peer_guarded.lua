-- Note until when a peer's guards need no look; not of one that is gone.
-- KEYS peer
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'guarded', ARGV[1]) end
return 1
