"""No wait for store, database or push is without a limit (invariant 7): here the other side never answers."""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings as django_settings
from django.db import connection
from django.test import override_settings

from mesa import channel_store, push, store
from mesa.outages import STORE_DOWN

DEADLINE_S = 0.2
# Then the silent server hangs up, and whoever waited for it all the time has waited too long.
PATIENCE_S = 4.0


@pytest.fixture
def silent_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a store that takes connections and says nothing."""
    for name in ("ANSWER_DEADLINE_S", "POOL_WAIT_S"):
        monkeypatch.setattr(store, name, DEADLINE_S)
    with socket.socket(socket.AF_UNIX) as server, contextlib.ExitStack() as taken:
        server.bind(str(tmp_path / "silent"))
        server.listen()
        threading.Thread(target=take_all, args=(server, taken), daemon=True).start()
        hang_up = threading.Timer(PATIENCE_S, end, args=(server, taken))
        hang_up.start()
        url = f"unix://{tmp_path}/silent"
        with override_settings(STORE_URL=url):
            yield url
        hang_up.cancel()
        end(server, taken)


def take_all(server: socket.socket, taken: contextlib.ExitStack) -> None:
    with contextlib.suppress(OSError):
        while True:
            taken.enter_context(server.accept()[0])


def end(server: socket.socket, taken: contextlib.ExitStack) -> None:
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    taken.close()


@contextlib.contextmanager
def told_in_time() -> Iterator[None]:
    """Expect to hear that the store is down long before it hangs up."""
    began = time.monotonic()
    with pytest.raises(STORE_DOWN):
        yield
    assert time.monotonic() - began < PATIENCE_S / 2


@pytest.mark.usefixtures("silent_store")
def test_task_that_asks_a_silent_store_is_told_in_time() -> None:
    with told_in_time():
        store.client().get(store.key("a"))


@pytest.mark.usefixtures("silent_store")
async def test_socket_handler_that_asks_a_silent_store_is_told_in_time() -> None:
    with told_in_time():
        await store.async_client().get(store.key("a"))


@pytest.mark.timeout(20)
@pytest.mark.usefixtures("empty_store")
def test_nobody_waits_for_a_connection_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "POOL_CONNECTIONS", 1)
    monkeypatch.setattr(store, "POOL_WAIT_S", DEADLINE_S)
    with override_settings(STORE_URL=f"{django_settings.STORE_URL}?db=0"):
        pool = store.client().connection_pool
    taken = pool.get_connection()

    with told_in_time():
        pool.get_connection()

    pool.release(taken)
    pool.disconnect()


@pytest.fixture
def silent_channels(silent_store: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    monkeypatch.setattr(push, "PUSH_TIMEOUT_S", DEADLINE_S)
    monkeypatch.setitem(channel_store.LIMITS, "socket_timeout", DEADLINE_S)
    backend = django_settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": backend | {"CONFIG": {"hosts": [silent_store]}}}
    yield
    channel_layers.backends.clear()


@pytest.mark.usefixtures("silent_channels")
def test_push_into_a_silent_store_ends_in_time() -> None:
    began = time.monotonic()

    assert not push.push_device(uuid.uuid4(), "a frame")

    assert time.monotonic() - began < PATIENCE_S / 2


@pytest.mark.usefixtures("silent_channels")
async def test_push_of_a_socket_handler_into_a_silent_store_ends_in_time() -> None:
    began = time.monotonic()

    assert not await push.apush_device(uuid.uuid4(), "a frame")

    assert time.monotonic() - began < PATIENCE_S / 2


DEADLINES: dict[str, Callable[[Any], bool]] = {
    "sqlite": lambda cursor: cursor.execute("PRAGMA busy_timeout").fetchone() == (20_000,),
    "postgresql": lambda cursor: cursor.execute("SHOW statement_timeout").fetchone() == ("20s",),
}


@pytest.mark.db
@pytest.mark.django_db
def test_wait_for_a_lock_in_the_database_has_a_limit() -> None:
    with connection.cursor() as cursor:
        assert DEADLINES[connection.vendor](cursor)
