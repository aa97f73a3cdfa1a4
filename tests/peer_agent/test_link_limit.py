"""How many links a peer keeps, how long, and for whom: over transports that only say what they are told."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from p2p.protocol.cells import LINK_FRAME_BYTES, QUEUED_FRAMES_PER_HOP
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.link import CONFIRMED_WITHIN_S, FIRST_CELL_S, LINK_IDLE_S, MAX_LINKS
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.link_end import HIGH_WATER_BYTES, LinkReports, Sent
from peer_agent.links import Links
from peer_agent.rtc import Callbacks
from peer_agent.tasks import Tasks
from tests.peer_agent.wires import Turned, Wire

FRAME = bytes(LINK_FRAME_BYTES)


@dataclass
class Town:
    """One peer's links, the wires under them, and a clock that the test turns."""

    tasks: Tasks
    wires: list[Wire] = field(default_factory=list)
    down: list[LinkId] = field(default_factory=list)
    standing: set[LinkId] = field(default_factory=set)

    def __post_init__(self) -> None:
        reports = LinkReports(
            lambda link: None, self.down.append, lambda link: None, lambda link, sdp: None, lambda *_: None
        )
        self.links = Links(reports, self.tasks, lambda link: link in self.standing)
        self.links.use(self._wire)

    def _wire(self, callbacks: Callbacks) -> Wire:
        self.wires.append(Wire(callbacks))
        return self.wires[-1]

    def order(self, link: LinkId, how: How = How.ANSWER) -> Order:
        return Order(HopId(bytes(8)), link, how, "v=0\r\n" if how is How.ANSWER else None, None)

    def open(self, *, beside: LinkId | None = None) -> LinkId:
        """Open a link by another peer's offer."""
        link = LinkId(secrets.token_bytes(16))
        assert self.links.follow(self.order(link), beside=beside)
        self.wires[-1].callbacks.opened()
        return link


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with Tasks() as tasks:
        yield Town(tasks)


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Turned:
    return Turned(monkeypatch)


async def test_links_that_carry_nothing_keep_nobody_out(town: Town) -> None:
    for _ in range(MAX_LINKS):
        town.open()

    honest = town.open()

    assert honest in town.links.open_ids()
    assert len(town.links.open_ids()) == MAX_LINKS


async def test_link_that_carried_a_cell_outlives_a_flood_of_links(town: Town) -> None:
    used = town.open()
    town.links.used(used)

    for _ in range(3 * MAX_LINKS):
        town.open()

    assert used in town.links.open_ids()
    assert used not in town.down


async def test_of_used_links_the_one_longest_without_a_cell_makes_space(town: Town, clock: Turned) -> None:
    links = [town.open() for _ in range(MAX_LINKS)]
    for link in reversed(links):
        clock.later_s += 1.0
        town.links.used(link)

    town.open()

    assert town.down == [links[-1]]


async def test_the_other_link_of_the_same_path_is_spared(town: Town) -> None:
    for link in [town.open() for _ in range(MAX_LINKS)]:
        town.links.used(link)

    incoming = town.open()
    outgoing = town.open(beside=incoming)

    assert {incoming, outgoing} <= set(town.links.open_ids())


async def test_junk_does_not_keep_a_link(town: Town, clock: Turned) -> None:
    link = town.open()

    for _ in range(7):
        clock.later_s += FIRST_CELL_S / 6
        town.wires[-1].callbacks.received(FRAME)
        town.links.close_idle()

    assert town.down == [link]


async def test_link_ends_when_no_first_cell_comes(town: Town, clock: Turned) -> None:
    link = town.open()

    clock.later_s = FIRST_CELL_S - 1.0
    town.links.close_idle()
    assert town.links.open_ids() == (link,)
    clock.later_s = FIRST_CELL_S + 1.0
    town.links.close_idle()

    assert town.down == [link]


async def test_order_for_a_link_gives_it_time_for_a_first_cell(town: Town, clock: Turned) -> None:
    link = town.open()
    clock.later_s = FIRST_CELL_S - 1.0
    town.links.follow(town.order(link, How.OPEN))

    clock.later_s = FIRST_CELL_S + 1.0
    town.links.close_idle()

    assert town.links.open_ids() == (link,)


