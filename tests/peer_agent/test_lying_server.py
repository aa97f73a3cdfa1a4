"""A server that shows other keys than the pinned ones, or knows nobody by the keys that somebody sends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.to_server import Repath
from peer_agent.api import Api
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.errors import ContactBlocked
from peer_agent.events import ContactAsked, ContactUnsafe
from peer_agent.handshakes import Handshakes
from tests.peer_agent.devices import make_account
from tests.peer_agent.lying_town import Sender, Town, open_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


async def test_session_begins_with_nobody_whose_chain_is_another_than_the_pinned(town: Town) -> None:
    ada = town.ada
    books = ada.parts.books
    handshakes = Handshakes(
        ada.account.device, Api(ada.rest), books, ada.parts.pins, ada.clock, ada.events.append
    )
    bo = books.contacts.require("bo")
    assert await handshakes.begin_with(bo, bo.devices[0])

    town.substitute("bo")

    with pytest.raises(ContactBlocked):
        await handshakes.begin_with(bo, bo.devices[0])


async def somebody_asks_as_olga(town: Town) -> None:
    """Send bo a request with a chain that says olga; at the server it is olga's own."""
    await town.party("olga").parts.contacts.request("bo")


async def test_request_with_the_chain_that_the_server_has_is_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)

    await town.bo.look()

    assert ContactAsked("olga") in town.bo.events


async def test_request_with_a_chain_that_the_server_does_not_have_is_not_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)
    town.substitute("olga")

    await town.bo.look()

    assert ContactAsked("olga") not in town.bo.events
    assert town.bo.parts.books.contacts.find("olga") is None


async def test_request_in_the_name_of_nobody_is_not_shown(town: Town) -> None:
    await somebody_asks_as_olga(town)
    del town.server.users["olga"]

    await town.bo.look()

    assert town.bo.parts.books.contacts.find("olga") is None


@pytest.mark.parametrize(
    "name", ["\N{CYRILLIC SMALL LETTER A}da", "o\N{RIGHT-TO-LEFT OVERRIDE}agl", "olga\x85bo", "olga\x9b2k"]
)
async def test_request_under_a_name_that_looks_like_a_contacts_or_steers_a_terminal_is_not_shown(
    town: Town, name: str
) -> None:
    """Chains have rules for bytes only; that nobody has such a name is the server's word."""
    await town.party(name).parts.contacts.request("bo")
    before = len(town.bo.events)

    await town.bo.look()

    assert town.bo.events[before:] == []
    assert [each.username for each in town.bo.parts.books.contacts.all()] == ["ada"]


async def test_onion_key_signed_by_another_in_the_receivers_name_blocks_the_contact(town: Town) -> None:
    sender = Sender(town)
    bo = town.bo.account.device
    forger = replace(make_account("bo", town.time.clock()).device, device_id=bo.device_id)

    await sender.path(OnionKeys.create(day=sender.day).signed(forger).pack())

    await sender.state("blocked")
    assert ContactUnsafe("bo") in town.ada.events
    assert town.ada.parts.books.contacts.require("bo").is_unsafe
    assert sender.cells == []


async def test_onion_key_that_is_out_of_date_asks_for_another_path(town: Town) -> None:
    sender = Sender(town)

    tx = await sender.path(OnionKeys.create(day=sender.day - 3).signed(town.bo.account.device).pack())

    await sender.frame(Repath(tx, 1))
    assert not town.ada.parts.books.contacts.require("bo").is_unsafe
    assert sender.cells == []


async def test_genuine_onion_key_lets_cells_go(town: Town) -> None:
    sender = Sender(town)

    await sender.path(OnionKeys.create(day=sender.day).signed(town.bo.account.device).pack())

    await sender.state("sent")
    assert len(sender.cells) == 1
