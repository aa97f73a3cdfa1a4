"""What a power loss leaves of a store: which of SQLite's writes are on the disk, and which may be.

A disk keeps what was synced. Of what was written since, each sector may be there or not, in whatever order.
With a write-ahead file (-wal) SQLite syncs that file after each commit if `synchronous` is FULL, else only
before it is written back; what was written back is synced before the -wal begins anew. The file of its index
(-shm) is made again.
"""

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_agent.store import DATABASE_NAME

SECTOR = 512
WAL_NAME = f"{DATABASE_NAME}-wal"
INDEX_NAME = f"{DATABASE_NAME}-shm"
FULL = 2


class PowerLoss(Exception):
    """The machine is off: nothing of the process goes on."""


@dataclass(frozen=True)
class Image:
    """The bytes of the two files that count."""

    database: bytes
    wal: bytes

    @classmethod
    def take(cls, folder: Path) -> "Image":
        return cls(_bytes_of(folder / DATABASE_NAME), _bytes_of(folder / WAL_NAME))

    def put(self, folder: Path) -> None:
        (folder / DATABASE_NAME).write_bytes(self.database)
        (folder / WAL_NAME).write_bytes(self.wal)
        (folder / INDEX_NAME).unlink(missing_ok=True)


@dataclass(frozen=True)
class Moment:
    """When the power goes: what the disk surely has, and what was written at most."""

    synced: Image
    written: Image

    def left(self, rng: random.Random) -> Image:
        """Draw a state that may be left: some sectors of the -wal, or all of it and some of the other."""
        if self.synced.database != self.written.database and rng.random() < 0.5:
            return Image(torn(self.synced.database, self.written.database, rng), self.written.wal)
        return Image(self.synced.database, torn(self.synced.wal, self.written.wal, rng))

    def cut(self, offset: int) -> Image:
        """The state in which so many bytes of the -wal are as they were written last, and no others."""
        tail = self.synced.wal[offset:]
        return Image(self.synced.database, self.written.wal[:offset] + tail)

    def first_difference(self) -> int:
        """Where the -wal that was written begins to differ from the one that is safe."""
        pairs = zip(self.synced.wal, self.written.wal, strict=False)
        shorter = min(len(self.synced.wal), len(self.written.wal))
        return next((at for at, (old, new) in enumerate(pairs) if old != new), shorter)


def torn(old: bytes, new: bytes, rng: random.Random) -> bytes:
    """Mix two contents of a file by sectors, or take the new one up to some byte."""
    if rng.random() < 0.5:
        offset = rng.randint(0, len(new))
        return new[:offset] + old[offset:]
    share = rng.random()
    size = max(len(old), len(new))
    sectors = [
        (new if rng.random() < share else old.ljust(size, b"\0"))[at : at + SECTOR]
        for at in range(0, size, SECTOR)
    ]
    return b"".join(sectors)


class Disk:
    """A database edge that notes what is on the disk after each commit; at one of them the power goes."""

    def __init__(self, database: sqlite3.Connection, folder: Path, *, commits: int) -> None:
        self.database = database
        self._folder = folder
        self._left = commits
        self._syncs_commits = database.execute("PRAGMA synchronous").fetchone()[0] >= FULL
        self._synced = self._written = Image.take(folder)

    @property
    def moment(self) -> Moment:
        """What was and what may be on the disk when the power went, or at the end."""
        return Moment(self._synced, self._written)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        cursor = self.database.execute(sql, values)
        if not self.database.in_transaction and not sql.lstrip().upper().startswith(("SELECT", "PRAGMA")):
            self._committed()
        return cursor

    @property
    def in_transaction(self) -> bool:
        return self.database.in_transaction

    def close(self) -> None:
        self.database.close()

    def _committed(self) -> None:
        self._written = Image.take(self._folder)
        if self._left == 0:
            raise PowerLoss
        self._left -= 1
        if self._syncs_commits or self._written.database != self._synced.database:
            self._synced = self._written


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
