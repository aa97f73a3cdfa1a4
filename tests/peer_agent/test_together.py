"""What came together is kept in one commit, before anything is told, and none of it takes others with it."""

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.parts import ReceiptEntry
from peer_agent.contact_book import ContactState
from peer_agent.crypto.messages import SessionReset, create_message
from peer_agent.crypto.receipts import envelope_hash
from peer_agent.errors import StoreFull
from peer_agent.history import Kept
from peer_agent.opened_records import OpenedRecords
from peer_agent.outbox import Receipted
from peer_agent.peer import Peer
from tests.peer_agent.database_edges import Counted, counted_store, fill, make_space
from tests.peer_agent.devices import CrashAt, Device, envelope_of
from tests.peer_agent.served import serve_ada

TEXTS = ["one", "two", "three", "four", "five"]
# More than taking five messages, or their receipts, writes.
WRITES = 40


class Uncommitting(Counted):
    """A database edge that fails at every commit."""

    def execute(self, sql: str, values: object = ()) -> sqlite3.Cursor:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, values)


@contextlib.contextmanager
def crash_at(device: Device, nth: int) -> Iterator[None]:
    """Let the device's process end at its n-th write."""
    real = device.store._database
    device.store._database = CrashAt(device, nth)  # type: ignore[assignment]  # the edge that fails
    with contextlib.suppress(sqlite3.OperationalError):
        yield
    device.store._database = real
    device.crash()


def all_written(ada: Device, bo: Device) -> list[bytes]:
    return [ada.write(bo, text) for text in TEXTS]


def all_receipted(ada: Device, bo: Device) -> list[ReceiptEntry]:
    return [entry for entry in bo.inbox.take_all(all_written(ada, bo)) if entry is not None]


def undelivered(ada: Device, bo: Device) -> list[int]:
    return [stored.number for stored in ada.books.history.undelivered(ada.contact(bo).number)]


# --- Receiving ----------------------------------------------------------------------------------------------


def test_messages_that_arrive_together_are_stored_in_one_commit_and_shown_in_order(
    ada: Device, bo: Device
) -> None:
    envelopes = all_written(ada, bo)

    with counted_store(bo.store) as database:
        entries = bo.inbox.take_all(envelopes)

    assert database.commits == 1
    assert bo.shown == TEXTS
    assert [ada.receipt(bo, entry) for entry in entries if entry is not None] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", [1, 2])
def test_messages_that_arrive_together_in_any_order_are_shown_in_order(
    ada: Device, bo: Device, seed: int
) -> None:
    envelopes = all_written(ada, bo)
    jumbled = [envelopes[(place * 2 + seed) % 5] for place in range(5)]

    assert None not in bo.inbox.take_all(jumbled)

    assert bo.shown == TEXTS


def test_nothing_is_told_of_what_could_not_be_committed(ada: Device, bo: Device) -> None:
    first, *others = all_written(ada, bo)
    reset = envelope_of(ada, bo, create_message(SessionReset(), now_ms=1))
    broken = bytes([*first[:-1], first[-1] ^ 1])
    real = bo.store._database
    bo.store._database = Uncommitting(real)  # type: ignore[assignment]  # the edge that fails

    with pytest.raises(sqlite3.OperationalError):
        bo.inbox.take_all([broken, *others, reset])
    bo.store._database = real

    assert (bo.shown, bo.resent, bo.unreadable) == ([], [], [])


@pytest.mark.parametrize("nth", range(0, WRITES, 8))
def test_crash_among_messages_taken_together_loses_and_doubles_nothing(
    ada: Device, bo: Device, nth: int
) -> None:
    envelopes = all_written(ada, bo)

    with crash_at(bo, nth):
        bo.inbox.take_all(envelopes)
    told = list(bo.shown)
    entries = bo.inbox.take_all(envelopes)

    # Told before the crash only if it was stored, and then not again.
    assert bo.shown == TEXTS
    assert told in ([], TEXTS)
    assert [ada.receipt(bo, entry) for entry in entries if entry is not None] == [1, 2, 3, 4, 5]
    assert bo.store.rows("SELECT state FROM messages") == [(Kept.READY,)] * 5


def test_what_does_not_open_or_may_not_be_sent_takes_no_others_with_it(ada: Device, bo: Device) -> None:
    first, second, third = (ada.write(bo, text) for text in TEXTS[:3])
    broken = bytes([*second[:-1], second[-1] ^ 1])

    entries = bo.inbox.take_all([first, broken, secrets.token_bytes(300), third, first])

    assert [entry is not None for entry in entries] == [True, False, False, True, True]
    assert entries[0] == entries[4]
    assert bo.unreadable == [bo.contact(ada).number]
    assert bo.inbox.take(second) is not None
    assert bo.shown == TEXTS[:3]


