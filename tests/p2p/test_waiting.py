"""A transaction that waits costs nothing until what it waits for comes; work is counted, not timed."""

import random
from datetime import datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import limits, store_keys, turns
from p2p.protocol.to_peer import AttemptFailed, OfferWanted, PathReady
from p2p.protocol.to_server import Offer
from p2p.protocol.words import Cause
from p2p.records import PeerId, TxKey
from tests.p2p.peers import Network, TestPeer, make_offers
from tests.p2p.scenes import make_token, post, send_to, tx_fields
from tests.p2p.worker import run_due, run_jobs

MANY = 12


class CountingRng(random.Random):
    """Chance that counts how often it decides over a forwarder: once for each candidate of each draw."""

    def __init__(self) -> None:
        super().__init__(7)
        self.lots = 0

    def expovariate(self, lambd: float = 1.0) -> float:
        self.lots += 1
        return super().expovariate(lambd)


async def go_on(seconds: int, rng: random.Random, *, since: datetime | None = None) -> list[str]:
    """Let time pass in steps of half a second; returns the deadlines that fell due."""
    begin = since or timezone.now()

    def sweep() -> list[str]:
        return [
            due
            for step in range(2 * seconds)
            for due in run_due(begin + timedelta(seconds=step / 2), rng)
            if due.startswith("attempt:")
        ]

    due: list[str] = await sync_to_async(sweep)()
    return due


async def looks_of(peer: TestPeer) -> int:
    """How many looks were counted for a peer's account, in all minutes."""
    names = [name async for name in store.async_client().scan_iter(f"mesa:looks:{peer.user}:*")]
    return sum([int(await store.async_client().get(name) or 0) for name in names])


async def make_scene(network: Network, *, offers: int = 4, forwarders: int = 3) -> tuple[TestPeer, TestPeer]:
    ada, bo = await network.online("ada", offers=offers), await network.online("bo")
    await network.forwarders(forwarders)
    return ada, bo


async def send_many(ada: TestPeer, bo: TestPeer) -> list[TxKey]:
    return [await send_to(ada, bo.login) for _ in range(MANY)]


async def test_transactions_of_a_sender_without_offers_look_at_nobody(network: Network) -> None:
    ada, bo = await make_scene(network, offers=0)
    await send_many(ada, bo)
    rng = CountingRng()

    due = await go_on(110, rng)

    assert rng.lots == 0
    assert await looks_of(ada) == 0
    assert len(due) <= 2 * MANY


async def test_transactions_of_a_sender_that_is_away_are_not_attended_until_it_is_back(
    network: Network,
) -> None:
    ada, bo = await make_scene(network)
    await ada.close()
    tx_keys = await send_many(ada, bo)
    rng = CountingRng()

    due = await go_on(100, rng)
    back = await network.connect(ada.login)
    await back.greet()
    await back.publish(offers=8)

    assert (due, rng.lots) == ([], 0)
    assert await back.find(PathReady) is not None
    states = [(await tx_fields(tx_key))["state"] for tx_key in tx_keys]
    assert "open" in states


async def test_transactions_without_enough_forwarders_look_less_and_less_often(network: Network) -> None:
    ada, bo = await make_scene(network, forwarders=2)
    tx_key = await send_to(ada, bo.login)
    begin = timezone.now()
    before = await looks_of(ada)

    due = await go_on(119, CountingRng(), since=begin)

    assert before == 1
    assert await looks_of(ada) == 1 + len(due) == 1 + 6
    assert (await tx_fields(tx_key))["misses"] == "7"
    assert len([frame for frame in await ada.everything() if isinstance(frame, AttemptFailed)]) == 1


