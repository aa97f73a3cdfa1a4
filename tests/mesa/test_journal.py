"""The database's write-ahead file: no deleted row stays in it, and no request has to make it."""

import sqlite3
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import ReservedName
from mesa import deadlines, journal
from mesa.tasks import prune_journal
from tests.factories import make_user

MARK = "olga-was-here"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.EMBEDDED, reason="PostgreSQL keeps its own journal"),
]


def files() -> dict[str, bytes]:
    """The database and its journal, as somebody with the disk reads them."""
    path = Path(connection.settings_dict["NAME"])
    return {each.name: each.read_bytes() for each in path.parent.glob(f"{path.name}*")}


def test_deleted_rows_are_gone_from_the_files_after_the_next_task() -> None:
    with journal.kept_open():
        user = make_user(MARK)
        connection.close()
        written = [name for name, raw in files().items() if MARK.encode() in raw]
        user.delete()
        ReservedName.objects.all().delete()
        connection.close()
        before = [name for name, raw in files().items() if MARK.encode() in raw]

        prune_journal()

        assert written
        assert before
        assert [name for name, raw in files().items() if MARK.encode() in raw] == []


def test_journal_outlives_the_last_request_while_it_is_kept_open() -> None:
    path = Path(f"{connection.settings_dict['NAME']}-wal")
    with journal.kept_open():
        make_user("ada")
        connection.close()

        assert path.exists()

    connection.close()
    sqlite3.connect(connection.settings_dict["NAME"]).close()


def test_the_worker_empties_the_journal_each_minute() -> None:
    kind, _ = deadlines.kind_of("journal:")

    assert kind is not None
    assert (kind.call, kind.every) == (prune_journal.name, journal.EMPTY_EVERY)
