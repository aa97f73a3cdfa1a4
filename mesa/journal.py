"""SQLite's write-ahead file: kept open so that requests need not make it anew, and emptied each minute.

It holds pages as they were written, in their order, also those with rows that are deleted since. PostgreSQL
has its own, which is the operator's to keep short.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Final

from django.db import connection

EMPTY_EVERY: Final = timedelta(minutes=1)


@contextmanager
def kept_open() -> Iterator[None]:
    """Hold a connection that does nothing.

    The last one to close writes the journal back and removes it, and the next one has to make it again. A
    server with little to do would pay for both at every request.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as kept:
        # Only a connection that has read counts.
        kept.execute("SELECT 1 FROM sqlite_master").fetchone()
        yield


def empty() -> None:
    """Write the journal back into the database, where deleted rows are overwritten, and cut it to nothing."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
