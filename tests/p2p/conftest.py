"""A network of peers on the real store, whose tasks run where they are sent."""

from collections.abc import AsyncIterator, Iterator

import pytest
from celery import current_app

from mesa import store
from tests.p2p.peers import Network, open_network


@pytest.fixture
def tasks_at_once() -> Iterator[None]:
    """Run each task in the call that sends it."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.fixture
async def network(
    async_store: store.AsyncClient, transactional_db: None, tasks_at_once: None
) -> AsyncIterator[Network]:
    """Peers with real sockets; whatever a task does is done when the frame that sent it was handled."""
    async with open_network() as opened:
        yield opened
