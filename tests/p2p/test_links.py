"""Links: answers reach the offerer only, open links are reused, closed ones are dropped at both ends."""

import asyncio
import itertools

import pytest

from mesa import store
from p2p import store_keys
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import LinkId
from p2p.protocol.to_peer import LinkDrop
from p2p.protocol.to_server import Answer, LinkDown, LinkUp
from p2p.protocol.words import How
from p2p.records import LinkKey
from tests.p2p.guard_scenes import guarded_path
from tests.p2p.peers import Network, make_offers
from tests.p2p.scenes import OpenPath, open_path, send_to, take_path
from tests.p2p.worker import after


async def link_state(link: LinkId) -> str | None:
    state: str | None = await store.async_client().hget(store_keys.link(LinkKey(b64_text(link))), "state")
    return state


def links_of(path: OpenPath) -> dict[frozenset[str], LinkId]:
    """The link of each hop, by the devices at its ends."""
    pairs = [frozenset({one.device, other.device}) for one, other in itertools.pairwise(path.peers)]
    return {pair: order.out.link for pair, order in zip(pairs, path.orders, strict=False)}


def first_link(path: OpenPath) -> LinkId:
    return path.orders[0].out.link


async def test_an_answer_reaches_the_peer_whose_offer_was_taken(network: Network) -> None:
    path = await open_path(network)
    answerer, offerer = path.peers[1], path.peers[0]

    await answerer.send(Answer(first_link(path), "v=0 the answer"))

    assert await offerer.expect(Answer) == Answer(first_link(path), "v=0 the answer")


async def test_a_link_is_answered_once(network: Network) -> None:
    path = await open_path(network)

    for text in ("v=1", "v=2"):
        await path.peers[1].send(Answer(first_link(path), text))
    await path.peers[1].settled()

    answers = [frame for frame in await path.sender.everything() if isinstance(frame, Answer)]
    assert [answer.sdp for answer in answers] == ["v=1"]


@pytest.mark.parametrize("place", [0, 2, 4])
async def test_an_answer_by_another_than_the_answerer_is_ignored(network: Network, place: int) -> None:
    path = await open_path(network)

    await path.peers[place].send(Answer(first_link(path), "v=0"))
    await path.peers[place].settled()

    for peer in path.peers:
        assert not [frame for frame in await peer.everything() if isinstance(frame, Answer)]


async def test_a_link_is_open_when_both_ends_say_so(network: Network) -> None:
    path = await open_path(network)

    await path.peers[0].send(LinkUp(first_link(path)))
    await path.peers[0].settled()
    assert await link_state(first_link(path)) == "pending"
    await path.peers[1].send(LinkUp(first_link(path)))
    await path.peers[1].settled()

    assert await link_state(first_link(path)) == "open"


@pytest.mark.parametrize("place", [0, 1])
async def test_a_stranger_can_not_open_or_close_a_link(network: Network, place: int) -> None:
    path = await open_path(network)
    mallory = await network.online("mallory")
    ends = path.peers[place], path.peers[1 - place]
    await ends[0].send(LinkUp(first_link(path)))
    await ends[0].settled()

    for frame in (LinkUp(first_link(path)), LinkUp(first_link(path)), LinkDown(first_link(path))):
        await mallory.send(frame)
    await mallory.settled()

    assert await link_state(first_link(path)) == "pending"
    await ends[1].send(LinkUp(first_link(path)))
    await ends[1].settled()
    assert await link_state(first_link(path)) == "open"


async def test_open_links_are_used_again(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()

    again = path
    while not links_of(path).keys() & (links_of(again).keys() if again is not path else set()):
        for peer in path.peers:
            peer.offers = make_offers()
            await peer.everything()
        again = await take_path(await send_to(path.sender, path.receiver.login), path.sender, path.peers)

    former, links = links_of(path), links_of(again)
    for pair, order in zip(links, again.orders, strict=False):
        assert (order.out.how is How.OPEN) == (pair in former)
        assert former.get(pair, links[pair]) == links[pair]
    assert not set(again.ready.hops) & set(path.ready.hops)


async def test_ends_that_forward_too_use_the_links_to_their_guards_again(network: Network) -> None:
    path = await guarded_path(network, forward=True)
    await path.open_links()

    for peer in network.peers:
        peer.offers = make_offers()
        await peer.everything()
    again = await take_path(await send_to(path.sender, path.receiver.login), path.sender, network.peers)

    first, last = again.orders[0].out, again.orders[-1].in_
    assert (first.how, first.link) == (How.OPEN, path.orders[0].out.link)
    assert (last.how, last.link) == (How.OPEN, path.orders[-1].in_.link)


async def test_a_closed_link_is_dropped_at_the_other_end_and_not_used_again(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()

    await path.peers[1].send(LinkDown(first_link(path)))

    assert await path.sender.expect(LinkDrop) == LinkDrop(first_link(path))
    assert await link_state(first_link(path)) is None
    again = await take_path(await send_to(path.sender, path.receiver.login), path.sender, path.peers)
    assert first_link(path) not in {order.out.link for order in again.orders}


async def test_a_closed_socket_hides_its_links_at_once_and_drops_them_later(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()

    await path.peers[1].close()
    await after(0.5)
    assert not [frame for frame in await path.sender.everything() if isinstance(frame, LinkDrop)]
    await after(3.5)

    assert (await path.sender.expect(LinkDrop)).link == first_link(path)
    assert await link_state(first_link(path)) is None


async def test_links_that_the_store_forgot_are_paired_when_both_ends_name_them(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()
    links = [order.out.link for order in path.orders[:-1]]
    await store.async_client().flushall()
    await asyncio.gather(*(peer.expect_welcome() for peer in path.peers))

    for at, peer in enumerate(path.peers):
        mine = tuple(links[max(0, at - 1) : at + 1])
        await peer.greet(peer.resume, mine)
        await peer.settled()

    assert [await link_state(link) for link in links] == ["open"] * 4


@pytest.mark.parametrize(("is_new_store", "state"), [(False, None), (True, "open")])
async def test_who_is_not_resumed_keeps_its_links_in_a_new_store_only(
    network: Network, is_new_store: bool, state: str | None
) -> None:
    path = await open_path(network)
    await path.open_links()
    ends = path.peers[:2]
    for peer in ends:
        await peer.close()
    await after(3.5)

    for peer in ends:
        assert peer.welcome is not None
        epoch = bytes(16) if is_new_store else peer.welcome.epoch
        back = await network.connect(peer.login)
        await back.greet(None, (first_link(path),), epoch=epoch)

    assert await link_state(first_link(path)) == state


async def test_a_link_that_one_end_alone_names_stays_forgotten(network: Network) -> None:
    mallory = await network.connect(await network.login("mallory"))
    link = LinkId(bytes(16))

    await mallory.greet(None, (link,))
    await mallory.publish()

    assert await link_state(link) is None
