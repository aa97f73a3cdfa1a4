"""Devices without ML-KEM: both ends talk, the user is told or refuses, and what rises does not fall again."""

from dataclasses import replace
from pathlib import Path

import pytest

from peer_agent.account import Account
from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.handshake import HEADER_BYTES
from peer_agent.crypto.identity import Suite
from peer_agent.crypto.sessions import Envelope
from peer_agent.errors import Refused
from tests.peer_agent.devices import Device, acquaint, begin_session
from tests.peer_agent.households import with_risen_suite


@pytest.fixture
def ada(tmp_path: Path) -> Device:
    return Device(tmp_path / "ada", "ada")


@pytest.fixture
def bo(tmp_path: Path, ada: Device) -> Device:
    device = Device(tmp_path / "bo", "bo", time=ada.time, suite=Suite.CLASSICAL)
    acquaint(ada, device)
    return device


def risen(device: Device) -> Account:
    """The account after its device got ML-KEM."""
    account = with_risen_suite(device.account, device.account.device)
    return replace(account, device=replace(device.account.device, suite=Suite.HYBRID))


def become(device: Device, account: Account) -> None:
    """Let a device go on with another state of its account."""
    device.store.close()
    device.account, device.suite = account, account.device.suite
    device.open()


def test_messages_pass_both_ways(ada: Device, bo: Device) -> None:
    first = ada.write(bo, "from ada")
    receipt = bo.inbox.take(first)
    assert receipt is not None
    assert ada.receipt(bo, receipt) is not None

    assert ada.inbox.take(bo.write(ada, "from bo")) is not None

    assert (bo.shown, ada.shown) == (["from ada"], ["from bo"])


def test_device_without_ml_kem_begins_sessions_too(ada: Device, bo: Device) -> None:
    begin_session(bo, ada)

    assert ada.inbox.take(bo.write(ada, "hello")) is not None

    assert ada.shown == ["hello"]


def test_first_envelope_has_the_size_of_any_other(tmp_path: Path, ada: Device, bo: Device) -> None:
    olga = Device(tmp_path / "olga", "olga", time=ada.time)
    acquaint(ada, olga)

    one, other = ada.write(bo, "hello"), ada.write(olga, "hello")

    assert len(one) == len(other) > HEADER_BYTES


def test_first_message_without_a_one_time_prekey_is_taken_once(ada: Device, bo: Device) -> None:
    """Nothing but the remembered header is left of the first time."""
    bundle = bo.bundle()
    bare = replace(bundle, devices=[replace(bundle.devices[0], one_time=None)])
    ada.store.change("DELETE FROM sessions")
    begin_session(ada, bo, bare)
    envelope = ada.write(bo, "once")
    assert bo.inbox.take(envelope) is not None
    bo.store.change("DELETE FROM sessions")
    bo.store.change("DELETE FROM received")

    assert bo.inbox.take(envelope) is None


class TestRefused:
    """The user wants no session without ML-KEM."""

    def test_nothing_is_begun(self, ada: Device, bo: Device) -> None:
        ada.books.sessions.refuse_suite_2(True)

        with pytest.raises(Refused, match="lacks ML-KEM"):
            begin_session(ada, bo)

    def test_nothing_of_a_known_session_is_opened(self, ada: Device, bo: Device) -> None:
        assert bo.inbox.take(ada.write(bo, "hello")) is not None
        answer = bo.write(ada, "answer")
        ada.books.sessions.refuse_suite_2(True)

        assert ada.inbox.take(answer) is None
        assert ada.unreadable == []

        ada.books.sessions.refuse_suite_2(False)
        assert ada.inbox.take(answer) is not None

    def test_nothing_that_begins_a_session_is_opened(self, ada: Device, bo: Device) -> None:
        begin_session(bo, ada)
        first = bo.write(ada, "hello")
        ada.books.sessions.refuse_suite_2(True)

        assert ada.inbox.take(first) is None
        assert (ada.shown, ada.unreadable) == ([], [])

    def test_devices_with_ml_kem_are_heard(self, tmp_path: Path, ada: Device) -> None:
        olga = Device(tmp_path / "olga", "olga", time=ada.time)
        ada.books.sessions.refuse_suite_2(True)
        acquaint(ada, olga)

        assert olga.inbox.take(ada.write(olga, "hello")) is not None


class TestRise:
    """A device gets ML-KEM; its identity says so, and nothing goes back."""

    def test_first_message_of_a_risen_device_is_its_users(self, ada: Device, bo: Device) -> None:
        """ada has not seen the new statement yet; who holds the keys says so."""
        become(bo, risen(bo))
        begin_session(bo, ada)
        envelope = bo.write(ada, "with ML-KEM")
        header = Envelope.unpack(envelope).header
        assert header is not None
        assert header.suite is Suite.HYBRID

        assert ada.inbox.take(envelope) is not None

        assert ada.shown == ["with ML-KEM"]

    def test_suite_2_is_refused_by_a_risen_device(self, ada: Device, bo: Device) -> None:
        """A server that shows the chain of before leads nobody back."""
        begin_session(ada, bo)
        first = ada.write(bo, "weak")
        bo.store.change("DELETE FROM sessions")
        become(bo, risen(bo))

        assert bo.inbox.take(first) is None
        assert bo.shown == []

    def test_fallen_entry_is_nobodys(self, tmp_path: Path, ada: Device) -> None:
        """The device is pinned with suite 1; its thief, or its older program, says suite 2."""
        olga = Device(tmp_path / "olga", "olga", time=ada.time)
        acquaint(ada, olga)
        weak = Device(tmp_path / "weak", "olga", time=ada.time, suite=Suite.CLASSICAL)
        become(weak, replace(olga.account, device=replace(olga.account.device, suite=Suite.CLASSICAL)))
        with weak.store.transaction():
            weak.books.contacts.add(new_contact("ada", ContactState.ACCEPTED, ada.account.chain))
        begin_session(weak, ada)

        assert ada.inbox.take(weak.write(ada, "weak")) is None
        assert ada.shown == []
