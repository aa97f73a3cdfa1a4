"""Work in turn: what a worker has to do waits as a job of an account, and accounts take turns.

A task names no job; it does those whose turn it is. So who has many jobs waits for them, and nobody else
does. A few tasks are enough for many jobs. The `a` functions are for socket handlers.
Spec: docs/spec/transactions.md, section "Work in turn"
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from celery import current_app

from mesa import deadlines, store
from p2p import limits, scripts, store_keys
from p2p.protocol.words import Cause
from p2p.records import TxKey, UserKey
from p2p.store_keys import milliseconds

# Whose jobs are those about things that the store has forgotten; they end at once.
NOBODY: Final = UserKey("nobody")
NAME_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many accounts have jobs that wait, and how many of these jobs are of the account asked about."""

    accounts: int
    own: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A job that was taken. `is_last`: nobody has another one."""

    job: str
    is_last: bool


def ask(user: UserKey, job: str, *, now: datetime) -> None:
    """Have a job done when it is the account's turn. One that waits already is not asked for twice."""
    _send(scripts.JOB_ASK.run([store_keys.TURNS], [*_asking(now), user, job]))


async def aask(user: UserKey, job: str, *, now: datetime) -> None:
    """Have a job done, from a socket handler."""
    await _asend(await scripts.JOB_ASK.arun([store_keys.TURNS], [*_asking(now), user, job]))


def wake(tx_keys: Iterable[TxKey], *, now: datetime) -> None:
    """Have transactions look again that wait or are to begin an attempt: what they lack may have come."""
    listed = list(tx_keys)
    if listed:
        _send(scripts.TX_WAKE.run([store_keys.TURNS, deadlines.KEY], _waking(listed, "", now)))


async def awake(tx_keys: Iterable[TxKey], *, cause: Cause | None = None, now: datetime) -> None:
    """Wake transactions from a socket handler; with `cause` those only that wait for that."""
    listed = list(tx_keys)
    if listed:
        args = _waking(listed, cause or "", now)
        await _asend(await scripts.TX_WAKE.arun([store_keys.TURNS, deadlines.KEY], args))


def take(*, now: datetime, is_first: bool = False) -> Turn | None:
    """Take the oldest job of the account whose turn it is; None when nobody has any.

    is_first: for a task that has just begun, so is none of those that wait any more.
    """
    return _to_turn(_take(now, is_first, ""))


class Waiter:
    """A task that waits a little for the next job: to call it costs less than to send another and begin it.

    One that dies meanwhile may be called in vain, as tasks may be lost that were sent.
    """

    def __init__(self) -> None:
        self._name = secrets.token_urlsafe(NAME_BYTES)

    def take(self, clock: Callable[[], datetime], *, is_first: bool = False) -> Turn | None:
        """Take the oldest job as `take` does; None when nobody had any, and others wait, or none came."""
        now = clock()
        latest = (now + limits.IDLE_FOR).timestamp()
        taken = _take(now, is_first, self._name, latest, limits.MAX_IDLE, milliseconds(limits.IDLE_FOR))
        if taken != "wait":
            return _to_turn(taken)
        store.client().blpop([store_keys.call(self._name)], timeout=limits.IDLE_FOR.total_seconds())
        return _to_turn(_take(clock(), False, self._name))


def _take(now: datetime, is_first: bool, *waiting: object) -> Any:
    args = [scripts.PREFIX, now.timestamp(), int(is_first), *waiting]
    return scripts.TURN_TAKE.run([store_keys.TURNS, store_keys.TASKS], [*args, ""])


def _to_turn(taken: Any) -> Turn | None:
    return None if taken is None else Turn(job=str(taken[0]), is_last=not taken[1])


def pass_on(*, now: datetime) -> None:
    """See to it that a task waits for what is left, when one has done its share."""
    _send(scripts.TASK_ASK.run([], _asking(now)))


def recover() -> None:
    """Send tasks when there are jobs and no task waits: some were lost, with a worker or with the broker.

    Not while others wait: tasks beyond the number of jobs would only add up.
    """
    accounts = accounts_waiting()
    if accounts and not _tasks_waiting():
        _send(min(accounts, limits.TASKS_TO_RECOVER))


def accounts_waiting() -> int:
    """Count the accounts that have jobs."""
    return store.client().zcard(store_keys.TURNS)


def backlog(user: UserKey) -> Backlog:
    """Count what an account that asks for another job would wait for."""
    with store.client().pipeline(transaction=False) as batch:
        batch.zcard(store_keys.TURNS)
        batch.zcard(store_keys.jobs(user))
        return Backlog(*batch.execute())


def _asking(now: datetime) -> list[Any]:
    oldest = (now - store_keys.JOBS_TTL).timestamp()
    life = milliseconds(store_keys.JOBS_TTL)
    tasks = [store_keys.TASKS, limits.MAX_TASKS, milliseconds(limits.TASK_BEGINS_WITHIN)]
    return [scripts.PREFIX, now.timestamp(), life, limits.MAX_JOBS, oldest, *tasks]


def _waking(tx_keys: list[TxKey], cause: str, now: datetime) -> list[Any]:
    # A worker may die with the job: then the transaction's own deadline stands for it.
    return [*_asking(now), (now + limits.START_SAFETY).timestamp(), cause, *tx_keys]


def _tasks_waiting() -> int:
    connection: Any
    with current_app.pool.acquire(block=True) as connection:
        return int(connection.default_channel.client.llen("path"))


def _send(count: int) -> None:
    from p2p import tasks

    for _ in range(count):
        tasks.take_turn.delay()


async def _asend(count: int) -> None:
    # From a thread: the broker's client blocks, and must not stop other sockets.
    if count:
        await asyncio.to_thread(_send, count)
