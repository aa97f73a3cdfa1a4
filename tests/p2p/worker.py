"""The sweeper and the worker for tests: do what is due at a time the test names, as of that time."""

import random
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import deadlines
from p2p import jobs, turns

RNG = random.Random(7)


def run_due(now: datetime, rng: random.Random = RNG) -> list[str]:
    """Do what is due at a time, in turn; returns the members that were."""
    # Tasks would be done where they are sent, and as of the real time.
    is_eager, current_app.conf.task_always_eager = current_app.conf.task_always_eager, False
    try:
        due = deadlines.claim(now)
        for member in due:
            kind, ident = deadlines.kind_of(member)
            assert kind is not None
            assert not isinstance(kind.call, str)
            kind.call(ident, now)
        run_jobs(now, rng)
    finally:
        current_app.conf.task_always_eager = is_eager
    return due


def run_jobs(now: datetime, rng: random.Random = RNG) -> list[str]:
    """Do all jobs that wait, in turn; returns them in that order."""
    done = []
    while (turn := turns.take(now=now, is_first=True)) is not None:
        jobs.do(turn.job, now=now, rng=rng)
        done.append(turn.job)
    return done


async def after(seconds: float, *, since: datetime | None = None) -> list[str]:
    """Do what is due that many seconds from now, or since a time."""
    due: list[str] = await sync_to_async(run_due)((since or timezone.now()) + timedelta(seconds=seconds))
    return due
