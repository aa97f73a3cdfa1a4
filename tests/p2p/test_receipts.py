"""Receipts reach the sender's device, from the receiver only, and are held while the sender is away."""

import uuid

import pytest

from mesa import store
from p2p import store_keys
from p2p.protocol.frames import to_text
from p2p.protocol.ids import HopId, StreamId
from p2p.protocol.limits import FRAME_BYTES, MAX_RECEIPT_ENTRIES
from p2p.protocol.parts import Credit, HeldReceipt
from p2p.protocol.to_peer import AttemptFailed, Snapshot, TransactionReceipt
from p2p.protocol.to_server import Receipt
from p2p.protocol.words import Cause
from tests.p2p.peers import Network
from tests.p2p.scenes import OpenPath, open_path, take_path, tx_fields
from tests.p2p.worker import after


async def test_a_receipt_reaches_the_sender_under_its_transaction(network: Network) -> None:
    path = await open_path(network)
    receipt = path.receipt()

    await path.receiver.send(receipt)

    told = await path.sender.expect(TransactionReceipt)
    assert (str(told.tx), told.entries, told.credit) == (path.tx, receipt.entries, None)


async def test_credit_alone_is_passed_too(network: Network) -> None:
    path = await open_path(network)
    credit = Credit(StreamId(bytes(8)), 40)

    await path.receiver.send(Receipt(path.ready.hops[-1], (), credit))

    assert (await path.sender.expect(TransactionReceipt)).credit == credit


async def test_a_receipt_by_anybody_else_is_ignored(network: Network) -> None:
    path = await open_path(network)
    mallory = await network.online("mallory")

    for peer in (*path.forwarders, path.sender, mallory):
        for hop in path.ready.hops:
            await peer.send(Receipt(hop, path.receipt().entries, None))
        await peer.settled()

    assert not [each for each in await path.sender.everything() if isinstance(each, TransactionReceipt)]
    assert (await tx_fields(path.tx))["receipted"] == "0"


async def test_receipts_do_not_prolong_a_transaction_whose_sender_has_gone_for_good(
    network: Network,
) -> None:
    path = await open_path(network)
    await path.sender.close()
    record = store_keys.device(path.sender.device_key)
    assert 0 < await store.async_client().pttl(record) <= 90_000
    await store.async_client().delete(record)
    before = await tx_fields(path.tx)

    for hop in (path.ready.hops[-1],) * 3:
        await path.receiver.send(Receipt(hop, path.receipt().entries, None))
    await path.receiver.settled()

    assert await tx_fields(path.tx) == before
    assert await store.async_client().exists(store_keys.held(path.tx)) == 0
    await after(121)
    assert await tx_fields(path.tx) == {}


async def test_an_unknown_hop_is_answered_like_a_foreign_one(network: Network) -> None:
    path = await open_path(network)

    await path.receiver.send(Receipt(HopId(uuid.uuid4().bytes[:8]), path.receipt().entries, None))

    assert await path.receiver.everything() == []


async def test_a_receipt_from_an_earlier_attempt_is_good_until_the_end(network: Network) -> None:
    path = await open_path(network)
    await after(10.5)
    again = await take_path(path.tx, path.sender, path.peers)
    assert again.ready.attempt == 2

    await path.receiver.send(path.receipt())

    assert str((await path.sender.expect(TransactionReceipt)).tx) == path.tx


async def test_receipts_wait_for_a_sender_that_is_away(network: Network) -> None:
    path = await open_path(network)
    await path.sender.close()
    receipt = path.receipt()
    await path.receiver.send(receipt)
    await path.receiver.settled()

    ada = await network.connect(path.sender.login)
    snapshot = await ada.greet(path.sender.resume)

    assert snapshot.receipts == (HeldReceipt(path.ready.tx, receipt.entries, None),)
    assert [(each.tx, each.attempt) for each in snapshot.transactions] == [(path.ready.tx, 1)]


async def hold_receipts(path: OpenPath, count: int) -> set[bytes]:
    """Have the receiver send as many full receipts; returns the digests that each begins with."""
    digests = set()
    for _ in range(count):
        entries = tuple(path.receipt().entries[0] for _ in range(MAX_RECEIPT_ENTRIES))
        await path.receiver.send(Receipt(path.ready.hops[-1], entries, None))
        digests.add(entries[0].digest)
    await path.receiver.settled()
    return digests


async def test_receipts_that_do_not_fit_into_a_snapshot_follow_it(network: Network) -> None:
    path = await open_path(network)
    await path.sender.close()
    sent = await hold_receipts(path, 20)

    ada = await network.connect(path.sender.login)
    snapshot = await ada.greet(path.sender.resume)
    following = [await ada.expect(TransactionReceipt) for _ in range(20 - len(snapshot.receipts))]

    assert 1 <= len(snapshot.receipts) < 20
    heard: list[HeldReceipt | TransactionReceipt] = [*snapshot.receipts, *following]
    got = [each.entries[0].digest for each in heard]
    assert (len(got), set(got)) == (20, sent)


async def test_a_heartbeats_snapshot_has_the_newest_receipts_that_fit(network: Network) -> None:
    path = await open_path(network)
    await hold_receipts(path, 19)
    (newest,) = await hold_receipts(path, 1)

    snapshot: Snapshot = await path.sender.settled()

    assert 1 <= len(snapshot.receipts) < 20
    assert snapshot.receipts[0].entries[0].digest == newest
    assert len(to_text(snapshot)) <= FRAME_BYTES


async def test_held_receipts_are_bounded_in_size(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2p.limits.HELD_BYTES", 20_000)
    path = await open_path(network)

    await hold_receipts(path, 10)

    held = await store.async_client().lrange(store_keys.held(path.tx), 0, -1)
    assert 15_000 < sum(map(len, held)) <= 20_000
    sizes = await store.async_client().hgetall(store_keys.held_sizes(path.sender.device_key))
    assert sizes == {path.tx: str(sum(map(len, held)))}


async def test_a_receipt_keeps_the_path_for_ten_seconds(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    await after(8)
    assert (await tx_fields(path.tx))["state"] == "open"
    await after(10.1)
    await after(10.2)

    assert (await path.sender.expect(AttemptFailed)).cause is Cause.IDLE
    assert (await tx_fields(path.tx))["state"] == "idle"
