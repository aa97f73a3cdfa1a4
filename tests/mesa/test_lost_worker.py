"""What a worker had taken to do later and died with is done by another one: the jobs are the store's."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from mesa import store
from mesa.celery import HEARTBEAT
from mesa.process_tree import ProcessTree
from p2p import turns
from p2p.records import UserKey
from tests.mesa.worker_process import seen, start_worker
from tests.waiting import wait_for

ADA = UserKey("1")
THREADS = 2
LATER = 4


@pytest.fixture
def trees() -> Iterator[list[ProcessTree]]:
    made = [ProcessTree(), ProcessTree()]
    yield made
    for tree in made:
        tree.stop()


def test_jobs_whose_tasks_died_with_a_worker_are_done_by_the_next(
    empty_store: store.Client, trees: list[ProcessTree], tmp_path: Path
) -> None:
    first = start_worker(trees[0], tmp_path / "first.log")
    wait_for(lambda: empty_store.exists(store.key(HEARTBEAT)), limit_s=30)
    for at in range(THREADS):
        turns.ask(UserKey(f"stuck{at}"), f"test_stuck:{at}", now=timezone.now())
    wait_for(lambda: all(seen(str(at)) for at in range(THREADS)))
    for at in range(LATER):
        turns.ask(ADA, f"test_done:later{at}", now=timezone.now())
    # The worker has taken their tasks, but both of its threads are busy.
    wait_for(lambda: not empty_store.llen("broker:path"))

    os.kill(first, signal.SIGKILL)
    start_worker(trees[1], tmp_path / "second.log")

    wait_for(lambda: all(seen(f"later{at}") == 1 for at in range(LATER)), limit_s=30)
