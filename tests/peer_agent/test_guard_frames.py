"""What a device does with what its server says of guards, over a socket."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import HopId, LinkId, OfferId
from p2p.protocol.link import LINK_IDLE_S
from p2p.protocol.parts import Order
from p2p.protocol.to_peer import Guard, OfferWanted
from p2p.protocol.words import How
from peer_agent.clock import Clock
from peer_agent.events import Event, GuardLink, GuardsLimit, GuardTaken, LimitCause, SessionClosed
from peer_agent.guards import AWAY_S, TAKEN_IN_LIFE, name_of
from peer_agent.guards_book import GuardBook
from peer_agent.store import open_store
from tests.peer_agent.delivery_town import open_town
from tests.peer_agent.devices import Device
from tests.peer_agent.guard_tickets import HOUR_S, a_ticket
from tests.peer_agent.lone_peer import LIMIT_S, LonePeer, an_order, open_lone_peer
from tests.peer_agent.wires import Turned, Wire


def filler() -> Order:
    return Order(HopId(secrets.token_bytes(8)), LinkId(secrets.token_bytes(16)), How.OPEN, None, None)


def to_answer(ticket: bytes) -> Guard:
    """A ticket with the guard's offer."""
    return Guard(ticket, an_order(LinkId(secrets.token_bytes(16))), filler())


async def until_handled(peer: LonePeer) -> None:
    """Wait until the peer has handled all that it was told: frames are handled in order."""
    await peer.says(OfferWanted())
    await peer.hears("offer")


@pytest.fixture
async def peer(ada: Device) -> AsyncIterator[LonePeer]:
    async with open_lone_peer(ada) as made:
        yield made


async def test_ticket_is_on_the_disk_before_its_order_is_followed_and_is_shown_from_then_on(
    ada: Device,
) -> None:
    on_the_disk: list[tuple[bytes, ...]] = []

    class Looking(Wire):
        async def answer(self, offer: str) -> str:
            with closing(open_store(ada.path, None)) as store:
                on_the_disk.append(GuardBook(store, Clock()).tickets())
            return await super().answer(offer)

    ticket = a_ticket()
    async with open_lone_peer(ada, Looking) as peer:
        assert peer.told["tickets"] == []

        frame = to_answer(ticket)
        await peer.says(frame)

        assert b64_bytes((await peer.hears("answer"))["link"]) == frame.in_.link
        assert on_the_disk == [(ticket,)]
    async with open_lone_peer(ada) as peer:
        assert peer.told["tickets"] == [b64_text(ticket)]


async def test_standing_link_is_held_and_told_of(peer: LonePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, frame, other = Turned(monkeypatch), to_answer(a_ticket()), LinkId(secrets.token_bytes(16))
    await peer.says(frame)
    await peer.hears("answer")
    peer.wires[-1].callbacks.opened()
    peer.network.links.follow(an_order(other))
    peer.wires[-1].callbacks.opened()

    clock.later_s = 2 * LINK_IDLE_S
    peer.network.links.close_idle()

    assert peer.network.links.open_ids() == (frame.in_.link,)
    said = [peer.events.get_nowait() for _ in range(peer.events.qsize())]
    assert [event for event in said if isinstance(event, GuardTaken | GuardLink)] == [
        GuardTaken(1, TAKEN_IN_LIFE - 1),
        GuardLink(frame.in_.link),
    ]


async def test_standing_link_is_made_by_an_offer_of_ones_own(peer: LonePeer) -> None:
    offer = OfferId(b64_bytes(peer.told["offers"][0]["id"]))
    link = LinkId(secrets.token_bytes(16))
    taken = Order(HopId(secrets.token_bytes(8)), link, How.TAKEN, None, offer)

    await peer.says(Guard(a_ticket(), filler(), taken))

    told = await peer.hears("ice_client")
    assert len(told["tickets"]) == 1
    assert b64_text(offer) not in [each["id"] for each in told["offers"]]


async def test_open_link_becomes_a_standing_one_and_filler_none(peer: LonePeer) -> None:
    links = await peer.place()
    ticket = a_ticket()

    await peer.says(Guard(ticket, filler(), Order(HopId(bytes(8)), links[1], How.OPEN, None, None)))
    await peer.says(Guard(ticket, filler(), filler()))
    await until_handled(peer)

    said = [peer.events.get_nowait() for _ in range(peer.events.qsize())]
    assert [event.link for event in said if isinstance(event, GuardLink)] == [links[1]]


async def test_hostile_server_gets_no_sixth_guard_and_no_link_for_it(peer: LonePeer, ada: Device) -> None:
    tickets = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in tickets:
        await peer.says(to_answer(ticket))
        await peer.hears("answer")
    wires = len(peer.wires)

    for _ in range(3):
        await peer.says(to_answer(a_ticket()))
    await peer.says(to_answer(b"\x02" + tickets[0][1:]))
    known = to_answer(a_ticket(name_of(tickets[0])))
    await peer.says(known)

    # Frames are handled in order: the answer to the last one tells that the others had none.
    assert b64_bytes((await peer.hears("answer"))["link"]) == known.in_.link
    assert len(peer.wires) == wires + 1
    assert list(ada.books.guards.tickets()) == [known.ticket, *tickets[1:]]
    said = [peer.events.get_nowait() for _ in range(peer.events.qsize())]
    assert [event for event in said if isinstance(event, GuardsLimit)] == [
        GuardsLimit(TAKEN_IN_LIFE, LimitCause.OFFERED)
    ]


async def until_event(peer: LonePeer, wanted: type[Event]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(await peer.events.get(), wanted):
            pass


async def test_guard_is_away_while_its_device_is_online_without_its_link(ada: Device) -> None:
    def away_s() -> list[int]:
        return [guard.away_s for guard in ada.books.guards.all().kept]

    tickets = [a_ticket() for _ in range(TAKEN_IN_LIFE)]
    for ticket in tickets:
        ada.books.guards.take(ticket)
    async with open_lone_peer(ada) as peer:
        await peer.says(to_answer(tickets[0]))
        await peer.hears("answer")
        ada.time.now += HOUR_S
        peer.wires[-1].callbacks.opened()
        ada.time.now += HOUR_S
        peer.wires[-1].callbacks.closed()

        ada.time.now += AWAY_S
        # Told by the look that keeps the time.
        await until_event(peer, GuardsLimit)
        assert away_s() == [AWAY_S, *[AWAY_S + 2 * HOUR_S] * 4]
        ada.time.now += 1
        await peer.network.close()
        assert away_s()[0] == AWAY_S + 1

        await peer.socket.close()
        await until_event(peer, SessionClosed)
        ada.time.now += HOUR_S
        await peer.network.close()
        assert away_s()[0] == AWAY_S + 1


async def test_transaction_shows_the_tickets(tmp_path: Path) -> None:
    tickets = [a_ticket() for _ in range(2)]
    async with open_town(tmp_path) as town:
        for ticket in tickets:
            town.ada.parts.books.guards.take(ticket)

        town.ada.parts.delivery.send("bo", "hello")
        town.ada.parts.delivery.online(True)
        async with asyncio.timeout(LIMIT_S):
            while not (posts := town.server.bodies("POST transactions")):
                await town.server.asked.get()

    assert posts[0]["tickets"] == [b64_text(ticket) for ticket in tickets]
