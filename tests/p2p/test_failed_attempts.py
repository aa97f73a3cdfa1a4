"""A failed attempt is followed by another: at most six, with a back-off, around what failed."""

import itertools
import uuid
from datetime import datetime

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from mesa import store
from p2p import limits, roster, store_keys
from p2p.models import P2PPath, P2PTransaction
from p2p.protocol.ids import HopId, LinkId
from p2p.protocol.to_peer import AttemptFailed, LinkDrop, PathReady, TransactionEnded
from p2p.protocol.to_server import Complete, HopFailed, PathKeepalive, Repath
from p2p.protocol.words import Cause, EndState
from p2p.records import DeviceKey, Peer, PeerId, UserKey
from tests.p2p.guard_scenes import guarded_path
from tests.p2p.peers import Network, make_offers
from tests.p2p.scenes import OpenPath, open_path, send_to, take_path, tx_fields
from tests.p2p.worker import after


def links_of(path: OpenPath) -> set[LinkId]:
    return {order.out.link for order in path.orders[:-1]}


async def attempts_failed(path: OpenPath) -> list[AttemptFailed]:
    return [frame for frame in await path.sender.everything() if isinstance(frame, AttemptFailed)]


@pytest.mark.parametrize("place", range(4))
async def test_a_failed_hop_leads_to_another_path_at_once(network: Network, place: int) -> None:
    path = await open_path(network, forwarders=6)

    await path.peers[place].send(HopFailed(path.ready.hops[place]))

    failed = await path.sender.expect(AttemptFailed)
    assert (failed.attempt, failed.cause, failed.forwarders) == (1, Cause.HOP_FAILED, None)
    assert (await path.sender.expect(PathReady)).attempt == 2


async def test_the_next_path_goes_around_both_ends_of_a_failed_hop(network: Network) -> None:
    path = await open_path(network, forwarders=5)
    suspects = path.peers[1:3]

    await path.peers[1].send(HopFailed(path.ready.hops[1]))

    again = await take_path(path.tx, path.sender, network.peers)
    assert not [peer for peer in suspects if peer in again.forwarders]


