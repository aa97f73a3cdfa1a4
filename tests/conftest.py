"""Infrastructure for all tests: clock, randomness, a store of their own, a whole server."""

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings

from mesa import embedded_store, store
from mesa.process_tree import ProcessTree, Program
from tests.edges import FakeClock
from tests.live_tree import LiveTree

# What an example takes depends on what else the machine does.
hypothesis.settings.register_profile(
    "mesa", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("mesa")

BOTH_DATABASES = {"db", "transactional_db", "empty_store"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every test that uses a database or a store run on both kinds, and skip what needs real servers."""
    has_servers = settings.MESA_DATABASE is not None and not settings.EMBEDDED_STORE
    for item in items:
        if item.get_closest_marker("servers") and not has_servers:
            item.add_marker(pytest.mark.skip(reason="on PostgreSQL and Redis only: tests/servers.py"))
        uses = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or uses & BOTH_DATABASES:
            item.add_marker(pytest.mark.db)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


@pytest.fixture(scope="session")
def state_dir() -> Iterator[Path]:
    """The state directory of this run, removed afterwards."""
    yield settings.STATE_DIR
    shutil.rmtree(settings.STATE_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(state_dir: Path) -> None:
    """Make the directory in which Django puts the test database."""
    state_dir.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def store_server(state_dir: Path) -> Iterator[str]:
    """The URL of a running store: an embedded one of this run, or the one that the environment names."""
    if not settings.EMBEDDED_STORE:
        yield settings.STORE_URL
        return
    socket = embedded_store.prepare_socket(state_dir)
    command = embedded_store.command(embedded_store.find_server(), socket)
    tree = ProcessTree()
    tree.start(Program("store", command, {}, state_dir))
    tree.wait_until(lambda: embedded_store.answers(socket), what="the store", limit_s=10)
    yield settings.STORE_URL
    tree.stop()


@pytest.fixture
def empty_store(store_server: str) -> Iterator[store.Client]:
    """The store with nothing in it."""
    store.client().flushall()
    yield store.client()
    store.client().flushall()


@pytest.fixture
async def async_store(empty_store: store.Client) -> AsyncIterator[store.AsyncClient]:
    """The store with nothing in it, for the test's event loop."""
    client = store.async_client()
    yield client
    # A loop that ends with open connections complains later.
    await client.connection_pool.disconnect()


@pytest.fixture(scope="session")
def live_server_tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTree]:
    """A whole server on a free port, shared by the tests that ask for it."""
    tree = LiveTree(tmp_path_factory.mktemp("live"))
    tree.start()
    yield tree
    tree.stop()
