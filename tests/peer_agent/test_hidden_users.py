"""Users who are hidden from strangers: contacts, invitations and their own requests work all the same."""

import pytest

from peer_agent.contact_book import ContactState
from peer_agent.errors import UnknownUser
from tests.peer_agent.fake_server import Party
from tests.peer_agent.meeting import ada, bo, place, state

__all__ = ["ada", "bo", "place"]


async def test_hidden_user_is_not_asked_by_name_alone(ada: Party, bo: Party) -> None:
    ada.server.hidden.add("bo")

    with pytest.raises(UnknownUser):
        await ada.parts.contacts.request("bo")


async def test_hidden_user_is_asked_with_the_fingerprint_of_an_invitation(ada: Party, bo: Party) -> None:
    ada.server.hidden.add("bo")

    await ada.parts.contacts.request("bo", fingerprint=bo.account.identity.fingerprint)
    await bo.look()
    await bo.parts.contacts.accept("ada")
    await ada.look()

    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)


async def test_request_of_a_hidden_user_is_found_genuine_and_answered(ada: Party, bo: Party) -> None:
    ada.server.hidden.add("ada")

    await ada.parts.contacts.request("bo")
    await bo.look()
    await bo.parts.contacts.accept("ada")
    await ada.look()

    assert (state(ada, "bo"), state(bo, "ada")) == (ContactState.ACCEPTED, ContactState.ACCEPTED)


async def test_contact_who_hides_is_asked_for_keys_as_before(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request("bo")
    await bo.look()
    ada.server.hidden.update({"ada", "bo"})
    bo.store.change("DELETE FROM sessions")

    await bo.parts.contacts.accept("ada")
    await ada.parts.contacts.request("bo")

    assert state(bo, "ada") is ContactState.ACCEPTED