async def test_the_link_of_a_failed_hop_is_dropped_at_both_ends(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()

    await path.peers[1].send(HopFailed(path.ready.hops[1]))

    for peer in path.peers[1:3]:
        assert (await peer.expect(LinkDrop)).link == path.orders[1].out.link


@pytest.mark.parametrize(("place", "hop"), [(0, 1), (1, 0), (2, 1), (4, 3), (3, 0)])
async def test_a_hop_failed_for_another_position_is_ignored(network: Network, place: int, hop: int) -> None:
    path = await open_path(network)

    await path.peers[place].send(HopFailed(path.ready.hops[hop]))
    await path.peers[place].settled()

    assert await attempts_failed(path) == []


async def test_a_hop_failed_for_filler_or_a_stranger_is_ignored(network: Network) -> None:
    path = await open_path(network)
    mallory = await network.online("mallory")

    await path.receiver.send(HopFailed(path.orders[-1].out.hop))
    await mallory.send(HopFailed(path.ready.hops[1]))
    await mallory.send(HopFailed(HopId(bytes(8))))
    for peer in (path.receiver, mallory):
        await peer.settled()

    assert await attempts_failed(path) == []


async def test_a_late_hop_failed_does_not_harm_the_next_attempt(network: Network) -> None:
    path = await open_path(network)
    for _ in range(2):
        await path.peers[1].send(HopFailed(path.ready.hops[1]))
    await path.peers[1].settled()

    assert [failed.attempt for failed in await attempts_failed(path)] == [1]


async def test_a_peer_that_is_gone_fails_its_paths_after_three_seconds(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    gone = path.peers[2]

    await gone.close()
    await after(0.5)
    assert await attempts_failed(path) == []
    await after(3.1)

    again = await take_path(path.tx, path.sender, [peer for peer in network.peers if peer is not gone])
    assert again.ready.attempt == 2
    assert (await attempts_failed(path))[0].cause is Cause.PEER_GONE


async def test_a_peer_that_resumes_in_time_fails_nothing(network: Network) -> None:
    path = await open_path(network)
    blinking = path.peers[2]
    await blinking.close()

    back = await network.connect(blinking.login)
    snapshot = await back.greet(blinking.resume)
    await after(3.5)

    assert back.welcome is not None
    assert back.welcome.resumed
    assert set(snapshot.hops) == set(path.ready.hops[1:3])
    assert await attempts_failed(path) == []


async def test_no_receipt_in_ten_seconds_leads_to_a_path_around_all_three(network: Network) -> None:
    path = await guarded_path(network)

    await after(8)
    assert await attempts_failed(path) == []
    await after(10.1)

    again = await take_path(path.tx, path.sender, network.peers)
    assert again.ready.attempt == 2
    assert not {peer.device for peer in path.forwarders} & {peer.device for peer in again.forwarders}


async def test_going_around_is_no_reason_to_give_up(network: Network) -> None:
    path = await open_path(network, forwarders=3)

    await after(10.1)

    assert (await path.sender.expect(PathReady)).attempt == 2


@pytest.mark.parametrize("asks", [False, True])
async def test_links_of_an_attempt_without_an_answer_are_not_used_again(network: Network, asks: bool) -> None:
    path = await open_path(network)
    await path.open_links()

    if asks:
        await path.sender.send(Repath(path.ready.tx, 1))
    else:
        await after(10.1)

    # With the same three forwarders, two at least are neighbours again.
    again = await take_path(path.tx, path.sender, network.peers)
    assert links_of(again).isdisjoint(links_of(path))


async def test_the_sender_may_ask_for_another_path(network: Network) -> None:
    path = await open_path(network)

    await path.sender.send(Repath(path.ready.tx, 1))

    assert (await path.sender.expect(AttemptFailed)).cause is Cause.SUPERSEDED
    assert (await path.sender.expect(PathReady)).attempt == 2


async def test_repath_for_an_old_attempt_or_by_another_device_is_ignored(network: Network) -> None:
    path = await open_path(network)

    await path.receiver.send(Repath(path.ready.tx, 1))
    await path.sender.send(Repath(path.ready.tx, 2))
    await path.receiver.settled()

    assert await attempts_failed(path) == []


async def test_an_idle_path_is_found_anew_when_the_sender_asks(network: Network) -> None:
    path = await guarded_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await after(10.1)
    await after(10.3)
    assert (await tx_fields(path.tx))["state"] == "idle"

    await path.sender.send(Repath(path.ready.tx, 1))

    again = await take_path(path.tx, path.sender, network.peers)
    assert again.ready.attempt == 2
    # It may have been asked for since the path stood still, and not because it was not used.
    assert not {peer.device for peer in path.forwarders} & {peer.device for peer in again.forwarders}


async def test_six_tries_with_growing_pauses_then_the_transaction_fails(network: Network) -> None:
    path = await open_path(network, offers=8)
    began, at_s, start = [0.0], 0.0, timezone.now()
    for attempt in range(2, limits.MAX_TRIES + 1):
        at_s += 10.1
        await after(at_s, since=start)
        at_s = await next_attempt(path, attempt, at_s, start)
        began.append(at_s)

    await after(at_s + 10.1, since=start)

    ended = await path.sender.expect(TransactionEnded)
    pauses = [round(later - earlier - 10.1, 1) for earlier, later in itertools.pairwise(began)]
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert (ended.state, ended.cause) == (EndState.FAILED, Cause.NO_RECEIPT)
    assert await tx_fields(path.tx) == {}
    row = await sync_to_async(P2PTransaction.objects.get)()
    assert (row.state, row.attempts, row.cause) == ("failed", 6, "no_receipt")
    states = await sync_to_async(lambda: set(P2PPath.objects.values_list("state", flat=True)))()
    assert states == {"failed"}


async def next_attempt(path: OpenPath, attempt: int, at_s: float, start: datetime) -> float:
    """Sweep every tenth of a second until the attempt has begun; returns when."""
    for tenth in range(60):
        now_s = at_s + tenth / 10
        await after(now_s, since=start)
        if (await tx_fields(path.tx))["attempt"] == str(attempt):
            return now_s
    raise AssertionError("no attempt followed")


async def test_a_kept_path_lives_on_and_its_orders_are_repeated(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    await path.sender.send(PathKeepalive(path.ready.tx))
    again = [await peer.expect(type(path.orders[0])) for peer in path.peers]

    assert [order.out.hop for order in again[:-1]] == list(path.ready.hops)
    assert [order.out.link for order in again[:-1]] == [order.out.link for order in path.orders[:-1]]


async def test_a_keepalive_by_another_device_is_ignored(network: Network) -> None:
    path = await open_path(network)
    before = await tx_fields(path.tx)

    await path.receiver.send(PathKeepalive(path.ready.tx))
    await path.receiver.settled()

    assert await tx_fields(path.tx) == before


async def test_reports_count_against_both_ends(network: Network) -> None:
    path = await open_path(network, forwarders=4)

    await path.peers[1].send(HopFailed(path.ready.hops[1]))
    await path.peers[1].settled()

    counts = [await store.async_client().get(store_keys.blame(peer.user)) for peer in path.peers]
    assert counts == [None, "1", "1", None, None]


def of_network(network: str) -> Peer:
    """Somebody who connects from there."""
    peer, user, device = (str(uuid.uuid4()) for _ in range(3))
    since = timezone.now()
    return Peer(PeerId(peer), UserKey(user), DeviceKey(device), network, "", None, since, since, True)


@pytest.mark.parametrize(
    ("networks", "believed"), [(["farm"] * 9, 3), (["one", "two", "three"] * 3, 9), ([""] * 9, 9)]
)
def test_of_one_network_no_more_is_believed_than_of_one_account(
    empty_store: store.Client, networks: list[str], believed: int
) -> None:
    reported = UserKey("f1")

    for network in networks:
        roster.blame(reported, reporter=of_network(network))

    assert int(store.client().get(store_keys.blame(reported)) or 0) == believed


def reported_by(reporter: Peer, network: str) -> bool:
    """Have somebody of a network reported; tells whether it is believed."""
    mallory = UserKey(str(uuid.uuid4()))
    roster.blame(mallory, reporter=reporter, network=network)
    return bool(store.client().get(store_keys.blame(mallory)))


def test_many_failures_of_one_network_are_believed_and_cost_few_reporters_their_favour(
    empty_store: store.Client,
) -> None:
    honest = [of_network(f"net {number}") for number in range(9)]

    assert all(reported_by(peer, "farm") for peer in honest)

    counts = [store.client().get(store_keys.blame(peer.user)) for peer in honest]
    assert counts == ["1"] * 3 + [None] * 6


def test_who_is_out_of_favour_is_not_believed_about_those_who_were_reported_often(
    empty_store: store.Client,
) -> None:
    liar = of_network("")
    assert [reported_by(liar, "farm") for _ in range(4)] == [True, True, True, False]


async def test_who_opens_no_links_puts_no_more_out_of_favour_than_who_reports(network: Network) -> None:
    mallory, deaf = await network.online("mallory"), await network.online("mallory2")
    crowd = await network.forwarders(4)
    for _ in range(9):
        path = await take_path(await send_to(mallory, deaf.login), mallory, [mallory, deaf, *crowd])
        await path.forwarders[-1].send(HopFailed(path.ready.hops[-1]))
        await path.forwarders[-1].settled()
        await mallory.send(Complete(path.ready.tx))
        for peer in network.peers:
            peer.offers = make_offers()
            await peer.everything()

    counts = [int(await store.async_client().get(store_keys.blame(peer.user)) or 0) for peer in crowd]

    assert sum(counts) == 3


async def test_who_reports_all_the_time_is_not_believed(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(3)
    for _ in range(6):
        path = await take_path(await send_to(ada, bo.login), ada, [ada, bo, *crowd])
        await ada.send(HopFailed(path.ready.hops[0]))
        for peer in network.peers:
            peer.offers = make_offers()
            await peer.everything()

    counts = [int(await store.async_client().get(store_keys.blame(peer.user)) or 0) for peer in crowd]

    assert sum(counts) == 3
