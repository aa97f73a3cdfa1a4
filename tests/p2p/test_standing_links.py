"""Standing links: ordered like any other, again when they break, kept by their guards.

Spec: docs/spec/guards.md
"""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import guarding, store_keys
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.ids import LinkId
from p2p.protocol.to_peer import Guard, LinkDrop, OfferWanted, ReadyToReceive
from p2p.protocol.to_server import Answer, LinkDown
from p2p.protocol.words import How
from p2p.records import LinkKey
from tests.p2p.guard_scenes import (
    ENOUGH,
    forget_frames,
    guards_of,
    handle_of,
    let_pause_end,
    open_standing,
    orders_of,
    show,
    tickets_for,
    with_guards,
)
from tests.p2p.peers import Network, TestPeer, make_known
from tests.p2p.worker import RNG, after, run_jobs


async def look_after(peer: TestPeer, seconds: float) -> None:
    """Look after a peer's guards as of so many seconds from now."""
    now = timezone.now() + timedelta(seconds=seconds)
    await sync_to_async(guarding.look_after)(peer_id=await handle_of(peer), now=now, rng=RNG)


async def make_old(link: LinkId, seconds: float = 240) -> None:
    """Let the guard of a device have been told of its link so long ago."""
    name = store_keys.link(LinkKey(b64_text(link)))
    async with store.async_client().pipeline() as batch:
        batch.hset(name, "guards_a", str(timezone.now().timestamp() - seconds))
        batch.expire(name, store_keys.PEER_TTL)
        await batch.execute()


async def all_open(network: Network) -> tuple[TestPeer, list[TestPeer], list[Guard]]:
    """ada, her guards and her `guard` frames; both links are open, and nothing else has still to come."""
    ada, _, guards, frames = await with_guards(network)
    for guard, frame in zip(guards, frames, strict=True):
        await open_standing(ada, guard, frame)
    await show(ada, [frame.ticket for frame in frames])
    await look_after(ada, 11)
    await let_pause_end(ada)
    await forget_frames(network.peers)
    return ada, guards, frames


async def test_a_guard_answers_the_devices_offer(network: Network) -> None:
    ada, _, guards, frames = await with_guards(network)

    (order,) = await orders_of(guards[0])

    assert (frames[0].out.how, order.in_.how) == (How.TAKEN, How.ANSWER)
    assert order.in_.link == frames[0].out.link
    assert order.in_.sdp in [offer.sdp for offer in ada.offers if offer.id == frames[0].out.offer]
    await guards[0].send(Answer(order.in_.link, "v=0 the answer"))
    assert (await ada.expect(Answer)).link == order.in_.link


async def test_the_order_to_a_guard_is_like_any_other(network: Network) -> None:
    _, _, guards, frames = await with_guards(network)

    (order,) = await orders_of(guards[0])

    assert isinstance(order, ReadyToReceive)
    assert order.out.how is How.OPEN
    assert len(to_text(order)) == len(to_text(frames[0])) == 8_192
    assert order.out.link not in {frame.out.link for frame in frames}


