"""Things that are due: a zset of "<kind>:<id>" by time, swept by the worker.

A claim is a lease: the member's time moves LEASE ahead, so what is claimed by a worker that dies comes back.
The service that is called ends it with `clear`, or moves it with `reschedule`; both compare the time first,
so a slow worker can not undo what a faster one decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mesa import store

KEY: Final = store.trimmed("deadlines")
LEASE = timedelta(seconds=5)
CLAIM_LIMIT = 100

CLAIM = store.script(
    "deadlines_claim",
    """
    local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
    for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], 'XX', ARGV[2], member) end
    return due
    """,
)
MOVE = store.script(
    "deadlines_move",
    """
    local found = redis.call('ZSCORE', KEYS[1], ARGV[1])
    if not found or tonumber(found) ~= tonumber(ARGV[2]) then return 0 end
    if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1])
    else redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[1]) end
    return 1
    """,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the sweeper does when a member of this kind is due.

    `call`: a function, which gets the id and the time and must take no longer than to hand the work on; or a
    task by name, which gets the id unless it is periodic.
    """

    name: str
    call: str | Callable[[str, datetime], None]
    every: timedelta | None = None


_kinds: dict[str, Kind] = {}


def register(
    kind: str, call: str | Callable[[str, datetime], None], *, every: timedelta | None = None
) -> None:
    """Say what is called for a kind; with `every` the worker itself keeps one member due at that pace.

    Raises:
        ValueError: the kind is taken by something else, or its name has a colon.
    """
    made = Kind(kind, call, every)
    if ":" in kind or _kinds.setdefault(kind, made) != made:
        raise ValueError(f"deadline kind {kind} can not be registered twice")


def kind_of(member: str) -> tuple[Kind | None, str]:
    """Split a member into its kind (None when nobody registered it) and its id."""
    name, _, ident = member.partition(":")
    return _kinds.get(name), ident


def schedule(kind: str, ident: object, at: datetime, *, batch: store.Pipeline | None = None) -> None:
    """Make something due at a time, or move it there; with `batch` as a part of that MULTI."""
    (store.client() if batch is None else batch).zadd(KEY, {f"{kind}:{ident}": at.timestamp()})


async def aschedule(
    kind: str, ident: object, at: datetime, *, batch: store.AsyncPipeline | None = None
) -> None:
    """Make something due from a socket handler; with `batch` as a part of that MULTI."""
    if batch is None:
        await store.async_client().zadd(KEY, {f"{kind}:{ident}": at.timestamp()})
    else:
        batch.zadd(KEY, {f"{kind}:{ident}": at.timestamp()})


def cancel(kind: str, ident: object, *, batch: store.Pipeline | None = None) -> None:
    """Forget a deadline, whatever its time; with `batch` as a part of that MULTI."""
    (store.client() if batch is None else batch).zrem(KEY, f"{kind}:{ident}")


def due_at(kind: str, ident: object) -> datetime | None:
    """Look up when something is due: the value to hand to `clear` and `reschedule`."""
    score = store.client().zscore(KEY, f"{kind}:{ident}")
    return None if score is None else datetime.fromtimestamp(score, UTC)


def clear(kind: str, ident: object, *, expected: datetime) -> bool:
    """Forget a deadline if its time is still the expected one."""
    return bool(MOVE.run([KEY], [f"{kind}:{ident}", expected.timestamp(), ""]))


def reschedule(kind: str, ident: object, at: datetime, *, expected: datetime) -> bool:
    """Move a deadline if its time is still the expected one."""
    return bool(MOVE.run([KEY], [f"{kind}:{ident}", expected.timestamp(), at.timestamp()]))


def claim(now: datetime) -> list[str]:
    """Take what is due, oldest first, at most CLAIM_LIMIT members, under a lease."""
    due: list[str] = CLAIM.run([KEY], [now.timestamp(), (now + LEASE).timestamp(), CLAIM_LIMIT])
    return due


def keep_pace(now: datetime) -> None:
    """Put in every periodic kind that is missing: at the first start, and after the store was emptied."""
    first: dict[str | bytes, bytes | float | int | str] = {
        f"{kind.name}:": now.timestamp() for kind in _kinds.values() if kind.every
    }
    if first:
        store.client().zadd(KEY, first, nx=True)