def test_full_disk_stores_none_of_them_and_all_later(ada: Device, bo: Device) -> None:
    envelopes = all_written(ada, bo)
    fill(bo.store, 7)

    with pytest.raises(StoreFull):
        bo.inbox.take_all(envelopes)
    make_space(bo.store)
    assert bo.shown == []

    assert None not in bo.inbox.take_all(envelopes)
    assert bo.shown == TEXTS


def test_who_is_no_contact_gets_no_receipt_among_others(ada: Device, bo: Device) -> None:
    first, second = ada.write(bo, "one"), ada.write(bo, "two")
    assert bo.inbox.take(first) is not None
    with bo.store.transaction():
        bo.books.contacts.change(bo.contact(ada).number, state=ContactState.ASKING)

    assert bo.inbox.take_all([first, second]) == [None, None]


# --- Receipts -----------------------------------------------------------------------------------------------


def test_receipts_of_a_frame_are_kept_in_one_commit(ada: Device, bo: Device) -> None:
    entries = all_receipted(ada, bo)

    with counted_store(ada.store) as database:
        told = ada.books.outbox.receipted(ada.contact(bo).number, entries)

    assert database.commits == 1
    assert told == Receipted(delivered=(1, 2, 3, 4, 5), false=())
    assert undelivered(ada, bo) == []
    assert ada.store.rows("SELECT * FROM envelopes") == []


def test_false_receipt_takes_no_genuine_ones_with_it(ada: Device, bo: Device) -> None:
    entries = all_receipted(ada, bo)
    entries[1] = replace(entries[1], mac=bytes(16))
    unknown = ReceiptEntry(bytes(16), bytes(16))

    told = ada.books.outbox.receipted(ada.contact(bo).number, [unknown, *entries, entries[0]])

    assert told == Receipted(delivered=(1, 3, 4, 5), false=(2,))
    assert undelivered(ada, bo) == [2]


@pytest.mark.parametrize("nth", range(0, WRITES // 2, 6))
def test_crash_among_receipts_leaves_all_or_none_delivered(ada: Device, bo: Device, nth: int) -> None:
    entries, contact = all_receipted(ada, bo), ada.contact(bo).number

    with crash_at(ada, nth):
        ada.books.outbox.receipted(contact, entries)
    left = undelivered(ada, bo)

    assert left in ([1, 2, 3, 4, 5], [])
    assert ada.books.outbox.receipted(contact, entries).delivered == tuple(left)
    assert undelivered(ada, bo) == []


# --- Records that stay open ---------------------------------------------------------------------------------


def test_record_that_has_changed_is_opened_anew() -> None:
    opened = OpenedRecords[int, str](2)
    opened.note(1, b"sealed", "one")

    assert opened.read(1, b"sealed", lambda: "anew") == "one"
    assert opened.read(1, b"sealed otherwise", lambda: "anew") == "anew"
    assert opened.read(1, b"sealed", lambda: "and back") == "and back"


def test_of_too_many_open_records_the_one_longest_unused_goes() -> None:
    opened = OpenedRecords[int, str](2)
    opened.note(1, b"1", "one")
    opened.note(2, b"2", "two")
    opened.read(1, b"1", lambda: "anew")
    opened.note(3, b"3", "three")

    assert [opened.read(key, str(key).encode(), lambda: "anew") for key in (1, 3, 2)] == [
        "one",
        "three",
        "anew",
    ]


def test_session_that_was_not_committed_is_not_used(ada: Device, bo: Device) -> None:
    """A ratchet state that is kept open must not outlive the transaction that it was written in."""
    bo.inbox.take(ada.write(bo, "hello"))
    contact = ada.contact(bo)
    before = ada.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)

    with contextlib.suppress(ZeroDivisionError), ada.store.transaction():
        assert before is not None
        ada.books.sessions.save(contact.number, before.encrypt(b"never sent")[0])
        raise ZeroDivisionError

    after = ada.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)
    assert before is not None
    assert after is not None
    assert after.ratchet.sent == before.ratchet.sent


# --- A running peer -----------------------------------------------------------------------------------------


class FullForOne:
    """A database edge with no space for the receipt of one envelope."""

    def __init__(self, database: sqlite3.Connection, envelope: bytes) -> None:
        self.database, self.digest = database, envelope_hash(envelope)

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if sql.startswith("INSERT INTO received") and values[0] == self.digest:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self.database.execute(sql, values)

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)


async def test_message_that_finds_no_space_takes_no_others_with_it(tmp_path: Path) -> None:
    with serve_ada(tmp_path) as served:
        envelopes = [served.bo.write(served.ada, text) for text in TEXTS]
        async with Peer.open(served.path) as peer:
            store = peer._running.conversations.books.store
            real = store._database
            store._database = FullForOne(real, envelopes[1])  # type: ignore[assignment]  # the edge that fails
            entries = peer._running._take(envelopes)
            store._database = real
            late = peer._running._take([envelopes[1]])
            shown = [message.text for message in peer.history("bo")]

    assert [entry is not None for entry in entries] == [True, False, True, True, True]
    assert late != [None]
    assert shown == TEXTS