async def test_a_device_without_offers_answers_its_guards(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await network.online("ada", offers=0)

    frames = await guards_of(ada)

    assert {(frame.in_.how, frame.out.how) for frame in frames} == {(How.ANSWER, How.OPEN)}
    orders = [order for peer in crowd for order in await orders_of(peer)]
    assert {frame.in_.link for frame in frames} <= {order.out.link for order in orders}


async def test_where_nobody_has_an_offer_the_device_is_asked_for_one(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH)
    ada = await network.connect(await network.login("ada"))
    ada.tickets = tickets_for(ada, crowd[:2])
    for guard in crowd[:2]:
        guard.offers = ()
        await guard.settled()
    await ada.greet()
    await ada.publish(offers=0)

    assert await guards_of(ada) == []
    assert await ada.find(OfferWanted)


async def test_a_guard_is_told_to_keep_its_link_and_the_device_is_not(network: Network) -> None:
    ada, guards, frames = await all_open(network)
    for frame in frames:
        await make_old(frame.out.link)

    await look_after(ada, 0)

    assert await guards_of(ada) == []
    for guard, frame in zip(guards, frames, strict=True):
        (order,) = await orders_of(guard)
        assert (order.in_.how, order.in_.link) == (How.OPEN, frame.out.link)


async def test_a_look_that_comes_early_neither_repeats_an_order_nor_puts_it_off(network: Network) -> None:
    ada, guards, frames = await all_open(network)
    await make_old(frames[0].out.link, 200)

    await look_after(ada, 0)
    early = await orders_of(guards[0])
    await look_after(ada, 50)

    assert early == []
    assert [order.in_.link for order in await orders_of(guards[0])] == [frames[0].out.link]


async def test_a_settled_peer_costs_nothing_for_minutes(network: Network) -> None:
    ada, _, _ = await all_open(network)
    await look_after(ada, 0)
    current_app.conf.task_always_eager = False

    await ada.settled()

    assert await sync_to_async(run_jobs)(timezone.now()) == []


@pytest.mark.parametrize("who", ["the device", "the guard"])
async def test_a_link_that_breaks_is_ordered_again(network: Network, who: str) -> None:
    ada, guards, frames = await all_open(network)
    reporter = ada if who == "the device" else guards[0]

    await reporter.send(LinkDown(frames[0].out.link))
    await reporter.settled()
    await after(2.5)

    (frame,) = [frame for frame in await guards_of(ada) if frame.out.how is How.TAKEN]
    assert frame.ticket == frames[0].ticket
    assert frame.out.link != frames[0].out.link


async def test_a_break_is_not_left_until_the_next_heartbeat(network: Network) -> None:
    ada, guards, frames = await all_open(network)

    await guards[0].send(LinkDown(frames[0].out.link))
    await guards[0].settled()

    assert f"guards:{await handle_of(ada)}" not in await after(1.5)
    assert f"guards:{await handle_of(ada)}" in await after(2.5)


async def test_a_link_that_does_not_open_costs_no_offer_for_a_while(network: Network) -> None:
    ada, _, guards, frames = await with_guards(network)
    await guards[0].send(LinkDown(frames[0].out.link))
    await guards[0].settled()

    await after(2.5)

    assert await guards_of(ada) == []


async def test_a_link_that_did_not_open_is_ordered_again_soon(network: Network) -> None:
    ada, crowd, _, frames = await with_guards(network)
    await let_pause_end(ada)
    await forget_frames(crowd)

    assert f"guards:{await handle_of(ada)}" not in await after(9.5)
    await after(10.5)

    again = await guards_of(ada)
    assert {frame.ticket for frame in again} == {frame.ticket for frame in frames}
    assert not {frame.out.link for frame in again} & {frame.out.link for frame in frames}


async def test_a_guard_that_comes_back_is_linked_again(network: Network) -> None:
    ada, guards, frames = await all_open(network)
    await guards[0].close()
    await after(3.5)
    assert await ada.find(LinkDrop, lambda drop: drop.link == frames[0].out.link)
    assert await guards_of(ada) == []

    back = await network.connect(guards[0].login)
    await back.greet()
    await back.publish(forward=True)
    await look_after(ada, 0)

    (frame,) = await guards_of(ada)
    assert frame.ticket == frames[0].ticket
    assert [order.in_.link for order in await orders_of(back) if order.in_.how is How.ANSWER] == [
        frame.out.link
    ]


async def test_a_link_that_is_open_already_becomes_the_standing_one(network: Network) -> None:
    ada, guards, frames = await all_open(network)
    link = frames[0].out.link
    # An emptied store: both ends name the link again, and it is one like any other.
    await store.async_client().hdel(store_keys.link(LinkKey(b64_text(link))), "guards_a")

    await look_after(ada, 12)

    (frame,) = await guards_of(ada)
    assert (frame.ticket, frame.out.how, frame.out.link) == (frames[0].ticket, How.OPEN, link)
    assert [order.in_.link for order in await orders_of(guards[0])] == [link]


async def test_who_does_not_forward_any_more_is_away(network: Network) -> None:
    ada, guards, frames = await all_open(network)
    guards[0].forward = False
    await guards[0].settled()
    await ada.send(LinkDown(frames[0].out.link))
    await ada.settled()

    await after(2.5)

    assert await guards_of(ada) == []


async def test_of_three_guards_the_third_stands_by(network: Network) -> None:
    crowd = await network.forwarders(ENOUGH + 1)
    ada = await network.connect(await network.login("ada"))
    ada.tickets = tickets_for(ada, crowd[:3])
    await ada.greet()
    await ada.publish()
    await make_known(ada)

    assert {frame.ticket for frame in await guards_of(ada)} == set(ada.tickets[:2])
