"""A network of peers on the real store, whose tasks run where they are sent."""

import importlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from celery.signals import task_postrun
from django.db import connections

from mesa import store
from tests.p2p.peers import Network, open_network


def close_connections(**_: Any) -> None:
    """Leave no connection in a thread that ran a task: the test database could not be removed."""
    if threading.current_thread() is not threading.main_thread():
        connections.close_all()


@pytest.fixture
def tasks_at_once() -> Iterator[None]:
    """Run each task in the call that sends it."""
    current_app.conf.task_always_eager = True
    task_postrun.connect(close_connections)
    yield
    task_postrun.disconnect(close_connections)
    current_app.conf.task_always_eager = False


@pytest.fixture
async def network(
    async_store: store.AsyncClient, transactional_db: None, tasks_at_once: None
) -> AsyncIterator[Network]:
    """Peers with real sockets; whatever a task does is done when the frame that sent it was handled."""
    # It sets up logging, which would take away the ears of a test that listens.
    importlib.import_module("mesa.asgi")
    async with open_network() as opened:
        yield opened
    await sync_to_async(connections.close_all)()
