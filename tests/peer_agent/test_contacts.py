"""How two users become contacts, and what stops it."""

from dataclasses import replace

import pytest

from p2p.protocol.fields import b64_text
from peer_agent.contact_book import ContactState
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.messages import MAX_GREETING_SIGNS
from peer_agent.errors import ContactBlocked, Refused, ServerUnreachable, UnknownUser, UsageError
from peer_agent.events import ContactAdded, ContactAsked, ContactUnsafe
from peer_agent.resets import Resets
from tests.peer_agent.devices import make_account
from tests.peer_agent.fake_server import Party
from tests.peer_agent.meeting import Place, ada, bo, place, state

__all__ = ["ada", "bo", "place"]

HOUR_S = 3_600


async def test_request_and_acceptance_make_contacts(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo", "hi")
    await bo.look()
    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ASKED, ContactState.ASKING)

    await bo.parts.contacts.accept("ada")
    await ada.look()

    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)
    assert bo.events == [ContactAsked("ada"), ContactAdded("ada")]
    assert ada.events == [ContactAdded("bo")]


async def test_each_holds_a_token_that_reaches_the_other(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.contacts.accept("ada")
    await ada.look()

    of_ada, of_bo = ada.parts.books.contacts.require("bo"), bo.parts.books.contacts.require("ada")
    assert of_ada.their_token == of_bo.my_token
    assert of_bo.their_token == of_ada.my_token
    assert len({of_ada.their_token, of_bo.their_token}) == 2


async def test_first_request_names_no_token_and_later_posts_name_no_user(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.contacts.accept("ada")

    posts = [body for route, body in ada.server.requests if route == "POST mailbox"]
    assert [(post["username"], post["token"] is None) for post in posts] == [("bo", True), (None, False)]


@pytest.mark.parametrize("is_accepted", [False, True])
async def test_invitation_from_somebody_else_of_that_name_is_refused(
    ada: Party, bo: Party, *, is_accepted: bool
) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    if is_accepted:
        await bo.parts.contacts.accept("ada")
        await ada.look()
    asked = len(ada.server.requests)

    with pytest.raises(ContactBlocked, match="somebody else than the bo"):
        await ada.parts.contacts.request("bo", fingerprint=bytes(32))

    assert len(ada.server.requests) == asked


async def test_both_asking_at_once_become_contacts(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.parts.contacts.request("ada")
    await ada.look()
    await bo.look()

    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)


async def test_asking_somebody_who_asked_is_accepting(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()

    await bo.parts.contacts.request("ada")

    assert state(bo, "ada") is ContactState.ACCEPTED


async def test_request_again_after_a_lost_answer_is_answered_again(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.contacts.accept("ada")
    ada.server.users["ada"].mailbox.clear()

    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.look()
    await ada.look()

    assert state(ada, "bo") is ContactState.ACCEPTED


async def test_mailbox_taken_in_twice_changes_nothing(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    waiting = dict(ada.server.users["bo"].mailbox)
    await bo.look()
    assert ada.server.users["bo"].mailbox == {}

    ada.server.users["bo"].mailbox.update(waiting)
    await bo.look()

    assert bo.events == [ContactAsked("ada")]


async def test_nonsense_in_the_mailbox_is_removed(bo: Party) -> None:
    bo.server.users["bo"].mailbox["00000000-0000-4000-8000-000000000001"] = b64_text(bytes(5_000))

    await bo.look()

    assert bo.server.users["bo"].mailbox == {}


async def test_request_with_somebody_elses_name_is_dropped(place: Place, ada: Party, bo: Party) -> None:
    mallory = place.party("mallory")
    forged = make_account("ada", place.time.clock())
    liar = Party(
        replace(forged, device=forged.device), mallory.store, place.server, place.time.clock(), place.tasks
    )
    await liar.parts.contacts.request("bo")

    await bo.look()

    assert state(bo, "ada") is None
    assert bo.events == []


async def test_unknown_user_and_own_name_are_said(ada: Party) -> None:
    with pytest.raises(UnknownUser):
        await ada.parts.contacts.request("nobody")
    with pytest.raises(UsageError):
        await ada.parts.contacts.request("ADA")


async def test_accepting_somebody_who_has_not_asked_is_refused(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")

    for name in ("bo", "nobody"):
        with pytest.raises(UnknownUser):
            await ada.parts.contacts.accept(name)


async def test_too_long_greeting_sends_nothing(ada: Party, bo: Party) -> None:
    with pytest.raises(CryptoError):
        await ada.parts.contacts.request("bo", "x" * (MAX_GREETING_SIGNS + 1))

    assert ada.server.users["bo"].mailbox == {}


async def test_server_that_shows_somebody_elses_chain_is_not_believed(ada: Party, bo: Party) -> None:
    ada.server.users["olga"] = replace(ada.server.users["bo"])

    with pytest.raises(ContactBlocked):
        await ada.parts.contacts.request("olga")
    assert state(ada, "olga") is None


async def test_changed_chain_blocks_the_contact(place: Place, ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    place.server.add(make_account("bo", place.time.clock()))

    with pytest.raises(ContactBlocked):
        await ada.parts.contacts.request("bo")

    assert ada.parts.books.contacts.all()[0].is_unsafe
    assert ContactUnsafe("bo") in ada.events


async def test_device_without_prekeys_can_not_be_asked_yet(place: Place, ada: Party) -> None:
    place.party("bo")

    with pytest.raises(Refused):
        await ada.parts.contacts.request("bo")


async def test_acceptance_goes_out_later_when_the_server_is_down(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    bo.server.problems["POST mailbox"] = (503, "unavailable")
    with pytest.raises(ServerUnreachable):
        await bo.parts.contacts.accept("ada")
    assert ada.server.users["ada"].mailbox == {}

    bo.server.problems.clear()
    await bo.look()
    await ada.look()

    assert state(ada, "bo") is ContactState.ACCEPTED


async def test_post_that_the_server_will_never_take_is_given_up(ada: Party, bo: Party) -> None:
    ada.server.problems["POST mailbox"] = (400, "invalid")
    with pytest.raises(Refused):
        await ada.parts.contacts.request("bo")

    ada.server.problems.clear()
    await ada.look()

    assert ada.server.users["bo"].mailbox == {}


async def test_prekeys_are_refilled_and_renewed(place: Place, ada: Party) -> None:
    held = ada.server.users["ada"].prekeys
    before = dict(held)
    del held["one_time"][5:]

    await ada.look()
    assert len(held["one_time"]) == 50
    assert held["signed_prekey"] == before["signed_prekey"]

    place.time.now += 8 * 86_400
    await ada.look()
    assert held["signed_prekey"] != before["signed_prekey"]
    assert held["last_resort"] != before["last_resort"]


async def test_unreadable_messages_ask_for_a_new_session_once_an_hour(
    place: Place, ada: Party, bo: Party
) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.contacts.accept("ada")
    await ada.look()
    books, number = bo.parts.books, bo.parts.books.contacts.require("ada").number
    handshakes = bo.parts.contacts._parts.handshakes
    resets = Resets(books, handshakes, bo.parts.posts, place.time.clock())

    await resets.ask(number)
    place.time.now += HOUR_S - 1
    await resets.ask(number)
    assert len(place.server.users["ada"].mailbox) == 1
    place.time.now += 1
    await resets.ask(number)

    assert len(place.server.users["ada"].mailbox) == 2
    await ada.look()
    assert ada.parts.books.contacts.require("bo").sessions_from_ms > 0
