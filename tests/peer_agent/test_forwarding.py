"""Cells through three forwarders and a receiver that run the same code, with nothing between them."""

import secrets
from dataclasses import dataclass, field

import pytest

from p2p.protocol.cells import PAYLOAD_BYTES, PENDING_CELLS, LinkFrame
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.limits import MAX_HOPS
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.crypto import onion
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.events import CellsPassed, Event, HopEnded, HopReady
from peer_agent.forwarding import Exits, Forwarding


@dataclass
class Node:
    """One peer of a path, with what left it."""

    keys: OnionKeys = field(default_factory=lambda: OnionKeys.create(day=1))
    sent: list[tuple[LinkId, bytes]] = field(default_factory=list)
    delivered: list[tuple[HopId, bytes]] = field(default_factory=list)
    failed: list[HopId] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    takes: bool = True

    def __post_init__(self) -> None:
        exits = Exits(self.send, self.deliver, self.failed.append, self.events.append)
        self.forwarding = Forwarding(exits, lambda: self.keys)

    def send(self, link: LinkId, frame: bytes) -> bool:
        if self.takes:
            self.sent.append((link, frame))
        return self.takes

    def deliver(self, hop: HopId, payload: bytes) -> None:
        self.delivered.append((hop, payload))


class Path:
    """Four hops: to three forwarders and the receiver."""

    def __init__(self) -> None:
        self.nodes = [Node() for _ in range(4)]
        self.hops = [HopId(secrets.token_bytes(8)) for _ in range(5)]
        self.links = [LinkId(secrets.token_bytes(16)) for _ in range(5)]

    def order(self, place: int, *, has_way_out: bool = True) -> None:
        """Tell one peer of its two hops; the last one's way out is filler."""
        incoming = Order(self.hops[place], self.links[place], How.OPEN, None, None)
        outgoing = Order(self.hops[place + 1], self.links[place + 1], How.OPEN, None, None)
        self.nodes[place].forwarding.order(incoming, outgoing, has_way_out=has_way_out)

    def cell(self, payload: bytes) -> bytes:
        layers = [
            onion.Hop(node.keys.current.public, hop)
            for node, hop in zip(self.nodes, self.hops[:4], strict=True)
        ]
        return LinkFrame(self.hops[0], onion.wrap(layers, payload)).pack()

    def carry(self, frame: bytes) -> None:
        """Bring a frame to the first forwarder, and what leaves each peer to the next."""
        self.nodes[0].forwarding.receive(self.links[0], frame)
        for place in range(1, 4):
            for link, onward in self.nodes[place - 1].sent:
                self.nodes[place].forwarding.receive(link, onward)
            self.nodes[place - 1].sent.clear()


@pytest.fixture
async def path() -> Path:
    made = Path()
    for place in range(4):
        made.order(place)
    return made


def a_payload() -> bytes:
    return secrets.token_bytes(PAYLOAD_BYTES)


async def test_cell_reaches_the_last_peer_and_nobody_else(path: Path) -> None:
    payload = a_payload()

    path.carry(path.cell(payload))

    assert [node.delivered for node in path.nodes[:3]] == [[], [], []]
    assert path.nodes[3].delivered == [(path.hops[3], payload)]


async def test_every_peer_reports_alike(path: Path) -> None:
    path.carry(path.cell(a_payload()))

    kinds = [[type(event) for event in node.events] for node in path.nodes]
    assert kinds == [[HopReady, CellsPassed]] * 4


async def test_replayed_cell_is_dropped_in_silence(path: Path) -> None:
    frame = path.cell(a_payload())

    path.carry(frame)
    path.carry(frame)

    assert len(path.nodes[3].delivered) == 1
    assert all(node.failed == [] for node in path.nodes)


@pytest.mark.parametrize("at", [8, 40, 56, 2_000, 4_103])
async def test_changed_cell_is_dropped_in_silence(path: Path, at: int) -> None:
    frame = bytearray(path.cell(a_payload()))
    frame[at] ^= 1

    path.carry(bytes(frame))

    assert path.nodes[0].sent == []
    assert path.nodes[0].failed == []
    assert path.nodes[3].delivered == []


async def test_cell_on_another_link_is_not_taken(path: Path) -> None:
    path.nodes[0].forwarding.receive(LinkId(bytes(16)), path.cell(a_payload()))

    assert path.nodes[0].sent == []


async def test_cells_that_come_before_the_order_are_passed_on_in_order() -> None:
    path = Path()
    payloads = [a_payload() for _ in range(PENDING_CELLS)]
    for payload in payloads:
        path.nodes[0].forwarding.receive(path.links[0], path.cell(payload))
    for place in range(4):
        path.order(place)

    path.carry(path.cell(a_payload()))

    assert [payload for _, payload in path.nodes[3].delivered[:PENDING_CELLS]] == payloads


async def test_missing_way_out_is_reported_once() -> None:
    path = Path()

    path.order(1, has_way_out=False)
    path.order(1, has_way_out=False)
    path.nodes[1].forwarding.link_lost(path.links[2])

    assert path.nodes[1].failed == [path.hops[2]]


async def test_lost_link_fails_the_hops_that_leave_by_it(path: Path) -> None:
    path.nodes[1].forwarding.link_lost(path.links[1])
    assert path.nodes[1].failed == []

    path.nodes[1].forwarding.link_lost(path.links[2])

    assert path.nodes[1].failed == [path.hops[2]]


async def test_link_that_takes_nothing_fails_the_hop(path: Path) -> None:
    path.nodes[0].takes = False

    path.carry(path.cell(a_payload()))

    assert path.nodes[0].failed == [path.hops[1]]


async def test_cell_made_for_the_key_of_yesterday_passes(path: Path) -> None:
    frame = path.cell(a_payload())
    path.nodes[0].keys = path.nodes[0].keys.rotated(day=2)

    path.carry(frame)

    assert len(path.nodes[3].delivered) == 1


async def test_cell_made_for_the_key_before_that_does_not(path: Path) -> None:
    frame = path.cell(a_payload())
    path.nodes[0].keys = path.nodes[0].keys.rotated(day=2).rotated(day=3)

    path.carry(frame)

    assert path.nodes[3].delivered == []


async def test_end_of_a_hop_is_reported_with_its_cells(path: Path) -> None:
    path.carry(path.cell(a_payload()))
    path.carry(path.cell(a_payload()))

    path.nodes[0].forwarding.clear()

    assert path.nodes[0].events[-1] == HopEnded(path.hops[0], path.hops[1], 2)
    path.carry(path.cell(a_payload()))
    assert len(path.nodes[3].delivered) == 2


async def test_forwarder_survives_very_many_orders(path: Path) -> None:
    for _ in range(MAX_HOPS + 5):
        incoming = Order(HopId(secrets.token_bytes(8)), path.links[0], How.OPEN, None, None)
        outgoing = Order(HopId(secrets.token_bytes(8)), path.links[1], How.OPEN, None, None)
        path.nodes[0].forwarding.order(incoming, outgoing, has_way_out=True)

    assert len(path.nodes[0].events) == MAX_HOPS + 6
