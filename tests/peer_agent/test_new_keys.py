"""After keys changed: with a user who recovered all goes on by itself, with a stranger by decision only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.account import Account
from peer_agent.api import Api
from peer_agent.contact_book import Contact, ContactState, DirectState
from peer_agent.crypto.identity import safety_number
from peer_agent.crypto.messages import Text
from peer_agent.crypto.primitives import sha256
from peer_agent.desk import Desk
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.events import ContactRenewed, MessageReceived
from peer_agent.handshakes import Handshakes
from peer_agent.sealer import Sealer
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.verifying import accept_new_keys, mark_verified
from tests.peer_agent.devices import make_account
from tests.peer_agent.fake_server import Party
from tests.peer_agent.households import recovered, show, with_new_code
from tests.peer_agent.lying_town import Town, open_town

LIMIT_S = 10.0


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


def known(party: Party, name: str) -> Contact:
    found = party.parts.books.contacts.find(name)
    assert found is not None
    return found


def moved_to(town: Town, account: Account, folder: str) -> Party:
    """A device of bo's name with an empty store, at a server that knows it and no other of that name."""
    town.server.add(account)
    town.server.tokens = {key: owner for key, owner in town.server.tokens.items() if owner != "bo"}
    store = open_store(prepare_state_dir(town.path / folder), None)
    return Party(account, store, town.server, town.time.clock(), town.tasks)


async def carry(sender: Party, receiver: Party, text: str) -> bool:
    """Seal a message, and hand it over as a path would; tells whether a genuine receipt came back."""
    books = sender.parts.books
    contact = known(sender, receiver.account.username)
    with books.store.transaction():
        stored = books.history.write(contact.number, Text(text), now_ms=sender.clock.unix_ms())
    return await hand_over(sender, receiver, stored.number)


async def hand_over(sender: Party, receiver: Party, number: int) -> bool:
    """Seal a message that was written before, and bring it over; tells as `carry` does."""
    books, pins, clock = sender.parts.books, sender.parts.pins, sender.clock
    contact = known(sender, receiver.account.username)
    handshakes = Handshakes(sender.account.device, Api(sender.rest), books, pins, clock, sender.events.append)
    sealer = Sealer(books, handshakes, clock)
    sealed = await sealer.sealed(contact.number, number, contact.devices[0])
    entry = receiver.parts.inbox.take(sealed.envelope)
    return entry is not None and books.outbox.receipted(contact.number, [entry]).delivered == (number,)


def texts(party: Party) -> list[str]:
    return [event.text for event in party.events if isinstance(event, MessageReceived)]


async def bo_recovers(town: Town) -> Party:
    """bo on a new device, known to ada again."""
    bo = moved_to(town, recovered(town.bo.account), "new bo")
    await bo.look()
    await bo.parts.contacts.request("ada")
    await town.ada.look()
    await bo.look()
    return bo


async def test_contact_of_a_user_who_recovered_says_yes_by_itself(town: Town) -> None:
    bo = await bo_recovers(town)

    assert known(bo, "ada").state is ContactState.ACCEPTED
    assert known(town.ada, "bo").chain == bo.account.chain
    assert ContactRenewed("bo", 1, 1) in town.ada.events


async def test_messages_go_both_ways_after_a_recovery(town: Town) -> None:
    bo = await bo_recovers(town)

    assert await carry(town.ada, bo, "are you back?")
    assert await carry(bo, town.ada, "I am")

    assert (texts(bo), texts(town.ada)) == (["are you back?"], ["I am"])


async def test_messages_do_not_wait_for_those_that_the_lost_device_had(town: Town) -> None:
    assert await carry(town.ada, town.bo, "to the lost device")
    assert await carry(town.bo, town.ada, "from it")
    with town.ada.store.transaction():
        number = known(town.ada, "bo").number
        town.ada.parts.books.history.write(number, Text("when it was lost"), now_ms=town.ada.clock.unix_ms())
    bo = await bo_recovers(town)

    for waiting in town.ada.parts.books.history.undelivered(number):
        assert await hand_over(town.ada, bo, waiting.number)
    assert await carry(town.ada, bo, "afterwards")

    assert texts(bo) == ["when it was lost", "afterwards"]


