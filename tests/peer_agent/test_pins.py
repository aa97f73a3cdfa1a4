"""What a device does with a chain that is shown for a contact: it pins it, keeps the old one, or blocks."""

from dataclasses import replace

import pytest

from peer_agent.account import Account
from peer_agent.contact_book import Contact, ContactState
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import Suite, create_device, safety_number
from peer_agent.crypto.messages import Text, create_message
from peer_agent.errors import ContactBlocked
from peer_agent.events import ContactRenewed, ContactUnsafe
from peer_agent.safety import Danger, danger_of
from tests.peer_agent.devices import Device, begin_session, envelope_of, make_account
from tests.peer_agent.households import (
    recovered,
    with_device,
    with_new_code,
    with_risen_suite,
)


def late_message(ada: Device, bo: Device) -> bytes:
    """A message of bo's in the session that the two have, still on its way."""
    assert bo.inbox.take(ada.write(bo, "hello")) is not None
    return envelope_of(bo, ada, create_message(Text("late"), now_ms=0))


def shown(ada: Device, account: Account) -> Contact:
    """What ada knows of a contact after the server showed her this chain."""
    number = ada.books.contacts.require(account.username).number
    return ada.pins.server_shows(number, account.statements)


def carried(ada: Device, account: Account) -> bool:
    """Whether a chain in a message is one that ada's pin allows."""
    number = ada.books.contacts.require(account.username).number
    with ada.store.transaction():
        fits, news = ada.pins.message_carries(number, account.chain)
    ada.events += news
    return fits


def test_the_same_chain_changes_nothing(ada: Device, bo: Device) -> None:
    before = ada.contact(bo)

    assert shown(ada, bo.account) == before
    assert ada.events == []


@pytest.mark.parametrize("grow", [with_device, with_new_code, recovered])
def test_longer_chain_is_pinned(ada: Device, bo: Device, grow: object) -> None:
    assert callable(grow)
    later = grow(bo.account)

    assert shown(ada, later).chain == later.chain
    assert ada.contact(bo).chain == later.chain
    assert not ada.contact(bo).is_unsafe


def test_user_is_told_of_devices_that_came_and_went(ada: Device, bo: Device) -> None:
    with_laptop = with_device(bo.account)

    shown(ada, with_laptop)
    shown(ada, recovered(with_laptop))

    assert ada.events == [ContactRenewed("bo", 1, 0), ContactRenewed("bo", 1, 2)]


def test_recovery_overrules_the_devices_that_were_pinned(ada: Device, bo: Device) -> None:
    shown(ada, with_device(bo.account))

    later = recovered(bo.account)

    assert shown(ada, later).devices == later.identity.devices


def refused(ada: Device, bo: Device, account: Account) -> Contact:
    """The contact after a chain was shown that must not be pinned."""
    before = ada.contact(bo).chain
    with pytest.raises(ContactBlocked):
        shown(ada, account)
    assert ada.contact(bo).chain == before
    return ada.contact(bo)


def test_another_identity_blocks(ada: Device, bo: Device) -> None:
    contact = refused(ada, bo, make_account("bo", ada.time.clock()))

    assert contact.is_unsafe
    assert danger_of(contact) is Danger.OTHER_KEYS
    assert ada.events == [ContactUnsafe("bo")]


def test_shorter_list_blocks(ada: Device, bo: Device) -> None:
    shown(ada, with_new_code(bo.account))

    contact = refused(ada, bo, bo.account)

    assert danger_of(contact) is Danger.ROLLED_BACK


def test_list_of_before_a_recovery_blocks(ada: Device, bo: Device) -> None:
    """Whoever has the lost device and the server would bring the device back."""
    shown(ada, recovered(bo.account))

    assert danger_of(refused(ada, bo, with_device(bo.account))) is Danger.ROLLED_BACK


def test_fork_by_a_device_blocks(ada: Device, bo: Device) -> None:
    shown(ada, with_device(bo.account))

    assert danger_of(refused(ada, bo, with_device(bo.account))) is Danger.FORKED


