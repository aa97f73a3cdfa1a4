from pathlib import Path

import pytest

from mesa import embedded_store, store
from tests.mesa.running_store import running_store


def test_store_writes_nothing_to_the_disk_even_when_it_is_stopped(tmp_path: Path) -> None:
    with running_store(tmp_path):
        store.client().set(store.key("path"), "ada f1 f2 f3 bo", ex=60)
        before = {path.name for path in tmp_path.iterdir()}

    assert before == {"store.sock"}
    assert [path.name for path in tmp_path.iterdir() if path.name != "store.sock"] == []


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
