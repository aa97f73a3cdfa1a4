"""What a device must not forget, in one SQLite file: small sealed records and the plain keys to find them.

A commit returns when the bytes are on the disk (`synchronous=FULL`): a receipt or a message that leaves the
device after it can not be contradicted by a crash.

Spec: docs/spec/agent.md, section "State directory"
"""

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from peer_agent.crypto.at_rest import (
    MasterKey,
    Place,
    create_master_key,
    lock_master_key,
    needs_passphrase,
    open_record,
    row_digest,
    seal_record,
    unlock_master_key,
)
from peer_agent.crypto.errors import CryptoError, WrongPassphrase
from peer_agent.errors import StoreClosed, StoreFull
from peer_agent.state_dir import FILE_MODE, LOCK_NAME, write_private

SCHEMA_VERSION = 1
KEY_NAME = "master.key"
DRAFT_NAME = "master.new"
DATABASE_NAME = "mesa.sqlite3"
BUSY_MS = 5_000
# The second: a file beside the log can not grow, for which a full disk is the usual reason.
FULL_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)

# Numbers of contacts are random; ids and digests are random to whoever does not hold the messages.
SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE contacts (contact INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, record BLOB NOT NULL);
CREATE TABLE tokens (
    digest BLOB PRIMARY KEY, is_live INTEGER NOT NULL, contact INTEGER, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE sessions (
    session BLOB PRIMARY KEY, contact INTEGER NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_contact ON sessions (contact);
CREATE TABLE first_headers (header BLOB PRIMARY KEY, prekey INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE prekeys (prekey INTEGER PRIMARY KEY, is_uploaded INTEGER NOT NULL, record BLOB NOT NULL);
CREATE TABLE messages (
    contact INTEGER NOT NULL, number INTEGER NOT NULL, outgoing INTEGER NOT NULL, message BLOB NOT NULL,
    state TEXT NOT NULL, place INTEGER, record BLOB NOT NULL,
    PRIMARY KEY (contact, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX messages_id ON messages (contact, outgoing, message);
CREATE INDEX messages_state ON messages (state, contact, number);
CREATE INDEX messages_place ON messages (contact, place);
CREATE INDEX messages_side ON messages (contact, outgoing, number);
CREATE TABLE held (contact INTEGER PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE waits (
    contact INTEGER NOT NULL, message BLOB NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (contact, message, number)
) WITHOUT ROWID;
CREATE INDEX waits_number ON waits (contact, number);
CREATE TABLE came (
    contact INTEGER NOT NULL, message BLOB NOT NULL, PRIMARY KEY (contact, message)
) WITHOUT ROWID;
CREATE TABLE envelopes (
    digest BLOB PRIMARY KEY, contact INTEGER NOT NULL, number INTEGER NOT NULL, device BLOB NOT NULL,
    record BLOB NOT NULL, UNIQUE (contact, number, device)
) WITHOUT ROWID;
CREATE TABLE received (
    digest BLOB PRIMARY KEY, contact INTEGER NOT NULL, record BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE posts (post INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE mailbox_done (post BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE set_aside (post BLOB PRIMARY KEY, day INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;
"""


class Store:
    """The open database and its master key. Used from one thread."""

    def __init__(self, database: sqlite3.Connection, master: MasterKey) -> None:
        self._database = database
        self._master = master

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all of the block, or nothing of it. Blocks do not nest.

        Raises:
            StoreFull: there is no space left; nothing of the block was done.
        """
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            # When the disk is full SQLite may have ended the transaction itself.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and fetch all of its rows."""
        return self._database.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Run a query and fetch its first row."""
        row: tuple[Any, ...] | None = self._database.execute(sql, values).fetchone()
        return row

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows; returns how many.

        Raises:
            StoreFull: there is no space left; nothing was changed.
        """
        return self._execute(sql, values).rowcount

    def seal(self, table: str, key: bytes, plaintext: bytes) -> bytes:
        """Seal a record for its row."""
        return seal_record(self._master, Place(table, key, SCHEMA_VERSION), plaintext)

    def open(self, table: str, key: bytes, record: bytes) -> bytes:
        """Open a record of a row.

        Raises:
            StoreClosed: the record was changed or moved.
        """
        try:
            return open_record(self._master, Place(table, key, SCHEMA_VERSION), record)
        except CryptoError as error:
            raise StoreClosed("The local store is damaged: a record does not open.") from error

    def digest(self, table: str, value: bytes) -> bytes:
        """Digest of a value inside a record of a table: beside the record, it finds the row."""
        return row_digest(self._master, table, value)

    def setting(self, name: str) -> bytes | None:
        """Read a setting."""
        row = self.row("SELECT record FROM settings WHERE name = ?", (name,))
        return None if row is None else self.open("settings", name.encode(), row[0])

    def set_setting(self, name: str, value: bytes | None) -> None:
        """Write a setting, or remove it."""
        if value is None:
            self.change("DELETE FROM settings WHERE name = ?", (name,))
            return
        record = self.seal("settings", name.encode(), value)
        self.change("INSERT OR REPLACE INTO settings (name, record) VALUES (?, ?)", (name, record))

    def close(self) -> None:
        self._database.close()

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._database.execute(sql, values)
        except sqlite3.OperationalError as error:
            if _is_full(error):
                raise StoreFull from error
            raise


def _is_full(error: BaseException) -> bool:
    """Tell whether SQLite, or the system, says that there is no space left."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) in FULL_CODES


def row_key(*parts: int | bytes) -> bytes:
    """The bytes that bind a record to its row: numbers as 8 bytes, ids as they are."""
    return b"".join(part if isinstance(part, bytes) else part.to_bytes(8, "big") for part in parts)


def open_store(state_dir: Path, passphrase: str | None) -> Store:
    """Open the store of a state directory; the first time, make it.

    Raises:
        StoreClosed: wrong passphrase, damage, or a newer version wrote it.
        StoreFull: there is no space to make it.
    """
    master = _master_key(state_dir / KEY_NAME, passphrase)
    path = state_dir / DATABASE_NAME
    try:
        path.touch(FILE_MODE)
        # Autocommit: transactions begin and end where the code says so.
        database = sqlite3.connect(path, isolation_level=None)
        _prepare(database)
    except (sqlite3.Error, OSError) as error:
        if _is_full(error):
            raise StoreFull from error
        raise StoreClosed("The local store can not be opened.") from error
    return Store(database, master)


def wipe(state_dir: Path) -> None:
    """Remove everything that this device knows: the key first, without which the rest is noise.

    A disk that writes elsewhere than it reads may keep old blocks; against those a passphrase helps.
    """
    database = (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm")
    for name in (KEY_NAME, DRAFT_NAME, *database, LOCK_NAME):
        (state_dir / name).unlink(missing_ok=True)
    with suppress(OSError):
        # Whatever else lies there is not ours.
        state_dir.rmdir()


def _master_key(path: Path, passphrase: str | None) -> MasterKey:
    try:
        if not path.exists():
            # The name appears with its content: a crash leaves no half-written key behind.
            draft = path.with_name(DRAFT_NAME)
            draft.unlink(missing_ok=True)
            write_private(draft, lock_master_key(create_master_key(), passphrase))
            os.replace(draft, path)
        locked = path.read_bytes()
        if passphrase is None and needs_passphrase(locked):
            raise StoreClosed("This store has a passphrase: give --passphrase-file.")
        if passphrase is not None and not needs_passphrase(locked):
            # Whoever names one believes that the store is locked.
            raise StoreClosed("This store has no passphrase: leave --passphrase-file out.")
        return unlock_master_key(locked, passphrase)
    except WrongPassphrase as error:
        raise StoreClosed(str(error)) from error
    except (CryptoError, OSError) as error:
        if _is_full(error):
            raise StoreFull from error
        raise StoreClosed("The master key of the local store can not be read.") from error


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA secure_delete = ON")
    database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreClosed("A newer version of the agent wrote this local store.")
    if version == 0:
        database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
