"""What a peer does at the server by itself, while nobody tells it to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peer_agent.chores import MAILBOX_EVERY_S, Chores
from peer_agent.events import ContactAsked
from peer_agent.tasks import Tasks
from tests.peer_agent.fake_server import FakeServer, Party
from tests.peer_agent.meeting import Place
from tests.peer_agent.wires import Turned

LIMIT_S = 10.0
LOOK = "GET mailbox"


async def until_asked(server: FakeServer, route: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await server.asked.get() != route:
            pass


@pytest.fixture
async def ada(tmp_path: Path) -> AsyncIterator[Party]:
    async with Tasks() as tasks:
        party = Place(tmp_path, tasks).party("ada")
        Chores(party.parts, accepts_all=False).start(tasks)
        await until_asked(party.server, LOOK)
        yield party
        tasks.stop()


async def test_mailbox_is_looked_into_although_the_word_of_a_post_was_lost(
    ada: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Turned(monkeypatch)
    place = Place(tmp_path, ada.tasks)
    place.server = ada.server
    bo = place.party("bo")
    await bo.look()
    await bo.parts.contacts.request("ada")
    asked: asyncio.Event = asyncio.Event()
    ada.listener = lambda event: asked.set() if event == ContactAsked("bo") else None

    clock.later_s = MAILBOX_EVERY_S + 1.0

    await asyncio.wait_for(asked.wait(), LIMIT_S)


async def test_mailbox_is_left_alone_in_between(ada: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Turned(monkeypatch)

    clock.later_s = MAILBOX_EVERY_S / 2 - 1.0

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(until_asked(ada.server, LOOK), 0.05)
