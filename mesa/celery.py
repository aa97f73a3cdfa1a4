"""The Celery app, and the step of the worker that sweeps the deadlines.

No ETA tasks: they pile up in a worker's memory and vanish with it. What is due later stands in
`mesa.deadlines`.
"""

import logging
import os
import signal
import threading
import warnings
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from celery import Celery, bootsteps
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import celeryd_init, setup_logging

from mesa.outages import STORE_DOWN

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mesa.settings")

app = Celery("mesa")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

logger = logging.getLogger(__name__)

# Said with each lost connection: that tasks under way should be ended, which a pool of threads can not do.
warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)

SWEEP_EVERY_S = 0.2
BACKOFF_LIMIT_S = 3.2
STOP_TIMEOUT_S = 5
HEARTBEAT_TTL = timedelta(seconds=5)
HEARTBEAT_EVERY = timedelta(seconds=1)
HEARTBEAT: Final = "worker"


@setup_logging.connect
def keep_djangos_logging(**_: Any) -> None:
    """Leave logging as settings.LOGGING has it: Celery would add handlers of its own, unscrubbed."""


@celeryd_init.connect
def stop_without_a_word(**_: Any) -> None:
    """Keep Celery from announcing its stop on the terminal, where the process tree says so already."""
    from celery.apps import worker

    quiet = partial(worker.install_worker_term_handler, verbose=False)  # type: ignore[attr-defined]  # no stub
    worker.install_worker_term_handler = quiet  # type: ignore[attr-defined]  # no stub


class StoreStep(bootsteps.Step):
    """Keeps a worker from starting on a store that must not be used."""

    def create(self, parent: Any) -> None:
        from mesa.checks import refuse_unfit_store

        refuse_unfit_store()


class DeadlineStep(bootsteps.StartStopStep):
    """Runs the sweeper for as long as the worker lives."""

    def start(self, parent: Any) -> None:
        self.sweeper = Sweeper(parent)
        self.sweeper.start()

    def stop(self, parent: Any) -> None:
        self.sweeper.finish()

    terminate = stop


class Sweeper(threading.Thread):
    """Claims what is due every SWEEP_EVERY_S, sends its task, and says that the worker is alive.

    A store that is down is logged once; the sweeper goes on trying.
    """

    def __init__(self, worker: Any) -> None:
        super().__init__(name="deadlines", daemon=True)
        self.worker = worker
        self.leaving = threading.Event()
        self.beaten_at = datetime.min.replace(tzinfo=UTC)

    def run(self) -> None:
        try:
            self.sweep_until_left()
        finally:
            if not self.leaving.is_set():
                # A worker that forgets its deadlines must not look alive: its supervisor starts another one.
                os.kill(os.getpid(), signal.SIGTERM)

    def sweep_until_left(self) -> None:
        wait_s = SWEEP_EVERY_S
        while not self.leaving.wait(wait_s):
            swept = self.try_sweep(quiet=wait_s > SWEEP_EVERY_S)
            wait_s = SWEEP_EVERY_S if swept else min(wait_s * 2, BACKOFF_LIMIT_S)

    def finish(self) -> None:
        self.leaving.set()
        self.join(STOP_TIMEOUT_S)

    def try_sweep(self, *, quiet: bool) -> bool:
        """Sweep once; False when the store is down."""
        try:
            self.sweep(datetime.now(UTC))
        except STORE_DOWN as error:
            if not quiet:
                logger.warning("deadlines wait, the store does not answer: %s", type(error).__name__)
            return False
        return True

    def sweep(self, now: datetime) -> None:
        """Send the tasks of all that is due."""
        from mesa import deadlines

        deadlines.keep_pace(now)
        for member in deadlines.claim(now):
            self.dispatch(member, now)
        if now - self.beaten_at >= HEARTBEAT_EVERY and self.is_consuming():
            self.beat()
            self.beaten_at = now

    def dispatch(self, member: str, now: datetime) -> None:
        from mesa import deadlines

        kind, ident = deadlines.kind_of(member)
        if kind is None:
            logger.error("a deadline of an unknown kind was dropped")
            deadlines.cancel(*member.split(":", 1))
        elif not isinstance(kind.call, str):
            kind.call(ident, now)
        elif kind.every is None:
            app.tasks[kind.call].apply_async((ident,))
        else:
            app.tasks[kind.call].apply_async()
            deadlines.schedule(kind.name, "", now + kind.every)

    def is_consuming(self) -> bool:
        """Tell whether the worker takes tasks: it is connected, and its pool has started."""
        consumer = getattr(self.worker, "consumer", None)
        # A consumer that lost the broker keeps what it consumed by, but has no connection until it is back.
        needed = ("connection", "task_consumer")
        return all(getattr(consumer, name, None) is not None for name in needed)

    def beat(self) -> None:
        from mesa import store

        store.client().set(store.key(HEARTBEAT), "1", px=HEARTBEAT_TTL)
        store.epoch()


app.steps["worker"].update({StoreStep, DeadlineStep})
