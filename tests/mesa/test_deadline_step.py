import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from mesa import deadlines, embedded_store, store
from mesa.celery import HEARTBEAT
from mesa.process_tree import ProcessTree, Program
from tests.live_tree import ROOT
from tests.mesa.worker_app import SEEN
from tests.mesa.worker_process import WORKER, seen, start_worker
from tests.waiting import is_running, wait_for, wait_for_end


@pytest.fixture
def worker_log(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


@pytest.fixture
def worker(empty_store: store.Client, worker_log: Path) -> Iterator[int]:
    tree = ProcessTree()
    pid = start_worker(tree, worker_log)
    wait_for(lambda: empty_store.exists(store.key(HEARTBEAT)), limit_s=30)
    yield pid
    tree.stop()


def test_due_deadline_reaches_its_task_once(worker: int) -> None:
    deadlines.schedule("test_due", "one", datetime.now(UTC))

    wait_for(lambda: seen("one"))

    assert seen("one") == 1
    assert deadlines.due_at("test_due", "one") is None


def test_later_deadline_waits_for_its_time(worker: int) -> None:
    at = datetime.now(UTC) + timedelta(seconds=1)
    deadlines.schedule("test_due", "one", at)

    wait_for(lambda: seen("one"))

    assert timedelta() <= datetime.now(UTC) - at < timedelta(seconds=1)


def test_deadline_claimed_by_a_worker_that_died_is_handled_by_the_next(worker: int) -> None:
    now = datetime.now(UTC)
    deadlines.schedule("test_due", "one", now)
    # As a worker would have claimed it that died before it sent the task.
    assert "test_due:one" in deadlines.claim(now) or seen("one")

    wait_for(lambda: seen("one"), limit_s=deadlines.LEASE.total_seconds() + 5)

    # The task is done a moment before its deadline is taken away.
    wait_for(lambda: deadlines.due_at("test_due", "one") is None)


def test_periodic_task_keeps_its_pace_and_survives_a_flush(worker: int) -> None:
    wait_for(lambda: seen("pace") >= 2)
    store.client().flushall()

    wait_for(lambda: seen("pace") >= 2)

    assert is_running(worker)


def test_task_goes_to_one_queue_only(worker: int) -> None:
    for number in range(20):
        deadlines.schedule("test_due", f"n{number}", datetime.now(UTC))

    wait_for(lambda: all(seen(f"n{number}") for number in range(20)))

    assert {seen(f"n{number}") for number in range(20)} == {1}


def test_deadline_of_an_unknown_kind_is_dropped(worker: int) -> None:
    deadlines.schedule("nobody", "one", datetime.now(UTC))

    wait_for(lambda: deadlines.due_at("nobody", "one") is None)

    assert is_running(worker)


def test_worker_that_can_sweep_no_more_ends(worker: int) -> None:
    deadlines.schedule("test_broken", "one", datetime.now(UTC))

    wait_for_end(worker)


def test_worker_leaves_no_key_without_an_end(worker: int) -> None:
    deadlines.schedule("test_due", "one", datetime.now(UTC))

    wait_for(lambda: seen("one"))

    assert list(store.keys_without_ttl()) == []


def test_worker_survives_the_loss_of_its_store(tmp_path: Path, worker_log: Path) -> None:
    state = tmp_path / "state"
    path = embedded_store.prepare_socket(state)
    program = Program("store", embedded_store.command(embedded_store.find_server(), path), {}, state)
    client = redis.Redis(unix_socket_path=str(path))
    store_tree, worker_tree = ProcessTree(), ProcessTree()
    environment = os.environ | {"MESA_STATE_DIR": str(state)}
    alive = store.key(HEARTBEAT)
    store_tree.start(program)
    wait_for(lambda: embedded_store.answers(path))
    pid = worker_tree.start(Program("worker", WORKER, environment, ROOT, output=worker_log))
    wait_for(lambda: client.exists(alive), limit_s=30)

    os.kill(store_tree.children[0][1].pid, signal.SIGKILL)
    store_tree.stop()
    wait_for(lambda: b"the store does not answer" in worker_log.read_bytes())
    embedded_store.stop_orphan(path)
    store_tree.start(program)
    wait_for(lambda: embedded_store.answers(path) and client.exists(alive), limit_s=30)

    assert is_running(pid)
    assert worker_log.read_bytes().count(b"the store does not answer") == 1
    wait_for(lambda: int(client.hget(SEEN, "pace") or 0) >= 2)
    worker_tree.stop()
    store_tree.stop()
