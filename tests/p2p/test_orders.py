"""What the peers of a path are told: the same form in every place."""

import itertools
import random

import pytest

from p2p.orders import write_orders
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.limits import FRAME_STEP_BYTES, HOPS
from p2p.protocol.words import How
from p2p.records import HopKey, LinkKey, Offer, PathRecord, PeerId

PATH = PathRecord(
    peers=tuple(PeerId(name) for name in ("ada", "f1", "f2", "f3", "bo")),
    hops=tuple(HopKey(b64_text(bytes([at]) * 8)) for at in range(HOPS)),
    links=tuple(LinkKey(b64_text(bytes([at]) * 16)) for at in range(HOPS)),
)


def offers_for(*places: int) -> dict[LinkKey, Offer]:
    return {PATH.links[at]: Offer(id=b64_text(bytes([at]) * 8), sdp=f"v={at}\r\n" * 500) for at in places}


@pytest.mark.parametrize("places", [(), (0,), (1, 2), (0, 1, 2, 3)])
def test_every_order_has_the_same_size(places: tuple[int, ...], rng: random.Random) -> None:
    texts = [to_text(order) for order in write_orders(PATH, offers_for(*places), rng)]

    assert {len(text) for text in texts} == {FRAME_STEP_BYTES}


def test_neighbours_agree_on_hop_and_link(rng: random.Random) -> None:
    orders = write_orders(PATH, offers_for(0, 2), rng)

    for before, after in itertools.pairwise(orders):
        assert (before.out.hop, before.out.link) == (after.in_.hop, after.in_.link)


def test_the_peer_after_answers_the_offer_of_the_peer_before(rng: random.Random) -> None:
    offers = offers_for(1)

    orders = write_orders(PATH, offers, rng)

    assert orders[1].out.how is How.TAKEN
    assert orders[1].out.offer is not None
    assert b64_text(orders[1].out.offer) == offers[PATH.links[1]]["id"]
    assert orders[2].in_.how is How.ANSWER
    assert orders[2].in_.sdp == offers[PATH.links[1]]["sdp"]


def test_an_open_link_is_used_as_it_is(rng: random.Random) -> None:
    orders = write_orders(PATH, offers_for(), rng)

    assert {order.how for each in orders for order in (each.in_, each.out)} == {How.OPEN}


def test_no_two_hops_share_an_id_and_filler_is_random(rng: random.Random) -> None:
    first, second = write_orders(PATH, {}, rng), write_orders(PATH, {}, rng)

    ids = [order.hop for each in first for order in (each.in_, each.out)]
    assert len(set(ids)) == HOPS + 2
    assert first[0].in_.hop != second[0].in_.hop
    assert first[-1].out.link != second[-1].out.link


def test_no_order_names_a_peer_twice_or_a_role(rng: random.Random) -> None:
    for order in write_orders(PATH, offers_for(0, 1, 2, 3), rng):
        text = to_text(order)
        assert not any(word in text for word in ("sender", "receiver", "forward", "guard", *PATH.peers))
