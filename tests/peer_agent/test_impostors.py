"""Somebody with keys of their own says the id of a device that is pinned, or named in somebody else's chain.

The handshake proves the keys that its header names, whatever id stands beside them: who compares ids alone
takes mallory for ada.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from peer_agent.account import Account
from peer_agent.crypto.identity import DeviceKeys, create_device
from peer_agent.crypto.messages import Content, Text, create_message
from peer_agent.crypto.prekeys import verify_bundle
from peer_agent.crypto.sessions import begin_session
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import Device, HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party


def with_keys_of_mallory(device: DeviceKeys) -> DeviceKeys:
    return replace(create_device(), device_id=device.device_id)


def with_another_signing_key(device: DeviceKeys) -> DeviceKeys:
    return replace(device, signing=create_device().signing)


FORGERIES = [with_keys_of_mallory, with_another_signing_key]
Forge = Callable[[DeviceKeys], DeviceKeys]


def first_envelope(keys: DeviceKeys, bo: Device, content: Content) -> bytes:
    """The first envelope of a session with bo, from whoever holds these keys."""
    (offered,) = bo.bundle().devices
    bundle = verify_bundle(
        bo.account.device.entry,
        offered.signed_prekey or b"",
        offered.one_time_kem,
        offered.one_time,
        today=bo.time.clock().day(),
    )
    message = create_message(content, now_ms=bo.time.clock().unix_ms())
    return begin_session(keys, bundle, now_ms=message.sent_ms).encrypt(message.pack())[1]


def test_first_message_with_the_pinned_keys_is_that_contacts(ada: Device, bo: Device) -> None:
    envelope = first_envelope(ada.account.device, bo, Text("It is ada."))

    assert bo.inbox.take(envelope) is not None
    assert bo.shown == ["It is ada."]


@pytest.mark.parametrize("forge", FORGERIES)
def test_first_message_with_the_pinned_id_and_other_keys_is_nobodys(
    ada: Device, bo: Device, forge: Forge
) -> None:
    envelope = first_envelope(forge(ada.account.device), bo, Text("It is ada."))

    assert bo.inbox.take(envelope) is None
    assert bo.opener.open(envelope).contact is None
    assert (bo.shown, bo.unreadable) == ([], [])


class Place:
    """A server at which ada and bo have never met."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.folder, self.tasks = folder, tasks
        self.time, self.server = HandClock(), FakeServer()
        self.ada, self.bo = (make_account(name, self.time.clock()) for name in ("ada", "bo"))
        for account in (self.ada, self.bo):
            self.server.add(account)

    def party(self, account: Account, folder: str) -> Party:
        store = open_store(prepare_state_dir(self.folder / folder), None)
        return Party(account, store, self.server, self.time.clock(), self.tasks)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Tasks() as tasks:
        yield Place(tmp_path, tasks)


async def bo_after_a_request_from(place: Place, account: Account) -> Party:
    bo = place.party(place.bo, "bo")
    await bo.look()
    await place.party(account, "asking").parts.contacts.request("bo", "It is ada.")
    assert place.server.users["bo"].mailbox
    await bo.look()
    assert place.server.users["bo"].mailbox == {}
    return bo


async def test_request_with_the_keys_of_its_chain_is_shown(place: Place) -> None:
    bo = await bo_after_a_request_from(place, place.ada)

    assert bo.parts.books.contacts.find("ada") is not None


@pytest.mark.parametrize("forge", FORGERIES)
async def test_request_with_adas_chain_and_other_keys_is_not_shown(place: Place, forge: Forge) -> None:
    """The chain is ada's own, as everybody may read it at the server."""
    bo = await bo_after_a_request_from(place, replace(place.ada, device=forge(place.ada.device)))

    assert bo.parts.books.contacts.find("ada") is None
    assert bo.events == []