async def test_order_that_says_open_keeps_an_open_link_as_a_cell_would(town: Town, clock: Turned) -> None:
    link, other = town.open(), town.open()
    town.links.follow(town.order(link, How.OPEN))

    clock.later_s = LINK_IDLE_S - 1.0
    town.links.close_idle()

    assert town.down == [other]
    clock.later_s = LINK_IDLE_S + 1.0
    town.links.close_idle()
    assert town.down == [other, link]


async def test_order_that_says_open_keeps_no_link_that_never_opens(town: Town, clock: Turned) -> None:
    unopened = LinkId(secrets.token_bytes(16))
    town.links.follow(town.order(unopened))
    for link in [town.open() for _ in range(MAX_LINKS - 1)]:
        clock.later_s += 0.01
        town.links.used(link)

    town.links.follow(town.order(unopened, How.OPEN))
    town.open()

    assert town.down == [unopened]


async def test_standing_link_outlives_idleness_and_a_flood_and_no_other_does(
    town: Town, clock: Turned
) -> None:
    standing, other = town.open(), town.open()
    town.standing.add(standing)

    clock.later_s = 2 * LINK_IDLE_S
    town.links.close_idle()
    assert town.down == [other]
    for _ in range(3 * MAX_LINKS):
        town.links.used(town.open())

    assert standing in town.links.open_ids()
    town.standing.clear()
    town.links.close_idle()
    assert standing not in town.links.open_ids()


async def test_where_all_links_stand_there_is_still_space_for_one_more(town: Town) -> None:
    for _ in range(MAX_LINKS):
        town.standing.add(town.open())

    assert town.open() in town.links.open_ids()


@pytest.mark.parametrize("way", ["in", "out"])
async def test_cell_keeps_a_link_for_its_idle_life(town: Town, clock: Turned, way: str) -> None:
    link = town.open()
    if way == "in":
        town.links.used(link)
    else:
        assert town.links.send(link, FRAME)

    clock.later_s = LINK_IDLE_S - 1.0
    town.links.close_idle()
    assert town.links.open_ids() == (link,)
    clock.later_s = LINK_IDLE_S + 1.0
    town.links.close_idle()

    assert town.down == [link]


def look_each_second(town: Town, clock: Turned, seconds: float) -> None:
    for _ in range(int(seconds)):
        clock.later_s += 1.0
        town.links.close_dead()


async def test_link_whose_other_end_confirms_nothing_is_ended_and_reported(town: Town, clock: Turned) -> None:
    dead, quiet = town.open(), town.open()
    town.wires[0].unconfirmed = 7

    look_each_second(town, clock, CONFIRMED_WITHIN_S)
    assert town.down == []
    look_each_second(town, clock, 2)

    assert town.down == [dead]
    assert town.links.open_ids() == (quiet,)


async def test_each_confirmation_begins_the_time_anew(town: Town, clock: Turned) -> None:
    link = town.open()

    for number in range(3):
        town.wires[0].unconfirmed = number
        look_each_second(town, clock, CONFIRMED_WITHIN_S)
    town.wires[0].unconfirmed = None
    look_each_second(town, clock, 2 * CONFIRMED_WITHIN_S)

    assert town.links.open_ids() == (link,)


async def test_time_that_this_machine_slept_ends_no_link(town: Town, clock: Turned) -> None:
    link = town.open()
    town.wires[0].unconfirmed = 7
    look_each_second(town, clock, 2)

    clock.later_s += 3_600
    town.links.close_dead()

    assert town.links.open_ids() == (link,)


async def test_full_link_drops_and_a_link_that_is_gone_says_so(town: Town) -> None:
    link = town.open()
    town.wires[-1].buffered_bytes = HIGH_WATER_BYTES

    outcomes = [town.links.pass_on(link, FRAME) for _ in range(QUEUED_FRAMES_PER_HOP + 1)]
    town.links.drop(link)

    assert outcomes == [Sent.SENT] * QUEUED_FRAMES_PER_HOP + [Sent.DROPPED]
    assert town.links.pass_on(link, FRAME) is Sent.GONE


async def test_one_path_leaves_the_queue_of_a_link_to_others(town: Town) -> None:
    link = town.open()
    town.wires[-1].buffered_bytes = HIGH_WATER_BYTES
    for _ in range(QUEUED_FRAMES_PER_HOP + 1):
        town.links.pass_on(link, FRAME)

    assert town.links.pass_on(link, b"another." + FRAME[8:]) is Sent.SENT
