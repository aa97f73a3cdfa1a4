"""Who is ignored or blocked: what stays away here, and what the other side can see of it: nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_text
from p2p.protocol.to_server import Complete, Watch
from peer_agent.contact_book import ContactState
from peer_agent.crypto.primitives import sha256
from peer_agent.errors import ContactBlocked, ServerUnreachable, UnknownUser, UsageError
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    MessageReceived,
    UserIgnored,
    UserUnblocked,
)
from peer_agent.events import UserBlocked as WasBlocked
from peer_agent.history import Kept
from peer_agent.showing import Unshown
from tests.peer_agent.delivery_town import Town, open_town
from tests.peer_agent.fake_server import Party
from tests.peer_agent.households import show, with_new_code
from tests.peer_agent.meeting import ada, become_contacts, bo, known, place, state

__all__ = ["ada", "bo", "place"]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as opened:
        yield opened


# --- Ignored ------------------------------------------------------------------------------------------------


async def test_ignored_request_stays_without_an_answer(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    asked_before = len(bo.server.requests)

    bo.parts.blocking.ignore("ada")

    assert len(bo.server.requests) == asked_before
    assert bo.events == [ContactAsked("ada"), UserIgnored("ada")]
    await ada.look()
    assert (state(ada, "bo"), ada.events) == (ContactState.ASKED, [])


async def test_who_is_ignored_and_asks_again_is_not_heard(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    bo.parts.blocking.ignore("ada")
    bo.events.clear()

    await ada.parts.contacts.request("bo", "please")
    await bo.look()

    assert (bo.events, state(bo, "ada")) == ([], ContactState.ASKING)


async def test_ignored_request_can_be_accepted_after_all(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    bo.parts.blocking.ignore("ada")

    await bo.parts.contacts.accept("ada")
    await ada.look()

    assert not known(bo, "ada").is_ignored
    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)


async def test_only_who_asks_can_be_ignored(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)

    for name in ("ada", "nobody"):
        with pytest.raises(UnknownUser):
            bo.parts.blocking.ignore(name)


# --- Blocked ------------------------------------------------------------------------------------------------


async def test_token_of_who_is_blocked_ends_at_the_server_at_once(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    token = known(ada, "bo").their_token
    assert token is not None

    await bo.parts.blocking.block("ada")

    assert bo.server.bodies("DELETE tokens") == [{"digests": [b64_text(sha256(token))]}]
    assert known(bo, "ada").my_token is None
    assert bo.events == [WasBlocked("ada")]


async def test_block_holds_although_the_server_can_not_be_told_yet(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    bo.server.down = True

    with pytest.raises(ServerUnreachable):
        await bo.parts.blocking.block("ada")

    assert known(bo, "ada").is_blocked
    bo.server.down = False
    await bo.parts.tokens.withdraw()
    assert len(bo.server.bodies("DELETE tokens")) == 1


async def test_blocking_twice_says_it_once(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)

    await bo.parts.blocking.block("ada")
    await bo.parts.blocking.block("ADA")

    assert bo.events == [WasBlocked("ada")]


async def test_request_of_who_is_blocked_is_dropped_without_a_question(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.blocking.block("ada")
    bo.events.clear()
    bo.server.requests.clear()

    await ada.parts.contacts.request("bo", "please")
    claims = len(bo.server.bodies("POST bundles"))
    await bo.look()

    assert bo.events == []
    assert bo.server.users["bo"].mailbox == {}
    assert len(bo.server.bodies("POST bundles")) == claims
    assert known(bo, "ada").is_blocked


async def test_yes_of_who_is_blocked_makes_no_contact(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await ada.parts.blocking.block("bo")
    ada.events.clear()

    # It was on its way when ada blocked.
    ada.server.tokens[b64_text(sha256(known(bo, "ada").their_token or b""))] = "ada"
    await bo.parts.contacts.accept("ada")
    await ada.look()

    assert (state(ada, "bo"), ada.events) == (ContactState.ASKED, [])


async def test_who_is_blocked_is_neither_asked_nor_accepted_nor_written_to(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    await bo.parts.blocking.block("ada")

    for refused in (bo.parts.contacts.request, bo.parts.contacts.accept):
        with pytest.raises(ContactBlocked, match="unblock ada"):
            await refused("ada")
    with pytest.raises(ContactBlocked, match="unblock ada"):
        bo.parts.delivery.send("ada", "hello")
    assert bo.parts.books.history.contacts_with(Kept.UNDELIVERED) == []


async def test_who_is_blocked_is_not_watched_for(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    sent: list[object] = []
    bo.send_frame = sent.append
    bo.assemble()
    await bo.parts.blocking.block("ada")

    bo.parts.delivery.online(True)

    assert [frame for frame in sent if isinstance(frame, Watch)] == []
    assert bo.parts.books.contacts.watched() == {}


async def test_contact_who_blocks_can_be_asked_nothing_new(ada: Party, bo: Party) -> None:
    """For ada everything stands as before: bo is a contact who does not answer."""
    await become_contacts(ada, bo)
    before = known(ada, "bo")

    await bo.parts.blocking.block("ada")
    await ada.look()

    assert known(ada, "bo") == before
    assert ada.events == []


async def test_message_of_who_is_blocked_gets_no_receipt_and_is_not_stored(town: Town) -> None:
    tx = await town.start("hello")
    town.path(tx)
    envelope = await town.next_envelope()
    await town.bo.parts.blocking.block("ada")

    assert town.bo.parts.inbox.take(envelope) is None

    assert town.shown() == []
    assert town.bo.store.row("SELECT COUNT(*) FROM received") == (0,)


async def test_message_that_came_before_gets_no_second_receipt(town: Town) -> None:
    tx = await town.start("hello")
    town.path(tx)
    envelope = await town.next_envelope()
    assert town.bo.parts.inbox.take(envelope) is not None
    await town.bo.parts.blocking.block("ada")

    assert town.bo.parts.inbox.take(envelope) is None


async def test_messages_that_came_before_and_were_not_shown_wait_for_the_unblocking(town: Town) -> None:
    tx = await town.start("hello")
    town.path(tx)
    assert await town.arrive() is not None
    unshown = Unshown(town.bo.parts.books)
    (event,) = unshown.first()
    assert isinstance(event, MessageReceived)

    await town.bo.parts.blocking.block("ada")
    assert (unshown.first(), unshown.holds(event)) == ([], False)

    await town.bo.parts.blocking.unblock("ada")
    assert (unshown.first(), unshown.holds(event)) == ([event], True)


async def test_sender_who_blocks_gives_its_path_back_and_keeps_the_message(town: Town) -> None:
    tx = await town.start("hello")

    await town.ada.parts.blocking.block("bo")

    assert await town.frame(Complete) == Complete(tx)
    await town.progress("blocked")
    assert town.ada.parts.books.history.contacts_with(Kept.UNDELIVERED) == [known(town.ada, "bo").number]


async def test_sender_who_unblocks_in_the_same_run_goes_on_with_the_message(town: Town) -> None:
    await town.start("hello")
    await town.ada.parts.blocking.block("bo")
    await town.progress("blocked")
    town.server.requests.clear()

    await town.ada.parts.blocking.unblock("bo")
    town.path(await town.next_transaction())
    await town.arrive()

    assert town.shown() == ["hello"]


async def test_message_goes_on_after_the_unblocking_exactly_once(town: Town) -> None:
    """bo blocks while a message of ada's is on its way, and lets her in again."""
    tx = await town.start("hello")
    town.path(tx)
    envelope = await town.next_envelope()
    await town.bo.parts.blocking.block("ada")
    assert town.bo.parts.inbox.take(envelope) is None

    await town.bo.parts.blocking.unblock("ada")
    await town.ada.look()

    assert town.server.tokens[b64_text(sha256(known(town.ada, "bo").their_token or b""))] == "bo"
    assert town.bo.parts.inbox.take(envelope) is not None
    assert town.shown() == ["hello"]


