"""What one small frame can make the server and other peers do is bounded."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import limits, store_keys
from p2p.arrivals import announce_user, answer_watch
from p2p.attempts import repath
from p2p.finding import find_path
from p2p.handlers import credit
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import TransactionId
from p2p.protocol.limits import MAX_RECEIPT_ENTRIES
from p2p.protocol.parts import HeldReceipt, ReceiptEntry
from p2p.protocol.to_peer import ContactOnline, LinkDrop, ReadyToReceive
from p2p.protocol.to_server import LinkUp, PathKeepalive, Repath, Watch
from p2p.records import LinkKey, TxKey
from tests.p2p.guard_scenes import handle_of
from tests.p2p.peers import Network, TestPeer, make_offers
from tests.p2p.scenes import OpenPath, make_token, open_path, send_to, tx_fields
from tests.p2p.worker import after

RNG = random.Random(5)


async def orders_of(peer: TestPeer) -> int:
    return len([frame for frame in await peer.everything() if isinstance(frame, ReadyToReceive)])


def start_of_minute_after(now: datetime) -> datetime:
    return datetime.fromtimestamp((now.timestamp() // 60 + 1) * 60, UTC)


async def restock(network: Network) -> None:
    for peer in network.peers:
        peer.offers = make_offers(4)
        await peer.everything()


async def receipt_for(tx_key: TxKey, now: datetime) -> None:
    entries = (ReceiptEntry(uuid.uuid4().bytes, uuid.uuid4().bytes),)
    await credit(tx_key, HeldReceipt(TransactionId(uuid.UUID(tx_key)), entries, None), now=now)


async def try_attempts(network: Network, tx_keys: list[TxKey], rounds: int, now: datetime) -> int:
    """Let a receipt come and ask for another path, again and again; returns how many attempts there were."""
    for _ in range(rounds):
        for tx_key in tx_keys:
            await receipt_for(tx_key, now)
            attempt = int((await tx_fields(tx_key))["attempt"])
            await sync_to_async(repath)(tx_key=tx_key, attempt=attempt, now=now)
            await sync_to_async(find_path)(tx_key=tx_key, now=now, rng=RNG)
        await restock(network)
    return sum([int((await tx_fields(tx_key))["attempt"]) for tx_key in tx_keys])


async def test_many_keepalives_repeat_the_orders_once(network: Network) -> None:
    path = await open_path(network)
    for peer in path.peers:
        await peer.everything()

    for _ in range(20):
        await path.sender.send(PathKeepalive(path.ready.tx))
    await path.sender.settled()

    assert [await orders_of(peer) for peer in path.peers] == [1] * 5


async def test_a_keepalive_has_its_effect_again_before_forwarders_forget(network: Network) -> None:
    path = await open_path(network)
    now = timezone.now()
    offsets = [0.0, 4.0, 8.0, 12.0, 16.0]

    effects = [await credit(path.tx, None, now=now + timedelta(seconds=at)) is not None for at in offsets]

    assert effects == [True, False, True, False, True]
    used = float((await tx_fields(path.tx))["used"])
    assert used == pytest.approx(now.timestamp() + 16)


async def test_receipts_do_not_buy_a_transaction_attempts_without_end(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    await restock(network)
    minute = start_of_minute_after(timezone.now())

    made = await try_attempts(network, [path.tx], limits.ATTEMPTS_PER_MINUTE + 3, minute)

    assert made == 1 + limits.ATTEMPTS_PER_MINUTE
    fields = await tx_fields(path.tx)
    assert fields["state"] == "finding"
    assert float(fields["not_before"]) == minute.timestamp() + 60


async def test_a_transaction_that_was_held_back_goes_on_in_the_next_minute(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    await restock(network)
    # From now on, and no further than a minute ahead: peers that were seen two minutes ago are not drawn.
    now = timezone.now()
    if now.second >= 40:
        # The minute must not end while its attempts are counted.
        now = start_of_minute_after(now)
    made = await try_attempts(network, [path.tx], limits.ATTEMPTS_PER_MINUTE + 1, now)
    await restock(network)

    # Of this minute, not of the one it is by now.
    await after((start_of_minute_after(now) - now).total_seconds() + 1, since=now)

    assert (await tx_fields(path.tx))["attempt"] == str(made + 1)


async def test_receipts_do_not_keep_a_transaction_whose_paths_all_fail(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who work together would else fill the store: each attempt leaves something until the end."""
    monkeypatch.setattr("p2p.limits.MAX_ATTEMPTS", 5)
    path = await open_path(network, forwarders=4)
    await restock(network)

    for attempt in range(1, 6):
        assert (await tx_fields(path.tx))["attempt"] == str(attempt)
        await receipt_for(path.tx, timezone.now())
        await path.sender.send(Repath(path.ready.tx, attempt))
        await restock(network)

    assert await tx_fields(path.tx) == {}
    assert await store.async_client().exists(store_keys.avoided(path.tx), store_keys.tx_hops(path.tx)) == 0