def test_second_recovery_beside_the_pinned_one_blocks(ada: Device, bo: Device) -> None:
    shown(ada, recovered(bo.account))

    assert danger_of(refused(ada, bo, recovered(bo.account))) is Danger.FORKED


def test_chain_that_does_not_verify_blocks(ada: Device, bo: Device) -> None:
    statement = bytearray(bo.account.statements[0])
    statement[-1] ^= 1

    contact = refused(ada, bo, replace(bo.account, chain=pack_chain([bytes(statement)])))

    assert danger_of(contact) is Danger.UNREADABLE


@pytest.mark.parametrize("statements", [[], [b""], [b"x" * 70_000], [b"x"] * 300])
def test_what_is_no_list_at_all_blocks(ada: Device, bo: Device, statements: list[bytes]) -> None:
    with pytest.raises(ContactBlocked):
        ada.pins.server_shows(ada.contact(bo).number, statements)

    assert ada.contact(bo).is_unsafe


def test_block_says_both_safety_numbers(ada: Device, bo: Device) -> None:
    stranger = make_account("bo", ada.time.clock())

    with pytest.raises(ContactBlocked) as blocked:
        shown(ada, stranger)

    own = ada.account.identity
    assert safety_number(own, bo.account.identity) in str(blocked.value)
    assert safety_number(own, stranger.identity) in str(blocked.value)


def test_block_stays_when_the_good_chain_is_shown_again(ada: Device, bo: Device) -> None:
    refused(ada, bo, make_account("bo", ada.time.clock()))

    assert refused(ada, bo, bo.account).is_unsafe
    assert ada.events == [ContactUnsafe("bo")]


def test_block_outlives_the_process(ada: Device, bo: Device) -> None:
    contact = refused(ada, bo, make_account("bo", ada.time.clock()))

    ada.crash()

    assert ada.contact(bo) == contact


def test_message_may_carry_an_older_chain(ada: Device, bo: Device) -> None:
    later = shown(ada, with_new_code(bo.account))

    assert carried(ada, bo.account)
    assert ada.contact(bo) == later


def test_message_may_carry_the_chain_that_a_recovery_overruled(ada: Device, bo: Device) -> None:
    later = shown(ada, recovered(bo.account))

    assert carried(ada, with_device(bo.account))
    assert ada.contact(bo) == later


def test_newer_chain_in_a_message_is_pinned(ada: Device, bo: Device) -> None:
    later = recovered(bo.account)

    assert carried(ada, later)
    assert ada.contact(bo).chain == later.chain
    assert ada.events == [ContactRenewed("bo", 1, 1)]


def test_other_chain_in_a_message_blocks(ada: Device, bo: Device) -> None:
    assert not carried(ada, make_account("bo", ada.time.clock()))

    assert ada.contact(bo).is_unsafe
    assert ada.events == [ContactUnsafe("bo")]


def test_sessions_with_a_removed_device_end(ada: Device, bo: Device) -> None:
    waiting, contact = late_message(ada, bo), ada.contact(bo)

    shown(ada, recovered(bo.account))

    assert ada.books.sessions.choose(contact.number, contact.devices[0], now_ms=0) is None
    assert ada.inbox.take(waiting) is None
    assert (ada.shown, ada.unreadable) == ([], [])


def test_session_that_a_removed_device_begins_is_nobodys(ada: Device, bo: Device) -> None:
    begin_session(bo, ada)
    shown(ada, recovered(bo.account))

    assert ada.inbox.take(envelope_of(bo, ada, create_message(Text("back again"), now_ms=0))) is None
    assert ada.shown == []


def test_session_saved_while_its_device_was_removed_opens_nothing(ada: Device, bo: Device) -> None:
    number = ada.contact(bo).number
    session = ada.books.sessions.choose(number, bo.account.device.entry, now_ms=0)
    assert session is not None
    waiting = late_message(ada, bo)
    shown(ada, recovered(bo.account))

    with ada.store.transaction():
        ada.books.sessions.save(number, session)

    assert ada.inbox.take(waiting) is None
    assert ada.unreadable == []


