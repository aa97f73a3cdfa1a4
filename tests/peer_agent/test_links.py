"""Two real aiortc links in one process, over this machine's own addresses."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from p2p.protocol.cells import LINK_FRAME_BYTES
from p2p.protocol.ids import HopId, LinkId, OfferId
from p2p.protocol.limits import MAX_OFFERS
from p2p.protocol.link import OFFER_STOCK
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.link_end import LinkReports
from peer_agent.links import Links
from peer_agent.offers import RETIRED_S
from peer_agent.rtc import aiortc_factory
from peer_agent.tasks import Tasks
from tests.mesa.socket_app import let_others_run
from tests.peer_agent.wires import Wire

LIMIT_S = 10.0


@dataclass
class Neighbour:
    """One peer's links, with what they report."""

    links: Links
    up: "asyncio.Queue[LinkId]" = field(default_factory=asyncio.Queue)
    down: "asyncio.Queue[LinkId]" = field(default_factory=asyncio.Queue)
    gone: list[LinkId] = field(default_factory=list)
    frames: "asyncio.Queue[tuple[LinkId, bytes]]" = field(default_factory=asyncio.Queue)
    answers: "asyncio.Queue[tuple[LinkId, str]]" = field(default_factory=asyncio.Queue)


def make_neighbour(tasks: Tasks) -> Neighbour:
    neighbour = Neighbour.__new__(Neighbour)
    reports = LinkReports(
        up=lambda link: neighbour.up.put_nowait(link),
        down=lambda link: neighbour.down.put_nowait(link),
        gone=lambda link: neighbour.gone.append(link),
        answer=lambda link, sdp: neighbour.answers.put_nowait((link, sdp)),
        received=lambda link, frame: neighbour.frames.put_nowait((link, frame)),
    )
    neighbour.__init__(Links(reports, tasks))  # type: ignore[misc]  # the reports need the object they report to
    neighbour.links.use(aiortc_factory([], turn_only=False))
    return neighbour


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Neighbour, Neighbour]]:
    apply_ice_patch()
    async with Tasks() as tasks:
        one, other = make_neighbour(tasks), make_neighbour(tasks)
        yield one, other
        await one.links.close_all()
        await other.links.close_all()


def an_order(link: LinkId, how: How, *, sdp: str | None = None, offer: OfferId | None = None) -> Order:
    return Order(HopId(secrets.token_bytes(8)), link, how, sdp, offer)


async def connect(one: Neighbour, other: Neighbour) -> LinkId:
    """Open a link by an offer of `one` that `other` answers, as the server would order it."""
    link = LinkId(secrets.token_bytes(16))
    offer = await one.links.stock.make()
    assert offer is not None
    assert one.links.follow(an_order(link, How.TAKEN, offer=offer.id))
    assert other.links.follow(an_order(link, How.ANSWER, sdp=offer.sdp))
    answered, description = await asyncio.wait_for(other.answers.get(), LIMIT_S)
    one.links.answer(answered, description)
    assert await asyncio.wait_for(one.up.get(), LIMIT_S) == link
    assert await asyncio.wait_for(other.up.get(), LIMIT_S) == link
    return link


