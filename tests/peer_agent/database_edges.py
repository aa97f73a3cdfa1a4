"""Edges between a store and its database: one that runs out of space, one that counts commits."""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from peer_agent.store import Store


class FullAt:
    """A database edge on which the n-th write, and all after it, find no space."""

    def __init__(self, database: sqlite3.Connection, nth: int) -> None:
        self.database, self.left = database, nth

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if not sql.lstrip().upper().startswith(("SELECT", "BEGIN", "ROLLBACK")):
            self.left -= 1
            if self.left < 0:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
        return self.database.execute(sql, values)

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)


def fill(store: Store, nth: int) -> FullAt:
    """Leave space for so many writes."""
    edge = FullAt(store._database, nth)
    store._database = edge  # type: ignore[assignment]  # the edge that fails
    return edge


def make_space(store: Store) -> None:
    if isinstance(store._database, FullAt):
        store._database = store._database.database


class Counted:
    """A database edge that counts commits."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database, self.commits = database, 0

    def execute(self, sql: str, values: object = ()) -> sqlite3.Cursor:
        self.commits += sql == "COMMIT"
        return self.database.execute(sql, values)  # type: ignore[arg-type]  # passed on as it came

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)


@contextlib.contextmanager
def counted_store(store: Store) -> Iterator[Counted]:
    real = store._database
    made = Counted(real)
    store._database = made  # type: ignore[assignment]  # the edge that counts
    yield made
    store._database = real