def test_message_sealed_for_a_removed_device_is_sealed_again(ada: Device, bo: Device) -> None:
    ada.write(bo, "hello")
    contact, old = ada.contact(bo), bo.account.device.entry
    assert ada.books.outbox.find(contact.number, 1, old) is not None

    shown(ada, recovered(bo.account))

    assert ada.books.outbox.find(contact.number, 1, old) is None
    assert [stored.number for stored in ada.books.history.undelivered(contact.number)] == [1]


def test_device_that_came_beside_leaves_sessions_alone(ada: Device, bo: Device) -> None:
    waiting, contact = late_message(ada, bo), ada.contact(bo)

    shown(ada, with_device(bo.account))

    assert ada.books.sessions.choose(contact.number, contact.devices[0], now_ms=0) is not None
    assert ada.inbox.take(waiting) is not None


def test_token_that_lost_devices_know_is_taken_back(ada: Device, bo: Device) -> None:
    contact = ada.contact(bo)
    ada.store.change(
        "INSERT INTO tokens (digest, is_live, contact, record) VALUES (?, 1, ?, ?)",
        (b"d" * 32, contact.number, b""),
    )

    shown(ada, recovered(bo.account))

    assert ada.contact(bo).my_token is None
    assert ada.store.row("SELECT is_live, contact FROM tokens") == (0, None)


def test_token_stays_while_one_of_the_devices_does(ada: Device, bo: Device) -> None:
    before = ada.contact(bo).my_token

    shown(ada, with_device(bo.account))

    assert ada.contact(bo).my_token == before


def test_sessions_begin_anew_when_a_suite_rises(ada: Device, bo: Device) -> None:
    number, keys = ada.contact(bo).number, create_device()
    old = with_device(bo.account, keys, suite=Suite.CLASSICAL)
    shown(ada, old)
    waiting = late_message(ada, bo)
    ada.time.now += 1

    risen = shown(ada, with_risen_suite(old, keys))

    assert [device.suite for device in risen.devices] == [Suite.HYBRID, Suite.HYBRID]
    session = ada.books.sessions.choose(
        number, risen.devices[0], now_ms=0, begun_from_ms=risen.sessions_from_ms
    )
    assert session is None
    assert ada.books.outbox.find(number, 1, risen.devices[0]) is None
    # What was on its way still opens.
    assert ada.inbox.take(waiting) is not None


def test_verified_contact_stays_verified_after_a_recovery(ada: Device, bo: Device) -> None:
    with ada.store.transaction():
        ada.books.contacts.change(ada.contact(bo).number, is_verified=True)

    assert shown(ada, recovered(bo.account)).is_verified


def test_decision_pins_the_new_chain_and_begins_with_a_stranger(ada: Device, bo: Device) -> None:
    stranger = make_account("bo", ada.time.clock())
    contact = refused(ada, bo, stranger)

    ada.pins.accept_new(contact.number, stranger.identity, is_verified=False)

    after = ada.contact(bo)
    assert (after.chain, after.is_unsafe, after.is_verified, after.shown) == (
        stranger.chain,
        False,
        False,
        b"",
    )
    assert (after.state, after.their_token, after.my_token) == (ContactState.ASKED, None, None)
    assert ada.books.sessions.choose(contact.number, bo.account.device.entry, now_ms=0) is None


def test_decision_for_an_older_list_keeps_the_acquaintance(ada: Device, bo: Device) -> None:
    shown(ada, with_new_code(bo.account))
    before = refused(ada, bo, bo.account)

    after = ada.pins.accept_new(before.number, bo.account.identity, is_verified=False)

    assert (after.chain, after.is_unsafe) == (bo.account.chain, False)
    assert (after.state, after.their_token, after.my_token) == (
        ContactState.ACCEPTED,
        before.their_token,
        before.my_token,
    )