async def test_tokens_that_the_lost_device_has_reach_nobody_any_more(town: Town) -> None:
    lost_reach = known(town.bo, "ada").their_token

    bo = await bo_recovers(town)
    await town.ada.parts.tokens.refill()

    assert known(bo, "ada").their_token != lost_reach
    assert lost_reach is not None
    assert b64_text(sha256(lost_reach)) not in town.server.tokens


async def test_lost_device_can_not_go_on(town: Town) -> None:
    await bo_recovers(town)

    assert not await carry(town.bo, town.ada, "it is still me")
    assert texts(town.ada) == []


async def test_verified_contact_stays_so_through_a_recovery(town: Town) -> None:
    mark_verified(town.ada.parts.books, known(town.ada, "bo"))

    await bo_recovers(town)

    assert known(town.ada, "bo").is_verified


def desk_of(party: Party) -> Desk:
    return Desk(party.account, party.store, Api(party.rest), party.parts)


async def somebody_else_comes(town: Town) -> Party:
    """Another user under bo's name, and ada who was shown that."""
    other = moved_to(town, make_account("bo", town.time.clock()), "other bo")
    await other.look()
    with pytest.raises(ContactBlocked):
        town.ada.parts.pins.server_shows(known(town.ada, "bo").number, other.account.statements)
    return other


async def decide(town: Town, *, digits: str | None = None) -> Contact:
    seen = known(town.ada, "bo").shown
    return await accept_new_keys(desk_of(town.ada), "bo", seen=seen, digits=digits)


async def test_decision_asks_the_stranger_to_be_a_contact(town: Town) -> None:
    other = await somebody_else_comes(town)

    contact = await decide(town)

    assert (contact.state, contact.is_unsafe, contact.is_verified) == (ContactState.ASKED, False, False)
    await other.look()
    await other.parts.contacts.accept("ada")
    await town.ada.look()
    assert await carry(town.ada, other, "and who are you?")


async def test_stranger_who_asked_before_the_decision_is_a_contact_after_it(town: Town) -> None:
    other = await somebody_else_comes(town)
    await other.parts.contacts.request("ada")
    await town.ada.look()

    await decide(town)
    await other.look()
    await town.ada.look()

    assert (known(town.ada, "bo").state, known(other, "ada").state) == (ContactState.ACCEPTED,) * 2
    assert await carry(town.ada, other, "and who are you?")


async def test_decision_with_the_digits_of_the_new_number_is_verified(town: Town) -> None:
    other = await somebody_else_comes(town)
    number = safety_number(town.ada.account.identity, other.account.identity)

    assert (await decide(town, digits=number)).is_verified


@pytest.mark.parametrize("whose", ["old", "nobody's"])
async def test_decision_with_other_digits_changes_nothing(town: Town, whose: str) -> None:
    await somebody_else_comes(town)
    before = known(town.ada, "bo")
    digits = safety_number(town.ada.account.identity, before.identity) if whose == "old" else "12345"

    with pytest.raises(ContactBlocked):
        await decide(town, digits=digits)

    assert known(town.ada, "bo") == before


async def test_decision_holds_for_what_was_seen_only(town: Town) -> None:
    await somebody_else_comes(town)
    before = known(town.ada, "bo")
    third = make_account("bo", town.time.clock())
    show(town.server, third)

    with pytest.raises(ContactBlocked) as refused:
        await decide(town)

    assert "by now" in str(refused.value)
    assert known(town.ada, "bo") == replace(before, shown=third.chain)


async def test_decision_for_the_pinned_keys_goes_on_as_before(town: Town) -> None:
    await somebody_else_comes(town)
    tokens = known(town.ada, "bo").their_token
    town.server.add(town.bo.account)
    await town.bo.look()

    contact = await decide(town)

    assert (contact.chain, contact.state) == (town.bo.account.chain, ContactState.ACCEPTED)
    assert contact.their_token == tokens
    assert await carry(town.ada, town.bo, "hello again")


async def test_decision_for_a_list_that_was_rolled_back_goes_on_with_it(town: Town) -> None:
    number = known(town.ada, "bo").number
    town.ada.parts.pins.server_shows(number, with_new_code(town.bo.account).statements)
    with pytest.raises(ContactBlocked):
        town.ada.parts.pins.server_shows(number, town.bo.account.statements)

    contact = await decide(town)

    assert (contact.chain, contact.state) == (town.bo.account.chain, ContactState.ACCEPTED)