# --- Unblocked ----------------------------------------------------------------------------------------------


async def test_unblocked_contact_gets_a_new_token_and_answers_by_itself(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    old = known(ada, "bo").their_token
    await bo.parts.blocking.block("ada")
    bo.events.clear()

    await bo.parts.blocking.unblock("ada")
    await ada.look()
    await bo.look()

    new = known(ada, "bo").their_token
    assert new not in (None, old)
    assert new == known(bo, "ada").my_token
    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)
    assert bo.events == [UserUnblocked("ada")]
    assert ada.events == []


async def test_who_asked_asks_again_after_the_unblocking(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.blocking.block("ada")

    contact = await bo.parts.blocking.unblock("ada")

    assert (contact.state, contact.is_blocked) == (ContactState.ASKING, False)
    await bo.parts.contacts.accept("ada")
    assert ContactAdded("ada") in bo.events


async def test_unblocked_contact_whose_keys_changed_has_to_be_asked_again(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    number = known(bo, "ada").number
    with bo.store.transaction():
        bo.parts.books.contacts.change(number, is_unsafe=True)
    await bo.parts.blocking.block("ada")

    contact = await bo.parts.blocking.unblock("ada")

    assert (contact.state, contact.is_unsafe, contact.my_token) == (ContactState.ASKED, True, None)


async def test_unblocking_without_the_server_leaves_the_block(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    await bo.parts.blocking.block("ada")
    bo.store.change("DELETE FROM tokens")
    bo.server.down = True

    with pytest.raises(ServerUnreachable):
        await bo.parts.blocking.unblock("ada")

    assert known(bo, "ada").is_blocked


async def test_contact_that_can_be_told_only_later_is_let_in_at_once(town: Town) -> None:
    await town.start("hello")
    await town.ada.parts.blocking.block("bo")
    await town.progress("blocked")
    town.server.requests.clear()
    town.server.problems["POST mailbox"] = (503, "unavailable")

    with pytest.raises(ServerUnreachable):
        await town.ada.parts.blocking.unblock("bo")

    assert not known(town.ada, "bo").is_blocked
    assert town.ada.events.count(UserUnblocked("bo")) == 1
    town.path(await town.next_transaction())
    await town.arrive()
    assert town.shown() == ["hello"]


async def test_only_who_is_blocked_can_be_unblocked(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)

    with pytest.raises(UsageError):
        await bo.parts.blocking.unblock("ada")
    with pytest.raises(UnknownUser):
        await bo.parts.blocking.unblock("nobody")


async def test_block_survives_a_new_chain_of_the_blocked(ada: Party, bo: Party) -> None:
    await become_contacts(ada, bo)
    await bo.parts.blocking.block("ada")
    bo.events.clear()
    renewed = with_new_code(ada.account)
    show(ada.server, renewed)
    ada.account = replace(renewed, device=ada.account.device)
    ada.assemble()

    post = known(ada, "bo")
    with ada.store.transaction():
        ada.parts.books.contacts.change(post.number, state=ContactState.ASKED)
    await ada.parts.contacts.request("bo")
    await bo.look()

    assert bo.events == []
    assert known(bo, "ada").is_blocked
