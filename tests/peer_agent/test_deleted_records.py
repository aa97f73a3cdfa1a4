"""What the agent deletes is not left in its files, not even sealed: the key lies beside it."""

import secrets
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from peer_agent.store import Store, open_store

# Of a row as short as a setting's, and of one that needs pages of its own.
SIZES = [64, 20_000]


@pytest.fixture(autouse=True)
def plain_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite that does not do it by itself, as some systems' does."""
    connect: Any = sqlite3.connect

    def connect_plainly(*where: Any, **options: Any) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(*where, **options)
        database.execute("PRAGMA secure_delete = OFF")
        return database

    monkeypatch.setattr(sqlite3, "connect", connect_plainly)


def files(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.iterdir() if path.is_file())


def record(store: Store) -> bytes:
    row = store.row("SELECT record FROM settings WHERE name = 'word'")
    assert row is not None
    return bytes(row[0])


@pytest.mark.parametrize("size", SIZES)
def test_deleted_record_is_not_left_in_the_files(tmp_path: Path, size: int) -> None:
    store = open_store(tmp_path, None)
    store.set_setting("other", b"stays")
    store.set_setting("word", secrets.token_bytes(size))
    sealed = record(store)
    store.close()
    assert sealed[-32:] in files(tmp_path)

    store = open_store(tmp_path, None)
    store.set_setting("word", None)
    store.close()

    assert sealed[-32:] not in files(tmp_path)
    assert sealed[:32] not in files(tmp_path)
