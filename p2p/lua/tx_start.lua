-- Begin a transaction and make it due, in one step. Returns new, same (it is the caller's already), foreign or full.
-- KEYS tx, txs of the owner, transactions that name its token, deadlines
local tx, owner, sender, recipient = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local now, due, ttl, most = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local digest, tickets, own = ARGV[9], ARGV[10], ARGV[11]
local known = redis.call('HGET', KEYS[1], 'owner')
if known == owner then return 'same' end
if known then return 'foreign' end
if redis.call('SCARD', KEYS[2]) >= most then return 'full' end
redis.call('HSET', KEYS[1], 'owner', owner, 'sender', sender, 'recipient', recipient, 'digest', digest, 'state', 'finding',
           'attempt', 0, 'tries', 0, 'device', '', 'credited', now, 'not_before', now, 'opened', 0, 'aged', 0, 'used', 0,
           'receipted', 0, 'cause', '', 'told', '', 'minute', 0, 'spent', 0, 'misses', 0, 'look_at', now, 'woken', 0,
           'tickets', tickets, 'own', own)
redis.call('PEXPIRE', KEYS[1], ttl)
for _, name in ipairs({KEYS[2], KEYS[3]}) do
    redis.call('SADD', name, tx)
    redis.call('PEXPIRE', name, ttl)
end
redis.call('ZADD', KEYS[4], due, 'attempt:' .. tx)
return 'new'
