"""Refuses a write to the store that would leave a key without an end.

Every key has a TTL or is one of the trimmed zsets that `mesa.store.trimmed` names (invariant 7). The guard
looks at each command before it is sent: SET must carry its TTL; a write that can not (HSET, SADD, …) must
share a MULTI with an EXPIRE of the same key; a command that is not listed is refused. Scripts answer for
themselves: a test walks the keys.
"""

from collections.abc import Iterable, Sequence

PREFIX = "mesa:"

READS = frozenset(
    """
    CONFIG DBSIZE EXISTS GET GETRANGE HEXISTS HGET HGETALL HKEYS HLEN HMGET HSCAN HVALS INFO LINDEX LLEN
    LRANGE MGET PING PTTL PUBLISH SCAN SCARD SCRIPT SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER SSCAN STRLEN
    TIME TTL TYPE UNWATCH WATCH ZCARD ZCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYSCORE ZRANK ZREVRANGE
    ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
    """.split()
)
SCRIPTS = frozenset({"EVAL", "EVALSHA"})
ENDINGS = frozenset({"EXPIRE", "EXPIREAT", "PEXPIRE", "PEXPIREAT"})
# None of these brings a key to life. (GETDEL and the pops may end one.)
REMOVALS = frozenset(
    """
    BLPOP DEL FLUSHALL FLUSHDB GETDEL HDEL LPOP LREM LTRIM RPOP SPOP SREM UNLINK ZPOPMAX ZPOPMIN ZREM
    ZREMRANGEBYRANK ZREMRANGEBYSCORE
    """.split()
)
SELF_ENDING = frozenset({"PSETEX", "SETEX"})
GROWTHS = frozenset(
    """
    DECR DECRBY HINCRBY HSET HSETNX INCR INCRBY LPUSH RPUSH SADD ZADD ZINCRBY
    """.split()
)
TTL_WORDS = frozenset({"EX", "PX", "EXAT", "PXAT"})


class UnboundedKey(Exception):
    """A write would leave a key with no TTL, or is outside Mesa's prefix, or is no command of the lists."""


def check(commands: Iterable[Sequence[object]], *, trimmed: Iterable[str]) -> None:
    """Judge the commands of one MULTI (or a single one) together.

    Raises:
        UnboundedKey: one of them writes a key that no command of the same MULTI ends.
    """
    named = [(_word(command[0]), command) for command in commands]
    ended = {str(command[1]) for name, command in named if name in ENDINGS} | set(trimmed)
    for name, command in named:
        if name in READS | SCRIPTS | REMOVALS | ENDINGS:
            continue
        if not str(command[1]).startswith(PREFIX):
            raise UnboundedKey(f"{name} outside {PREFIX}")
        if not _is_bounded(name, command, ended):
            raise UnboundedKey(f"{name} without a TTL")


def _is_bounded(name: str, command: Sequence[object], ended: set[str]) -> bool:
    if name == "SET":
        return not TTL_WORDS.isdisjoint(_word(part) for part in command[3:])
    return name in SELF_ENDING or (name in GROWTHS and str(command[1]) in ended)


def _word(part: object) -> str:
    text = part.decode() if isinstance(part, bytes) else str(part)
    return text.partition(" ")[0].upper()
