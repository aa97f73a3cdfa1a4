"""A task whose worker dies is done by another one: it is the broker's until it has been done."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from mesa import store
from mesa.celery import HEARTBEAT
from mesa.process_tree import ProcessTree
from tests.mesa.test_deadline_step import seen, start_worker
from tests.mesa.worker_app import app
from tests.waiting import wait_for

# Where the broker notes since when each task has been with a worker.
SINCE = "broker:unacked_index"
LONG_AGO = 1.0


@pytest.fixture
def trees() -> Iterator[list[ProcessTree]]:
    made = [ProcessTree(), ProcessTree()]
    yield made
    for tree in made:
        tree.stop()


def test_task_of_a_worker_that_was_killed_is_done_by_the_next(
    empty_store: store.Client, trees: list[ProcessTree], tmp_path: Path
) -> None:
    first = start_worker(trees[0], tmp_path / "first.log")
    wait_for(lambda: empty_store.exists(store.key(HEARTBEAT)), limit_s=30)
    app.tasks["tests.stuck"].delay("one")
    wait_for(lambda: seen("one") == 1)

    os.kill(first, signal.SIGKILL)
    age_tasks()
    start_worker(trees[1], tmp_path / "second.log")

    wait_for(lambda: seen("one") == 2, limit_s=30)


def age_tasks() -> None:
    """Let the time be over within which a worker that lives would have been done."""
    with redis.Redis.from_url(settings.STORE_URL) as broker:
        taken = broker.zrange(SINCE, 0, -1)
        assert taken
        broker.zadd(SINCE, dict.fromkeys(taken, LONG_AGO))