async def test_an_account_has_a_budget_over_all_its_transactions(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2p.limits.LOOKS_PER_MINUTE_OF_ACCOUNT", 5)
    path = await open_path(network, forwarders=4)
    await restock(network)
    other = await send_to(path.sender, path.receiver.login)
    await restock(network)

    made = await try_attempts(network, [path.tx, other], 5, start_of_minute_after(timezone.now()))

    assert made == 2 + 5


async def hold(tx_key: TxKey, count: int) -> None:
    for _ in range(count):
        entries = tuple(
            ReceiptEntry(uuid.uuid4().bytes, uuid.uuid4().bytes) for _ in range(MAX_RECEIPT_ENTRIES)
        )
        receipt = HeldReceipt(TransactionId(uuid.UUID(tx_key)), entries, None)
        await credit(tx_key, receipt, now=timezone.now())


async def held_bytes(tx_key: TxKey) -> int:
    return sum(map(len, await store.async_client().lrange(store_keys.held(tx_key), 0, -1)))


async def test_what_is_held_for_a_device_is_bounded_over_all_its_transactions(network: Network) -> None:
    path = await open_path(network)
    others = [await send_to(path.sender, path.receiver.login) for _ in range(3)]

    for tx_key in (path.tx, *others):
        await hold(tx_key, 15)

    total = sum([await held_bytes(tx_key) for tx_key in (path.tx, *others)])
    assert limits.HELD_BYTES * 0.9 < total <= limits.HELD_BYTES


async def test_a_flood_of_receipts_displaces_its_own_only(network: Network) -> None:
    path = await open_path(network)
    flooded = await send_to(path.sender, path.receiver.login)
    await hold(path.tx, 2)
    before = await held_bytes(path.tx)

    await hold(flooded, 40)

    assert await held_bytes(path.tx) == before
    assert await held_bytes(flooded) > 0


async def test_an_ended_transaction_counts_for_nothing(network: Network) -> None:
    path = await open_path(network)
    await hold(path.tx, 3)
    sizes = store_keys.held_sizes(path.sender.device_key)
    assert await store.async_client().hlen(sizes) == 1

    await end(path)

    assert await store.async_client().exists(sizes) == 0


async def end(path: OpenPath) -> None:
    from p2p.protocol.to_server import Complete

    await path.sender.send(Complete(path.ready.tx))
    await path.sender.settled()


@pytest.mark.parametrize("place", [0, 1])
async def test_a_link_that_one_end_alone_reports_open_is_dropped_there(network: Network, place: int) -> None:
    path = await open_path(network)
    link = path.orders[0].out.link

    await path.peers[place].send(LinkUp(link))
    await path.peers[place].settled()
    await after(limits.LINK_WITHIN.total_seconds() - 1)
    assert not [frame for frame in await path.peers[place].everything() if isinstance(frame, LinkDrop)]
    await after(limits.LINK_WITHIN.total_seconds() + 1)

    drops = [frame for frame in await path.peers[place].everything() if isinstance(frame, LinkDrop)]
    assert drops == [LinkDrop(link)]
    assert await store.async_client().exists(store_keys.link(LinkKey(b64_text(link)))) == 0


async def test_a_link_that_both_report_open_stays(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()

    await after(limits.LINK_WITHIN.total_seconds() + 1)

    for peer in path.peers:
        assert not [frame for frame in await peer.everything() if isinstance(frame, LinkDrop)]


async def test_a_heartbeat_of_who_has_many_transactions_asks_for_receipts_where_some_are_held(
    network: Network,
) -> None:
    """A hundred heartbeats a second are allowed, and hundreds of transactions that wait for somebody."""
    ada, bo = await network.online("ada"), await network.login("bo")
    tx_keys = [await send_to(ada, bo) for _ in range(9)]
    await receipt_for(tx_keys[4], timezone.now())
    before = await lists_read()

    snapshot = await ada.settled()

    assert len(snapshot.transactions) == 9
    assert [each.tx.hex for each in snapshot.receipts] == [uuid.UUID(tx_keys[4]).hex]
    assert await lists_read() - before == 1


async def lists_read() -> int:
    told = await store.async_client().info("commandstats")
    return int(told.get("cmdstat_lrange", {"calls": 0})["calls"])


async def questions_to_the_store() -> int:
    """How often anybody has asked the store for something."""
    return int((await store.async_client().info("stats"))["total_reads_processed"])


async def test_many_watched_tokens_of_one_account_cost_little_and_are_all_answered(network: Network) -> None:
    mallory, bo = await network.online("mallory"), await network.online("bo")
    await after(limits.LATEST_ONLINE_DELAY.total_seconds())
    tokens = [await make_token(bo.login) for _ in range(150)]
    await mallory.send(Watch(tuple(tokens)))
    await mallory.settled()

    before = await questions_to_the_store()
    await after(limits.LATEST_ONLINE_DELAY.total_seconds())
    answering = await questions_to_the_store() - before
    told = [frame for frame in await mallory.everything() if isinstance(frame, ContactOnline)]
    before = await questions_to_the_store()
    await sync_to_async(announce_user)(user=bo.user, now=timezone.now())

    assert len(told) == len(tokens)
    assert max(answering, await questions_to_the_store() - before) < len(tokens)
    assert len(await mallory.everything()) == len(tokens)


async def test_of_very_many_watched_tokens_some_are_answered_in_each_turn(network: Network) -> None:
    mallory, bo = await network.online("mallory"), await network.online("bo")
    await after(limits.LATEST_ONLINE_DELAY.total_seconds())
    tokens = [await make_token(bo.login) for _ in range(150)]
    await mallory.send(Watch(tuple(tokens)))
    await mallory.settled()
    handle = await handle_of(mallory)
    waiting: list[int] = []
    current_app.conf.task_always_eager = False

    while not waiting or waiting[-1]:
        await sync_to_async(answer_watch)(peer_id=handle, now=timezone.now())
        waiting.append(await store.async_client().scard(store_keys.unanswered(handle)))

    assert waiting == [150 - 128, 0]
