"""The broker is away for a while: the worker is back soon after it, and does not say so before."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis

from mesa import store
from mesa.celery import HEARTBEAT, Sweeper
from mesa.process_tree import ProcessTree, Program
from tests.live_tree import ROOT
from tests.mesa.worker_process import WORKER
from tests.servers import Redis, Server, running
from tests.waiting import wait_for

FAILED_TRIES = 3
BACK_WITHIN_S = 4.0


@pytest.fixture
def broker() -> Iterator[Server]:
    with running(Redis) as server:
        yield server


@pytest.fixture
def worker_log(broker: Server, tmp_path: Path) -> Iterator[Path]:
    """What a worker of that broker writes."""
    tree, log = ProcessTree(), tmp_path / "worker.log"
    environment = os.environ | broker.environment
    tree.start(Program("worker", WORKER, environment, ROOT, output=log))
    yield log
    tree.stop()


@pytest.mark.servers
def test_worker_is_back_soon_after_its_broker(broker: Server, worker_log: Path) -> None:
    client = redis.Redis.from_url(broker.environment["MESA_REDIS_URL"])
    wait_for(lambda: client.exists(store.key(HEARTBEAT)), limit_s=30)
    broker.kill()
    wait_for(lambda: worker_log.read_text().count("Cannot connect") >= FAILED_TRIES, limit_s=30)

    broker.start()

    wait_for(lambda: client.exists(store.key(HEARTBEAT)), limit_s=BACK_WITHIN_S)


@pytest.mark.parametrize(
    ("connection", "task_consumer", "is_consuming"),
    [(None, None, False), (None, object(), False), (object(), None, False), (object(), object(), True)],
)
def test_worker_that_is_not_connected_does_not_look_ready(
    connection: object, task_consumer: object, is_consuming: bool
) -> None:
    consumer = SimpleNamespace(connection=connection, task_consumer=task_consumer)

    assert Sweeper(SimpleNamespace(consumer=consumer)).is_consuming() is is_consuming