async def test_looks_of_an_account_are_bounded_in_a_minute_whatever_becomes_of_them(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bo = await make_scene(network, forwarders=2)
    monkeypatch.setattr("p2p.limits.LOOKS_PER_MINUTE_OF_ACCOUNT", 5)
    current_app.conf.task_always_eager = False
    one, rng, minute = CountingRng(), CountingRng(), next_minute()
    await send_to(ada, bo.login)
    await sync_to_async(run_jobs)(minute, one)

    tx_keys = await send_many(ada, bo)
    for _ in range(20):
        await sync_to_async(turns.wake)(tx_keys, now=minute)
        await sync_to_async(run_jobs)(minute, rng)
    await go_on(50, rng, since=minute)

    assert rng.lots == 4 * one.lots > 0
    states = [await tx_fields(tx_key) for tx_key in tx_keys]
    held = [each for each in states if float(each["not_before"]) == minute.timestamp() + 60]
    assert len(held) >= MANY - 5


def next_minute() -> datetime:
    now = timezone.now()
    return now + timedelta(seconds=60 - now.timestamp() % 60)


async def test_a_forwarder_that_comes_and_goes_does_not_make_others_look_without_end(
    network: Network,
) -> None:
    ada, bo = await make_scene(network, forwarders=1)
    tx_key = await send_to(ada, bo.login)
    flapping = await network.online("mallory", forward=True)
    begin = timezone.now()

    for at in range(30):
        flapping.forward = at % 2 == 1
        await flapping.settled()
    passed_s = (timezone.now() - begin).total_seconds()

    assert await looks_of(ada) <= 7 + passed_s / limits.LOOK_WOKEN_S[-2]
    assert float((await tx_fields(tx_key))["not_before"]) > begin.timestamp()


async def test_a_transaction_that_was_woken_too_early_looks_when_it_may(network: Network) -> None:
    ada, bo = await make_scene(network, forwarders=2)
    tx_key = await send_to(ada, bo.login)
    late = await network.online("late", forward=True, offers=0)
    for _ in range(3):
        late.forward = not late.forward
        await late.settled()
    misses = int((await tx_fields(tx_key))["misses"])
    assert misses >= 2

    late.offers, late.forward = make_offers(), True
    await late.settled()
    await go_on(2, CountingRng())

    assert (await ada.expect(PathReady)).attempt == 1


async def test_an_offer_wakes_few_of_the_many_that_wait_for_it(network: Network) -> None:
    ada, bo = await make_scene(network, offers=0)
    await send_many(ada, bo)
    assert await store.async_client().scard(store_keys.offer_waits(await handle_of(ada))) == MANY
    current_app.conf.task_always_eager = False

    (offer,) = make_offers(1)
    await ada.send(Offer(offer.id, offer.sdp))
    await ada.expect(OfferWanted)
    done = await sync_to_async(wait_for_jobs)()

    assert len(done) == limits.WOKEN_PER_OFFER
    waiting = await store.async_client().scard(store_keys.offer_waits(await handle_of(ada)))
    # The three that found the stock empty again wait for the next one.
    assert waiting == MANY - 1


def wait_for_jobs() -> list[str]:
    for _ in range(100):
        done = run_jobs(timezone.now())
        if done:
            return done
    raise AssertionError("nothing was asked for")


async def handle_of(peer: TestPeer) -> PeerId:
    return PeerId(str(await store.async_client().get(store_keys.device(peer.device_key))))


async def test_an_empty_refresh_wakes_nobody(network: Network) -> None:
    ada, bo = await make_scene(network, offers=0)
    await send_many(ada, bo)
    current_app.conf.task_always_eager = False

    await ada.settled()

    jobs = await sync_to_async(run_jobs)(timezone.now())
    assert [job for job in jobs if job.startswith("attempt:")] == []
    assert await store.async_client().scard(store_keys.offer_waits(await handle_of(ada))) == MANY


async def test_posting_again_does_not_make_a_waiting_transaction_look(network: Network) -> None:
    ada, bo = await make_scene(network, forwarders=2)
    token, tx_id = await make_token(bo.login), "5a0f6a3c-9d0e-4b53-8f4f-1d2b6c7e8f90"

    for _ in range(5):
        assert (await post(ada.login, token, tx_id)).status_code == 202

    assert await looks_of(ada) == 1
    assert (await ada.expect(AttemptFailed)).cause is Cause.TOO_FEW_FORWARDERS
