"""The hop table: which cells pass, which wait, and when a hop is over."""

import secrets

from hypothesis import given
from hypothesis import strategies as st

from p2p.protocol.cells import CELL_BYTES, HOP_IDLE_S, HOP_LIFE_S, PENDING_CELLS, PENDING_S, LinkFrame
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.limits import MAX_HOPS
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.hops import MAX_PENDING_LINKS, SNAPSHOT_LAG_S, HopTable

LINK_IN, LINK_OUT = LinkId(b"i" * 16), LinkId(b"o" * 16)
HOP_IN, HOP_OUT = HopId(b"incoming"), HopId(b"outgoing")


def an_order(hop: HopId, link: LinkId) -> Order:
    return Order(hop, link, How.OPEN, None, None)


def a_table(*, now: float = 0.0) -> HopTable:
    table = HopTable()
    table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=now)
    return table


def a_frame(hop: HopId = HOP_IN, mark: int = 0) -> LinkFrame:
    return LinkFrame(hop, bytes([mark]) * CELL_BYTES)


def test_hop_is_known_on_its_own_link_only() -> None:
    table = a_table()

    assert table.find(LINK_IN, HOP_IN, now=1) is not None
    assert table.find(LINK_OUT, HOP_IN, now=1) is None
    assert table.find(LINK_IN, HOP_OUT, now=1) is None


def test_hop_ends_without_cells() -> None:
    table = a_table()

    assert table.find(LINK_IN, HOP_IN, now=HOP_IDLE_S) is not None
    assert table.find(LINK_IN, HOP_IN, now=HOP_IDLE_S + 0.1) is None
    assert [hop.incoming for hop in table.expire(now=HOP_IDLE_S + 0.1)] == [HOP_IN]


def test_each_cell_prolongs_a_hop_up_to_its_longest_life() -> None:
    table = a_table()
    now = 0.0
    while (hop := table.find(LINK_IN, HOP_IN, now=now)) is not None:
        hop.extend(now)
        now += HOP_IDLE_S - 1

    assert HOP_LIFE_S < now <= HOP_LIFE_S + HOP_IDLE_S


def test_repeated_order_prolongs_a_hop_and_keeps_its_replay_tags() -> None:
    table = a_table()
    hop = table.find(LINK_IN, HOP_IN, now=0)
    assert hop is not None

    again = table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=HOP_LIFE_S - 1)

    assert again is hop
    assert table.find(LINK_IN, HOP_IN, now=HOP_LIFE_S + HOP_IDLE_S - 2) is hop


def test_early_cells_wait_for_their_order_in_order() -> None:
    table = HopTable()
    for mark in range(3):
        table.hold(LINK_IN, a_frame(mark=mark), now=0)
    hop = table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=1)

    assert [frame.cell[0] for frame in table.release(hop, now=1)] == [0, 1, 2]
    assert table.release(hop, now=1) == []


def test_early_cells_of_another_hop_go_on_waiting() -> None:
    table = HopTable()
    other = HopId(b"another!")
    table.hold(LINK_IN, a_frame(other), now=0)
    hop = table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=0)
    assert table.release(hop, now=0) == []

    later = table.order(an_order(other, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=1)

    assert len(table.release(later, now=1)) == 1


def test_early_cells_are_given_up_after_a_moment() -> None:
    table = HopTable()
    table.hold(LINK_IN, a_frame(), now=0)
    hop = table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=0)

    assert table.release(hop, now=PENDING_S + 0.1) == []


def test_only_the_newest_early_cells_are_kept() -> None:
    table = HopTable()
    for mark in range(PENDING_CELLS + 5):
        table.hold(LINK_IN, a_frame(mark=mark), now=0)
    hop = table.order(an_order(HOP_IN, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=0)

    assert [frame.cell[0] for frame in table.release(hop, now=0)] == list(range(5, PENDING_CELLS + 5))


def test_table_is_bounded() -> None:
    table = HopTable()
    for _ in range(MAX_HOPS + 10):
        hop = HopId(secrets.token_bytes(8))
        table.order(an_order(hop, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=0)
    for _ in range(MAX_PENDING_LINKS + 10):
        table.hold(LinkId(secrets.token_bytes(16)), a_frame(), now=0)

    assert len(table.leaving_by(LINK_OUT)) == MAX_HOPS
    assert len(table._pending) == MAX_PENDING_LINKS


def test_snapshot_ends_hops_it_does_not_list_but_not_the_newest() -> None:
    table = a_table(now=0)
    newest = HopId(b"a newone")
    table.order(an_order(newest, LINK_IN), an_order(HOP_OUT, LINK_OUT), now=SNAPSHOT_LAG_S)

    ended = table.keep_only(frozenset(), now=SNAPSHOT_LAG_S + 0.1)

    assert [hop.incoming for hop in ended] == [HOP_IN]
    assert table.find(LINK_IN, newest, now=SNAPSHOT_LAG_S) is not None


def test_snapshot_keeps_hops_it_lists_by_either_end() -> None:
    for listed in (HOP_IN, HOP_OUT):
        table = a_table(now=0)

        assert table.keep_only(frozenset({listed}), now=SNAPSHOT_LAG_S + 1) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 20)), max_size=40))
def test_no_hop_outlives_its_time(steps: list[tuple[int, float]]) -> None:
    table, now = a_table(), 0.0
    for action, later in steps:
        now += later
        hop = table.find(LINK_IN, HOP_IN, now=now)
        if hop is not None and action:
            hop.extend(now)
        table.expire(now=now)

    assert (table.find(LINK_IN, HOP_IN, now=now) is None) or now <= HOP_LIFE_S
