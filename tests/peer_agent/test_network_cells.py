"""What a peer tells the server of cells and links: over a socket, with transports the test holds."""

import secrets
from collections.abc import AsyncIterator

import pytest

from p2p.protocol.cells import QUEUED_FRAMES_PER_HOP
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import LinkId
from p2p.protocol.link import MAX_LINKS
from peer_agent.events import LinkClosed
from peer_agent.link_end import HIGH_WATER_BYTES
from tests.peer_agent.devices import Device
from tests.peer_agent.lone_peer import OUTGOING, LonePeer, an_order, open_lone_peer


@pytest.fixture
async def forwarder(ada: Device) -> AsyncIterator[LonePeer]:
    async with open_lone_peer(ada) as made:
        yield made


async def test_full_link_drops_in_silence_and_only_a_lost_one_fails_the_hop(forwarder: LonePeer) -> None:
    await forwarder.place()
    incoming, outgoing = forwarder.wires[-2:]
    outgoing.buffered_bytes = HIGH_WATER_BYTES

    for _ in range(QUEUED_FRAMES_PER_HOP + 8):
        incoming.callbacks.received(forwarder.cell())
    outgoing.callbacks.closed()

    assert (await forwarder.hears("hop_failed", "link_down"))["type"] == "link_down"
    assert (await forwarder.hears("hop_failed"))["hop"] == b64_text(OUTGOING)


async def test_only_a_cell_that_opens_keeps_its_link(forwarder: LonePeer) -> None:
    used, _ = await forwarder.place()
    forwarder.wires[-2].callbacks.received(forwarder.cell())
    idle = [LinkId(secrets.token_bytes(16)) for _ in range(2)]
    for link, frame in zip(idle, (secrets.token_bytes(4_104), forwarder.cell()), strict=True):
        forwarder.network.links.follow(an_order(link))
        forwarder.wires[-1].callbacks.opened()
        forwarder.wires[-1].callbacks.received(frame)

    for _ in range(MAX_LINKS):
        forwarder.network.links.follow(an_order(LinkId(secrets.token_bytes(16))))

    kept = forwarder.network.links.open_ids()
    assert used in kept
    assert not set(idle) & set(kept)


async def test_each_link_that_opened_closes_once_and_no_other_is_spoken_of(forwarder: LonePeer) -> None:
    opened = await forwarder.place()
    unopened = LinkId(secrets.token_bytes(16))
    forwarder.network.links.follow(an_order(unopened))
    while not forwarder.events.empty():
        forwarder.events.get_nowait()

    forwarder.wires[-1].callbacks.closed()
    for link in (*opened, unopened):
        forwarder.network.links.drop(link)
        forwarder.network.links.drop(link)

    said = [forwarder.events.get_nowait() for _ in range(forwarder.events.qsize())]
    assert said == [LinkClosed(link) for link in opened]
