"""The project's Celery app with tasks that tests can see: run as `celery -A tests.mesa.worker_app worker`."""

import threading
from datetime import timedelta

from celery import shared_task
from celery.signals import worker_init

from mesa import deadlines, store
from mesa.celery import app

__all__ = ["app"]

SEEN = store.key("test", "seen")
SEEN_TTL = timedelta(minutes=5)
PACE = timedelta(seconds=0.3)


def note(what: str) -> None:
    with store.client().pipeline() as batch:
        batch.hincrby(SEEN, what, 1)
        batch.expire(SEEN, SEEN_TTL)
        batch.execute()


@shared_task(name="tests.due")
def due(ident: str) -> None:
    note(ident)
    deadlines.cancel("test_due", ident)


@shared_task(name="tests.prune")
def pace() -> None:
    note("pace")


def stuck(_context: object, ident: str) -> None:
    """Get no further."""
    note(ident)
    threading.Event().wait()


def done(_context: object, ident: str) -> None:
    note(ident)


@worker_init.connect
def add_jobs(**_: object) -> None:
    """Add the tests' kinds of jobs, once the apps are ready."""
    from p2p import jobs

    jobs.JOBS.update({"test_stuck": stuck, "test_done": done})


deadlines.register("test_due", "tests.due")
deadlines.register("test_broken", "tests.nobody_wrote_this_task")
deadlines.register("test_pace", "tests.prune", every=PACE)
