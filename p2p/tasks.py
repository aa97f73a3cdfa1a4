"""Tasks of p2p: one does work in turn. None takes an argument (invariant 2)."""

import logging
import random
import secrets
from typing import Any, Final, TypeGuard

from celery import shared_task
from celery.worker import state as worker_state
from django.db import close_old_connections
from django.utils import timezone

from mesa.outages import DATABASE_DOWN, STORE_DOWN
from p2p import jobs, limits, pruning, turns, web_processes

logger = logging.getLogger(__name__)

# Who forwards must not be guessable from earlier draws.
RNG: Final[random.Random] = secrets.SystemRandom()


@shared_task(ignore_result=True, bind=True)
def take_turn(self: Any) -> None:
    """Do the jobs whose turn it is, each account's oldest first, until none comes or enough are done."""
    # Who has a job done where it is asked for does not wait for the next.
    may_wait = not (self.request.is_eager or self.request.called_directly)
    waiter = turns.Waiter() if may_wait else None
    try:
        for done in range(limits.JOBS_OF_A_TASK):
            turn = _next_turn(waiter, is_first=done == 0)
            if turn is None:
                return
            jobs.do(turn.job, now=timezone.now(), rng=RNG)
            if turn.is_last and not _waits(waiter):
                return
        turns.pass_on(now=timezone.now())
    except (*STORE_DOWN, *DATABASE_DOWN) as error:
        # As if the worker had died with it: what is to go on has its deadline.
        logger.warning("a job was given up, a server is down: %s", type(error).__name__)
    except Exception:
        # A fault in one account's job must not have the others wait for the look after lost tasks.
        turns.pass_on(now=timezone.now())
        raise


def _waits(waiter: turns.Waiter | None) -> TypeGuard[turns.Waiter]:
    # A worker that is to stop waits for its tasks, and is killed when they go on and on.
    return waiter is not None and worker_state.should_stop is None


def _next_turn(waiter: turns.Waiter | None, *, is_first: bool) -> turns.Turn | None:
    if not _waits(waiter):
        return turns.take(now=timezone.now(), is_first=is_first)
    turn = waiter.take(timezone.now, is_first=is_first)
    # As between two tasks: what has been lost meanwhile is opened anew.
    close_old_connections()
    return turn


@shared_task(ignore_result=True)
def recover_turns() -> None:
    """Make up for tasks that were lost."""
    turns.recover()


@shared_task(ignore_result=True)
def close_dead_webs() -> None:
    """Close the peers of web processes that have died."""
    web_processes.close_dead(now=timezone.now())


@shared_task(ignore_result=True)
def prune() -> None:
    """Delete what is left of ended transactions."""
    pruning.prune_transactions(now=timezone.now())
