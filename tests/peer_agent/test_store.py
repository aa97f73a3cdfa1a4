"""The local store: sealed, durable, and refused when it is not its own."""

import sqlite3
import stat
from pathlib import Path

import pytest

from peer_agent.errors import StoreClosed
from peer_agent.store import DATABASE_NAME, KEY_NAME, SCHEMA_VERSION, open_store
from tests.peer_agent.devices import Device, acquaint


def test_setting_survives_a_new_process(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.set_setting("word", b"value")
    store.close()

    again = open_store(tmp_path, None)

    assert again.setting("word") == b"value"
    again.set_setting("word", None)
    assert again.setting("word") is None
    again.close()


def test_files_are_private(tmp_path: Path) -> None:
    open_store(tmp_path, None).close()

    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (KEY_NAME, DATABASE_NAME)}

    assert modes == {KEY_NAME: 0o600, DATABASE_NAME: 0o600}


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)

    assert store.rows("PRAGMA synchronous") == [(2,)]
    assert store.rows("PRAGMA journal_mode") == [("wal",)]
    store.close()


def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)

    def fail_half_way() -> None:
        with store.transaction():
            store.set_setting("word", b"value")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert store.setting("word") is None
    store.close()


def test_passphrase_is_needed_once_it_is_set(tmp_path: Path) -> None:
    open_store(tmp_path, "open sesame").close()

    for wrong in (None, "", "open says me"):
        with pytest.raises(StoreClosed):
            open_store(tmp_path, wrong)
    open_store(tmp_path, "open sesame").close()


def test_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path, None).close()
    database = sqlite3.connect(tmp_path / DATABASE_NAME)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()

    with pytest.raises(StoreClosed, match="newer version"):
        open_store(tmp_path, None)


@pytest.mark.parametrize("name", [KEY_NAME, DATABASE_NAME])
def test_damaged_file_is_said(tmp_path: Path, name: str) -> None:
    open_store(tmp_path, None).close()
    (tmp_path / name).write_bytes(b"\x07 damaged " * 100)

    with pytest.raises(StoreClosed):
        open_store(tmp_path, None)


def test_record_moved_to_another_row_does_not_open(tmp_path: Path) -> None:
    store = open_store(tmp_path, None)
    store.set_setting("one", b"value")
    store.change("UPDATE settings SET name = 'other'")

    with pytest.raises(StoreClosed):
        store.setting("other")
    store.close()


def test_disk_holds_no_name_and_no_text(tmp_path: Path) -> None:
    ada = Device(tmp_path / "ada", "ada-the-sender")
    bo = Device(tmp_path / "bo", "bo-the-receiver", time=ada.time)
    acquaint(ada, bo)
    bo.inbox.take(ada.write(bo, "something private"))
    ada.store.close()
    bo.store.close()

    for device in (ada, bo):
        on_disk = b"".join(path.read_bytes() for path in device.path.iterdir())
        for secret in (b"ada-the-sender", b"bo-the-receiver", b"something private"):
            assert secret not in on_disk