async def test_decision_for_a_fork_takes_back_what_the_device_before_was_given(town: Town) -> None:
    """Two recoveries contradict each other; who has the first one's device has token and direct key."""
    books, number = town.ada.parts.books, known(town.ada, "bo").number
    forked = recovered(town.bo.account)
    town.ada.parts.pins.server_shows(number, recovered(town.bo.account).statements)
    with books.store.transaction():
        token = town.ada.parts.tokens.give(number)
        consent = {"direct": DirectState.ACCEPTED, "direct_key": bytes(32), "direct_ms": 2**60}
        books.contacts.change(number, my_token=token, **consent)
    show(town.server, forked)
    with pytest.raises(ContactBlocked):
        town.ada.parts.pins.server_shows(number, forked.statements)

    contact = await decide(town)
    await town.ada.parts.tokens.withdraw()

    assert (contact.chain, contact.state) == (forked.chain, ContactState.ACCEPTED)
    assert (contact.my_token, contact.direct, contact.direct_key) == (None, DirectState.NONE, b"")
    assert contact.direct_ms == 0
    assert b64_text(sha256(token)) not in town.server.tokens


async def test_digits_do_not_tell_two_lists_of_one_user_apart(town: Town) -> None:
    number = known(town.ada, "bo").number
    town.ada.parts.pins.server_shows(number, recovered(town.bo.account).statements)
    forked = recovered(town.bo.account)
    show(town.server, forked)
    with pytest.raises(ContactBlocked):
        town.ada.parts.pins.server_shows(number, forked.statements)
    before = known(town.ada, "bo")

    with pytest.raises(UsageError):
        await decide(town, digits=safety_number(town.ada.account.identity, forked.identity))

    assert known(town.ada, "bo") == before
    assert not (await decide(town)).is_verified


async def test_digits_verify_the_pinned_keys_when_they_are_shown_again(town: Town) -> None:
    await somebody_else_comes(town)
    town.server.add(town.bo.account)
    await town.bo.look()

    number = safety_number(town.ada.account.identity, town.bo.account.identity)
    assert (await decide(town, digits=number)).is_verified


async def test_keys_that_do_not_verify_can_not_be_taken(town: Town) -> None:
    await somebody_else_comes(town)
    town.server.users["bo"].statements[0] = town.server.users["bo"].statements[0][:-4] + "AAAA"

    with pytest.raises(ContactBlocked):
        await decide(town)

    assert known(town.ada, "bo").is_unsafe


async def test_keys_of_another_name_can_not_be_taken(town: Town) -> None:
    show(town.server, replace(make_account("olga", town.time.clock()), username="bo"))
    number, statements = known(town.ada, "bo").number, town.server.users["bo"].statements
    with pytest.raises(ContactBlocked):
        town.ada.parts.pins.server_shows(number, [b64_bytes(each) for each in statements])
    before = known(town.ada, "bo")

    with pytest.raises(ContactBlocked):
        await decide(town)

    assert known(town.ada, "bo") == before


async def test_nobody_is_decided_about_who_is_no_contact(town: Town) -> None:
    with pytest.raises(UnknownUser):
        await accept_new_keys(desk_of(town.ada), "olga", seen=b"", digits=None)


async def test_token_taken_back_while_others_are_made_does_not_come_to_life(town: Town) -> None:
    parts, number = town.ada.parts, known(town.ada, "bo").number
    taken_back = known(town.ada, "bo").my_token
    assert taken_back is not None
    town.ada.store.change("DELETE FROM tokens WHERE contact IS NULL")
    over = town.server.hold_up("POST tokens")
    town.server.asked = asyncio.Queue()
    refill = asyncio.ensure_future(parts.tokens.refill())
    async with asyncio.timeout(LIMIT_S):
        while await town.server.asked.get() != "POST tokens":
            pass

    with town.ada.store.transaction():
        parts.tokens.end(number)
    over.set()
    await refill

    sql = "SELECT is_live, contact FROM tokens WHERE digest = ?"
    assert town.ada.store.row(sql, (sha256(taken_back),)) == (0, None)