async def test_link_opens_and_carries_frames_both_ways(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = await connect(one, other)
    there, back = secrets.token_bytes(LINK_FRAME_BYTES), secrets.token_bytes(LINK_FRAME_BYTES)

    assert one.links.send(link, there)
    assert other.links.send(link, back)

    assert await asyncio.wait_for(other.frames.get(), LIMIT_S) == (link, there)
    assert await asyncio.wait_for(one.frames.get(), LIMIT_S) == (link, back)
    assert one.links.open_ids() == (link,)


async def test_what_was_sent_is_unconfirmed_until_the_other_end_has_it(
    ends: tuple[Neighbour, Neighbour],
) -> None:
    one, other = ends
    link = await connect(one, other)
    transport = one.links._ends[link]._transport

    one.links.send(link, bytes(LINK_FRAME_BYTES))
    await let_others_run()
    sent = transport.unconfirmed
    await asyncio.wait_for(other.frames.get(), LIMIT_S)

    assert sent is not None
    async with asyncio.timeout(LIMIT_S):
        while transport.unconfirmed is not None:
            await let_others_run()


async def test_frames_sent_before_the_link_is_open_arrive_in_order(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = LinkId(secrets.token_bytes(16))
    offer = await one.links.stock.make()
    assert offer is not None
    one.links.follow(an_order(link, How.TAKEN, offer=offer.id))
    frames = [secrets.token_bytes(LINK_FRAME_BYTES) for _ in range(20)]

    assert all(one.links.send(link, frame) for frame in frames)
    other.links.follow(an_order(link, How.ANSWER, sdp=offer.sdp))
    one.links.answer(*await asyncio.wait_for(other.answers.get(), LIMIT_S))

    arrived = [(await asyncio.wait_for(other.frames.get(), LIMIT_S))[1] for _ in frames]
    assert arrived == frames


async def test_answer_that_comes_before_its_order_is_used(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = LinkId(secrets.token_bytes(16))
    offer = await one.links.stock.make()
    assert offer is not None
    other.links.follow(an_order(link, How.ANSWER, sdp=offer.sdp))
    one.links.answer(*await asyncio.wait_for(other.answers.get(), LIMIT_S))

    assert one.links.follow(an_order(link, How.TAKEN, offer=offer.id))

    assert await asyncio.wait_for(one.up.get(), LIMIT_S) == link


async def test_closed_link_is_noticed_by_the_other_side_at_once(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = await connect(one, other)

    one.links.close(link)

    assert await asyncio.wait_for(other.down.get(), 1.0) == link
    assert await asyncio.wait_for(one.down.get(), 1.0) == link
    assert not other.links.send(link, bytes(LINK_FRAME_BYTES))


async def test_dropped_link_reports_nothing(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = await connect(one, other)

    one.links.drop(link)

    assert await asyncio.wait_for(other.down.get(), 1.0) == link
    assert one.down.empty()


async def test_link_is_gone_once_whoever_ended_it_and_an_offer_never_was_one(
    ends: tuple[Neighbour, Neighbour],
) -> None:
    one, other = ends
    closed, dropped = await connect(one, other), await connect(one, other)
    await one.links.stock.make()

    one.links.close(closed)
    one.links.drop(dropped)
    one.links.stock.clear()
    for _ in range(2):
        await asyncio.wait_for(other.down.get(), LIMIT_S)

    assert one.gone == [closed, dropped]
    assert sorted(other.gone) == sorted([closed, dropped])


async def test_link_without_answer_is_given_up_after_its_deadline(ends: tuple[Neighbour, Neighbour]) -> None:
    one, _ = ends
    link = LinkId(secrets.token_bytes(16))
    offer = await one.links.stock.make()
    assert offer is not None

    one.links.follow(an_order(link, How.TAKEN, offer=offer.id))

    assert await asyncio.wait_for(one.down.get(), 5.0) == link


async def test_frame_of_another_size_closes_the_link(ends: tuple[Neighbour, Neighbour]) -> None:
    one, other = ends
    link = await connect(one, other)

    one.links.send(link, bytes(LINK_FRAME_BYTES + 1))

    assert await asyncio.wait_for(other.down.get(), LIMIT_S) == link


@pytest.mark.parametrize(
    "description", ["", "v=0\r\n", "nonsense", "v=0\r\nm=application 9 UDP/DTLS/SCTP x\r\n"]
)
async def test_unusable_offer_is_reported_and_ends_nothing_else(
    ends: tuple[Neighbour, Neighbour], description: str
) -> None:
    one, other = ends
    good = await connect(one, other)
    link = LinkId(secrets.token_bytes(16))

    other.links.follow(an_order(link, How.ANSWER, sdp=description))

    assert await asyncio.wait_for(other.down.get(), 5.0) == link
    assert other.links.open_ids() == (good,)


async def test_unknown_open_link_and_foreign_offer_are_refused(ends: tuple[Neighbour, Neighbour]) -> None:
    one, _ = ends
    link = LinkId(secrets.token_bytes(16))

    assert not one.links.follow(an_order(link, How.OPEN))
    assert not one.links.follow(an_order(link, How.TAKEN, offer=OfferId(bytes(8))))


async def test_offer_is_good_for_one_link(ends: tuple[Neighbour, Neighbour]) -> None:
    one, _ = ends
    offer = await one.links.stock.make()
    assert offer is not None

    assert one.links.follow(an_order(LinkId(bytes(16)), How.TAKEN, offer=offer.id))

    assert not one.links.follow(an_order(LinkId(bytes([1]) * 16), How.TAKEN, offer=offer.id))


async def test_stock_takes_eight_offers_however_often_one_is_asked_for() -> None:
    async with Tasks() as tasks:
        links = make_neighbour(tasks).links
        links.use(Wire)
        await links.stock.fill()

        made = await asyncio.gather(*(links.stock.make() for _ in range(3 * MAX_OFFERS)))

        assert len(links.stock.current()) == MAX_OFFERS
        assert sum(offer is not None for offer in made) == MAX_OFFERS - OFFER_STOCK


async def test_renewed_stock_honours_old_offers_for_a_while(
    ends: tuple[Neighbour, Neighbour],
) -> None:
    one, _ = ends
    stock = one.links.stock
    await stock.fill()
    old = stock.current()
    stock.retire(now=100.0)
    await stock.fill()

    stock.discard_old(now=100.0 + RETIRED_S / 2)
    assert stock.take(old[0].id) is not None
    stock.discard_old(now=100.0 + RETIRED_S)
    assert stock.take(old[1].id) is None
    assert len(stock.current()) == OFFER_STOCK


async def test_every_link_has_its_own_certificate(ends: tuple[Neighbour, Neighbour]) -> None:
    one, _ = ends
    await one.links.stock.fill()

    prints = {
        line
        for offer in one.links.stock.current()
        for line in offer.sdp.splitlines()
        if line.startswith("a=fingerprint:sha-256")
    }

    assert len(prints) == OFFER_STOCK
