import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import override_settings

from mesa import checks, embedded_store, state_dir, store
from tests.waiting import wait_for


@contextmanager
def running(directory: Path, *more: str) -> Iterator[Path]:
    socket = embedded_store.prepare_socket(directory)
    command = [*embedded_store.command(embedded_store.find_server(), socket), *more]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: embedded_store.answers(socket))
        with override_settings(STORE_URL=state_dir.store_url(directory)):
            yield socket
        process.terminate()
        assert process.wait(10) == 0


def test_store_writes_nothing_to_the_disk_even_when_it_is_stopped(tmp_path: Path) -> None:
    with running(tmp_path):
        store.client().set(store.key("path"), "ada f1 f2 f3 bo", ex=60)
        before = {path.name for path in tmp_path.iterdir()}

    assert before == {"store.sock"}
    assert [path.name for path in tmp_path.iterdir() if path.name != "store.sock"] == []


def test_store_as_started_has_no_fault(tmp_path: Path) -> None:
    with running(tmp_path):
        assert checks.store_faults() == []
        assert checks.check_store(None) == []


@pytest.mark.parametrize(
    "more",
    [("--save", "60 1"), ("--appendonly", "yes"), ("--maxmemory-policy", "allkeys-lru")],
)
def test_store_that_keeps_or_drops_things_is_noticed(tmp_path: Path, more: tuple[str, str]) -> None:
    with running(tmp_path, *more):
        found = checks.check_store(None)

    assert [message.id for message in found] == ["mesa.W001"]


def test_store_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with override_settings(STORE_URL=state_dir.store_url(tmp_path)):
        assert [message.id for message in checks.check_store(None)] == ["mesa.E002"]


def test_socket_file_of_a_dead_store_is_removed(tmp_path: Path) -> None:
    socket = tmp_path / "store.sock"
    socket.touch()

    assert not embedded_store.stop_orphan(socket)
    assert not socket.exists()


def test_server_that_was_named_must_exist() -> None:
    with pytest.raises(embedded_store.NoStoreServer, match="MESA_STORE_SERVER"):
        embedded_store.find_server("/nowhere/valkey-server")


def test_named_server_wins() -> None:
    assert embedded_store.find_server("/bin/true") == Path("/bin/true")


@pytest.mark.parametrize(("key", "ids"), [("x" * 40, []), ("x" * 39, ["mesa.E001"])])
def test_short_secret_key_is_an_error(key: str, ids: list[str]) -> None:
    with override_settings(SECRET_KEY=key):
        assert [message.id for message in checks.check_secret_key(None)] == ids
