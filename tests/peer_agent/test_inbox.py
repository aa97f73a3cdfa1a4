"""What arrives is stored once, receipted always alike, and shown in order, whatever comes when."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from p2p.protocol.parts import ReceiptEntry
from peer_agent.contact_book import ContactState
from peer_agent.crypto.messages import MAX_SEEN, Message, SessionReset, Text, UnknownKind, create_message
from peer_agent.history import Kept
from peer_agent.inbox import HOLD_S, NEWER_VERSION
from peer_agent.outbox import Receipted
from tests.peer_agent.devices import CrashAt, Device, acquaint, begin_session, envelope_of


def test_message_is_shown_and_its_receipt_verifies(ada: Device, bo: Device) -> None:
    envelope = ada.write(bo, "hello")

    receipt = bo.inbox.take(envelope)

    assert receipt is not None
    assert bo.shown == ["hello"]
    assert ada.receipt(bo, receipt) == 1
    assert ada.books.history.undelivered(ada.contact(bo).number) == []


def test_same_envelope_again_gets_the_same_receipt_and_is_not_shown(ada: Device, bo: Device) -> None:
    envelope = ada.write(bo, "hello")

    first, again = bo.inbox.take(envelope), bo.inbox.take(envelope)

    assert first == again
    assert bo.shown == ["hello"]


def test_receipt_survives_a_crash(ada: Device, bo: Device) -> None:
    envelope = ada.write(bo, "hello")
    first = bo.inbox.take(envelope)
    bo.crash()

    assert bo.inbox.take(envelope) == first


@pytest.mark.parametrize("nth", range(12))
def test_crash_between_any_two_writes_loses_and_doubles_nothing(ada: Device, bo: Device, nth: int) -> None:
    envelope = ada.write(bo, "hello")
    bo.store._database = CrashAt(bo, nth)  # type: ignore[assignment]  # the edge that fails

    with contextlib.suppress(sqlite3.OperationalError):
        bo.inbox.take(envelope)
    bo.store._database = bo.store._database.database  # type: ignore[attr-defined]  # the real one
    bo.crash()
    receipt = bo.inbox.take(envelope)

    assert receipt is not None
    assert ada.receipt(bo, receipt) == 1
    rows = bo.store.rows("SELECT state FROM messages")
    assert rows == [(Kept.READY,)]


def test_crash_of_the_sender_after_sealing_sends_the_same_bytes(ada: Device, bo: Device) -> None:
    envelope = ada.write(bo, "hello")
    ada.crash()
    contact = ada.contact(bo)

    found = ada.books.outbox.find(contact.number, 1, contact.devices[0])

    assert found is not None
    assert found.envelope == envelope


@pytest.mark.parametrize("seed", range(5))
def test_messages_that_overtake_each_other_are_shown_in_order(ada: Device, bo: Device, seed: int) -> None:
    texts = [str(number) for number in range(30)]
    envelopes = [ada.write(bo, text) for text in texts]
    random.Random(seed).shuffle(envelopes)

    for envelope in envelopes:
        assert bo.inbox.take(envelope) is not None

    assert bo.shown == texts


def test_both_sides_writing_at_once_keeps_each_order(ada: Device, bo: Device) -> None:
    first = ada.write(bo, "a1")
    bo.inbox.take(first)
    theirs = [bo.write(ada, f"b{number}") for number in range(MAX_SEEN + 4)]
    ours = [ada.write(bo, f"a{number}") for number in range(2, MAX_SEEN + 6)]
    for envelope in reversed(theirs):
        ada.inbox.take(envelope)
    for envelope in reversed(ours):
        bo.inbox.take(envelope)

    assert ada.shown == [f"b{number}" for number in range(MAX_SEEN + 4)]
    assert bo.shown == [f"a{number}" for number in range(1, MAX_SEEN + 6)]


def test_message_whose_predecessor_never_comes_is_shown_after_a_while(ada: Device, bo: Device) -> None:
    ada.write(bo, "lost")
    bo.inbox.take(ada.write(bo, "second"))
    assert bo.shown == []

    bo.time.now += HOLD_S - 1
    bo.inbox.show_overdue()
    assert bo.shown == []
    bo.time.now += 1
    bo.inbox.show_overdue()

    assert bo.shown == ["second"]


def test_held_message_survives_a_crash(ada: Device, bo: Device) -> None:
    first = ada.write(bo, "first")
    bo.inbox.take(ada.write(bo, "second"))
    bo.crash()
    bo.inbox.resume()

    bo.inbox.take(first)

    assert bo.shown == ["first", "second"]


def test_message_sealed_anew_is_shown_once(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    number = ada.contact(bo).number
    ada.books.outbox.unseal_all(number)
    begin_session(ada, bo)
    contact, stored = ada.contact(bo), ada.books.history.get(number, 1)
    session = ada.books.sessions.choose(number, contact.devices[0], now_ms=0)
    assert session is not None

    again = ada.books.outbox.seal(stored, contact.devices[0], session, now_ms=1).envelope
    receipt = bo.inbox.take(again)

    assert receipt is not None
    assert ada.receipt(bo, receipt) == 1
    assert bo.shown == ["hello"]


@pytest.mark.parametrize("at", [0, 1, 20, 700, -1])
def test_changed_envelope_is_dropped_and_harms_nothing(ada: Device, bo: Device, at: int) -> None:
    envelope = ada.write(bo, "hello")
    changed = bytearray(envelope)
    changed[at] ^= 1

    assert bo.inbox.take(bytes(changed)) is None
    assert bo.inbox.take(envelope) is not None
    assert bo.shown == ["hello"]


@pytest.mark.parametrize("ended", ["asked", "deleted"])
def test_who_is_no_contact_any_more_gets_no_receipt_for_what_is_known(
    ada: Device, bo: Device, ended: str
) -> None:
    envelope = ada.write(bo, "hello")
    assert bo.inbox.take(envelope) is not None

    if ended == "asked":
        bo.books.contacts.change(bo.contact(ada).number, state=ContactState.ASKED)
    else:
        bo.store.change("DELETE FROM contacts")

    assert bo.inbox.take(envelope) is None
    assert bo.inbox.knows(envelope)


def test_stranger_can_not_leave_a_message(tmp_path: Path, ada: Device, bo: Device) -> None:
    mallory = Device(tmp_path / "mallory", "mallory", time=ada.time)
    acquaint_one_sided(mallory, bo)

    assert bo.inbox.take(mallory.write(bo, "buy this")) is None
    assert bo.shown == []
    mallory.store.close()


def acquaint_one_sided(one: Device, other: Device) -> None:
    """Give `one` everything it needs to write to `other`, who knows nothing of it."""
    acquaint(one, other)
    number = other.contact(one).number
    other.store.change("DELETE FROM contacts WHERE contact = ?", (number,))


@pytest.mark.parametrize("change", [b"\x00" * 16, b"\xff" * 16])
def test_false_receipt_changes_nothing(ada: Device, bo: Device, change: bytes) -> None:
    receipt = bo.inbox.take(ada.write(bo, "hello"))
    assert receipt is not None

    contact = ada.contact(bo).number
    told = ada.books.outbox.receipted(contact, [ReceiptEntry(receipt.digest, change)])
    assert told == Receipted(delivered=(), false=(1,))
    assert ada.receipt(bo, ReceiptEntry(change, receipt.mac)) is None
    assert len(ada.books.history.undelivered(ada.contact(bo).number)) == 1


def test_receipt_of_one_contact_says_nothing_about_another(tmp_path: Path, ada: Device, bo: Device) -> None:
    other = Device(tmp_path / "olga", "olga", time=ada.time)
    acquaint(ada, other)
    receipt = bo.inbox.take(ada.write(bo, "hello"))
    assert receipt is not None

    assert ada.receipt(other, receipt) is None
    other.store.close()


def send_content(ada: Device, bo: Device, message: Message) -> ReceiptEntry | None:
    return bo.inbox.take(envelope_of(ada, bo, message))


def test_message_of_a_newer_version_is_kept_and_said_so(ada: Device, bo: Device) -> None:
    receipt = send_content(ada, bo, create_message(UnknownKind(99, b"new"), now_ms=1))

    assert receipt is not None
    assert bo.shown == [NEWER_VERSION]


def test_session_reset_unseals_the_outbox(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    bo.write(ada, "not readable any more")

    send_content(ada, bo, create_message(SessionReset(), now_ms=1))

    contact = bo.contact(ada)
    assert bo.resent == [contact.number]
    assert bo.books.outbox.find(contact.number, 2, contact.devices[0]) is None
    assert len(bo.books.history.undelivered(contact.number)) == 1
    assert bo.shown == ["hello"]


def test_known_contact_whose_message_does_not_open_is_reported(ada: Device, bo: Device) -> None:
    bo.inbox.take(ada.write(bo, "hello"))
    broken = bytearray(ada.write(bo, "broken"))
    broken[-1] ^= 1

    bo.inbox.take(bytes(broken))

    assert bo.unreadable == [bo.contact(ada).number]


def test_texts_of_all_lengths_arrive_whole(ada: Device, bo: Device) -> None:
    for text in ("x", "ž" * 5_000, "z" * 65_536):
        bo.inbox.take(ada.write(bo, text))
        content = list(bo.books.history.held(bo.contact(ada).number))
        assert content == []
        assert bo.shown[-1] == text
    assert isinstance(bo.books.history.get(bo.contact(ada).number, 1).message.content, Text)
