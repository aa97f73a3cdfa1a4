"""A place where ada and bo meet: one server without a network, and what each knows of the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peer_agent.contact_book import Contact, ContactState
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party


class Place:
    """One server and whoever is made to live there."""

    def __init__(self, folder: Path, tasks: Tasks) -> None:
        self.folder, self.tasks = folder, tasks
        self.time, self.server = HandClock(), FakeServer()

    def party(self, name: str) -> Party:
        clock = self.time.clock()
        account = make_account(name, clock)
        self.server.add(account)
        store = open_store(prepare_state_dir(self.folder / name), None)
        return Party(account, store, self.server, clock, self.tasks)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Tasks() as tasks:
        yield Place(tmp_path, tasks)


@pytest.fixture
async def ada(place: Place) -> Party:
    party = place.party("ada")
    await party.look()
    return party


@pytest.fixture
async def bo(place: Place) -> Party:
    party = place.party("bo")
    await party.look()
    return party


def state(party: Party, name: str) -> ContactState | None:
    found = party.parts.books.contacts.find(name)
    return None if found is None else found.state


def known(party: Party, name: str) -> Contact:
    found = party.parts.books.contacts.find(name)
    assert found is not None
    return found


async def become_contacts(ada: Party, bo: Party) -> None:
    await ada.parts.contacts.request(bo.account.username)
    await bo.look()
    await bo.parts.contacts.accept(ada.account.username)
    await ada.look()
    for party in (ada, bo):
        party.events.clear()
