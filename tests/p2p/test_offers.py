"""Offers are handed out once each, all that a path needs or none, and asked for when there are none."""

import json
import random
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import roster, store_keys, turns
from p2p.finding import find_path
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import AttemptFailed, OfferWanted, PathReady
from p2p.protocol.to_server import Offer
from p2p.protocol.words import Cause
from p2p.records import PeerId
from p2p.roster import NoOffer
from tests.p2p.peers import Network, TestPeer, make_offers
from tests.p2p.scenes import open_path, send_to, take_path, tx_fields
from tests.p2p.worker import after, run_jobs

PUSH_OFFER = "redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('PEXPIRE', KEYS[1], 9000)"


async def handle_of(peer: TestPeer) -> PeerId:
    return PeerId(str(await store.async_client().get(store_keys.device(peer.device_key))))


async def stock_of(peer: TestPeer) -> int:
    return int(await store.async_client().llen(store_keys.offers(await handle_of(peer))))


async def test_a_path_takes_one_offer_from_each_peer_but_the_receiver(network: Network) -> None:
    path = await open_path(network)

    left = [
        int(await store.async_client().llen(store_keys.offers(await handle_of(peer)))) for peer in path.peers
    ]

    assert left == [3, 3, 3, 3, 4]


async def test_an_empty_stock_leaves_the_others_whole(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo", offers=0)
    handles = [await handle_of(ada), await handle_of(bo)]

    with pytest.raises(NoOffer) as missed:
        await sync_to_async(roster.pop_offers)(handles)

    assert missed.value.peers == [handles[1]]
    assert await stock_of(ada) == 4


async def test_a_taken_offer_that_is_listed_again_is_not_handed_out_again(network: Network) -> None:
    path = await open_path(network)
    taken = path.orders[0].out.offer

    await path.sender.settled()

    stock = await store.async_client().lrange(store_keys.offers(await handle_of(path.sender)), 0, -1)
    assert taken is not None
    assert len(stock) == 3
    assert b64_text(taken) not in str(stock)


async def test_a_taken_offer_is_forgotten_when_the_stock_comes_without_it(network: Network) -> None:
    path = await open_path(network)
    path.sender.offers = make_offers(4)

    await path.sender.settled()

    assert await stock_of(path.sender) == 4
    assert await store.async_client().exists(store_keys.taken(await handle_of(path.sender))) == 0


async def test_a_sender_without_offers_is_asked_and_woken_by_its_offer(network: Network) -> None:
    ada, bo = await network.online("ada", offers=0), await network.online("bo")
    crowd = await network.forwarders(3)

    tx_key = await send_to(ada, bo.login)

    await ada.expect(OfferWanted)
    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_OFFER
    (offer,) = make_offers(1)
    await ada.send(Offer(offer.id, offer.sdp))
    path = await take_path(tx_key, ada, [ada, bo, *crowd])
    assert path.orders[0].out.offer == offer.id
    assert path.ready.attempt == 1


async def test_a_sender_without_offers_is_woken_by_a_new_stock(network: Network) -> None:
    ada, bo = await network.online("ada", offers=0), await network.online("bo")
    await network.forwarders(3)
    await send_to(ada, bo.login)

    ada.offers = make_offers(2)
    await ada.refresh()

    assert (await ada.expect(PathReady)).attempt == 1


async def test_a_forwarder_without_offers_is_left_out(network: Network) -> None:
    empty = await network.online("empty", forward=True, offers=0)
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(3)

    for _ in range(3):
        path = await take_path(await send_to(ada, bo.login), ada, [ada, bo, *crowd, empty])
        assert empty not in path.peers[1:3]


async def test_too_few_forwarders_with_offers_means_waiting_for_one(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(1)
    crowd += [await network.online(name, forward=True, offers=0) for name in ("dry1", "dry2")]

    tx_key = await send_to(ada, bo.login)

    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_OFFER
    for peer in crowd[1:]:
        peer.offers = make_offers(4)
        await peer.settled()
    await after(0.2)
    path = await take_path(tx_key, ada, [ada, bo, *crowd])
    assert path.ready.attempt == 1


class WakingRng(random.Random):
    """Chance whose first draw of forwarders takes as long as an asked peer needs to answer with an offer."""

    def __init__(self, wake: Callable[[], None]) -> None:
        super().__init__(5)
        self.draws = 0
        self.wake = wake

    def expovariate(self, lambd: float = 1.0) -> float:
        self.draws += 1
        if self.draws == 1:
            self.wake()
        return super().expovariate(lambd)


async def test_an_offer_that_comes_while_a_path_is_looked_for_is_not_lost(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(2)
    dry = await network.online("dry", forward=True, offers=0)
    current_app.conf.task_always_eager = False
    tx_key = await send_to(ada, bo.login)
    stock, (offer,) = store_keys.offers(await handle_of(dry)), make_offers(1)

    def wake() -> None:
        text = json.dumps({"id": b64_text(offer.id), "sdp": offer.sdp})
        store.script("test_offer", PUSH_OFFER).run([stock], [text])
        turns.wake([tx_key], now=timezone.now())
        # Another worker takes the job, and must leave the transaction to this one.
        run_jobs(timezone.now())

    rng = WakingRng(wake)
    await sync_to_async(find_path)(tx_key=tx_key, now=timezone.now(), rng=rng)

    assert rng.draws > 0
    assert (await tx_fields(tx_key))["attempt"] == "0"
    await sync_to_async(run_jobs)(timezone.now())
    path = await take_path(tx_key, ada, [ada, bo, *crowd, dry])
    assert path.ready.attempt == 1


async def test_an_offer_that_comes_after_all_is_kept_within_the_limit(network: Network) -> None:
    ada = await network.online("ada", offers=8)

    for offer in make_offers(3):
        await ada.send(Offer(offer.id, offer.sdp))
        ada.offers = (*ada.offers[1:], offer)
    await ada.settled()

    assert await stock_of(ada) == 8
