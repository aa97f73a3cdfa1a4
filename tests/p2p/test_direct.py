"""A direct transaction: asked with both tokens, opened by an answer, and until then silent."""

import uuid

import pytest
from asgiref.sync import sync_to_async

from accounts.delivery import delete_tokens, digest_of
from mesa import store
from p2p import direct_calls, store_keys
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.ids import HopId, OfferId, TransactionId
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_peer import (
    AttemptFailed,
    DirectAsked,
    DirectReady,
    PathReady,
    ReadyToReceive,
    TransactionEnded,
    TransactionReceipt,
)
from p2p.protocol.to_server import Complete, DirectAnswer, DirectOffer, HopFailed, Receipt, Repath
from p2p.protocol.words import Cause
from p2p.records import DeviceKey, HopKey, PeerId, TxKey
from tests.p2p.direct_scenes import (
    ANSWER,
    ANSWER_PROOF,
    OFFER,
    PROOF,
    SDP,
    answer,
    ask_directly,
    offer,
    open_direct,
    post,
    post_directly,
)
from tests.p2p.peers import Network, TestPeer, make_known
from tests.p2p.scenes import make_token, send_to, tx_fields
from tests.p2p.worker import after


async def two_online(network: Network) -> tuple[TestPeer, TestPeer]:
    return await network.online("ada"), await network.online("bo")


def receipt_for(ready: DirectReady) -> Receipt:
    return Receipt(ready.hop, (ReceiptEntry(uuid.uuid4().bytes, uuid.uuid4().bytes),), None)


async def told_of_others(peer: TestPeer) -> list[FrameToPeer]:
    return [frame for frame in await peer.everything() if "Snapshot" not in type(frame).__name__]


async def test_the_one_asked_learns_token_hop_and_offer(network: Network) -> None:
    ada, bo = await two_online(network)
    own = await make_token(ada.login)

    await offer(ada, await post_directly(ada, bo, own))

    asked = await bo.expect(DirectAsked)
    assert (asked.token, asked.sdp, asked.proof) == (digest_of(own), SDP, PROOF)


async def test_offers_without_end_are_not_asked_with_without_end(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leaves a hop until the end, which receipts put off. The sender sees somebody offline from then."""
    monkeypatch.setattr("p2p.limits.MAX_ATTEMPTS", 5)
    ada, bo = await two_online(network)
    tx_key = await post_directly(ada, bo)

    for number in range(8):
        await offer(ada, tx_key, OfferId(number.to_bytes(8)))

    asked = [frame for frame in await bo.everything() if isinstance(frame, DirectAsked)]
    assert len(asked) == await store.async_client().scard(store_keys.tx_hops(tx_key)) == 5
    assert await told_of_others(ada) == []


async def test_an_answer_opens_it_without_any_forwarder(network: Network) -> None:
    ada, bo = await two_online(network)
    crowd = await network.forwarders(3)

    ready = await open_direct(ada, bo)

    assert (ready.offer, ready.sdp, ready.proof, ready.attempt) == (OFFER, ANSWER, ANSWER_PROOF, 1)
    assert str(ready.device) == bo.device
    for peer in (*crowd, ada, bo):
        told = await told_of_others(peer)
        assert [frame for frame in told if isinstance(frame, ReadyToReceive | PathReady)] == []
        assert peer not in crowd or told == []


async def test_receipts_reach_the_sender(network: Network) -> None:
    ada, bo = await two_online(network)
    ready = await open_direct(ada, bo)
    receipt = receipt_for(ready)

    await bo.send(receipt)

    assert (await ada.expect(TransactionReceipt)).entries == receipt.entries


async def test_nothing_tells_silence_from_absence(network: Network) -> None:
    """bo is online and says nothing; cy is not there at all."""
    ada, bo = await two_online(network)
    away = await network.login("cy")
    asked_tx = await post_directly(ada, bo)
    away_tx = TxKey(str(uuid.uuid4()))
    await post(ada, await make_token(away), await make_token(ada.login), away_tx)
    for tx_key in (asked_tx, away_tx):
        await offer(ada, tx_key)
    await bo.expect(DirectAsked)

    snapshot = await ada.settled()

    shown = {str(each.tx): (each.state, each.attempt) for each in snapshot.transactions}
    assert shown[asked_tx] == shown[away_tx]
    assert await told_of_others(ada) == []
    await after(121)
    ended = [await ada.expect(TransactionEnded) for _ in range(2)]
    assert ended[0].cause is ended[1].cause is Cause.NO_PATH


async def test_someone_who_comes_later_is_asked_then(network: Network) -> None:
    ada = await network.online("ada")
    bo = await network.connect(await network.login("bo"))
    await offer(ada, await post_directly(ada, bo))
    await bo.greet()
    await bo.publish()
    assert await bo.find(DirectAsked) is None

    await after(10.5)

    assert (await bo.expect(DirectAsked)).sdp == SDP


async def test_nobody_else_can_answer(network: Network) -> None:
    ada, bo = await two_online(network)
    mallory = await network.online("mallory")
    asked = await ask_directly(ada, bo)

    for peer in (mallory, ada):
        await answer(peer, asked)
        await peer.settled()

    assert await ada.find(DirectReady) is None


async def test_only_the_first_answer_counts(async_store: store.AsyncClient) -> None:
    tx_key, device, hop = TxKey("tx"), DeviceKey("device"), b64_text(HopId(b"some hop"))
    offered = DirectOffer(TransactionId(uuid.uuid4()), OFFER, SDP, PROOF)
    await direct_calls.akeep_offer(tx_key, PeerId("peer"), offered)

    def ask() -> None:
        with store.client().pipeline() as batch:
            direct_calls.queue_asked(batch, tx_key, OFFER, {device: HopKey(hop)})
            batch.execute()

    await sync_to_async(ask)()

    kept = [
        await direct_calls.akeep_answer(tx_key, DirectAnswer(HopId(b"some hop"), sdp, PROOF))
        for sdp in (ANSWER, SDP)
    ]

    call = await sync_to_async(direct_calls.read_call)(tx_key)
    assert kept == [True, False]
    assert call is not None
    assert (call.answer, call.answerer) == (ANSWER, device)


async def test_who_was_asked_while_the_offer_was_replaced_has_answered_nothing(
    async_store: store.AsyncClient,
) -> None:
    """Kept with the later offer its proof would be wrong, and the user told that somebody stood between."""
    tx_key, hop = TxKey(str(uuid.uuid4())), HopId(b"some hop")
    for offer_id in (OFFER, OfferId(b"later id")):
        offered = DirectOffer(TransactionId(uuid.UUID(tx_key)), offer_id, SDP, PROOF)
        await direct_calls.akeep_offer(tx_key, PeerId("peer"), offered)

    def ask() -> None:
        with store.client().pipeline() as batch:
            direct_calls.queue_asked(batch, tx_key, OFFER, {DeviceKey("device"): HopKey(b64_text(hop))})
            batch.execute()

    await sync_to_async(ask)()

    assert not await direct_calls.akeep_answer(tx_key, DirectAnswer(hop, ANSWER, PROOF))
    call = await sync_to_async(direct_calls.read_call)(tx_key)
    assert call is not None
    assert (call.asked, call.hop) == ({}, None)


async def test_an_answer_to_an_offer_that_was_replaced_is_ignored(network: Network) -> None:
    ada, bo = await two_online(network)
    tx_key = await post_directly(ada, bo)
    await offer(ada, tx_key)
    asked = await bo.expect(DirectAsked)
    await offer(ada, tx_key, OfferId(b"later id"))
    again = await bo.expect(DirectAsked)

    await answer(bo, asked)
    assert await ada.find(DirectReady) is None
    await answer(bo, again)

    assert (await ada.expect(DirectReady)).offer == b"later id"


@pytest.mark.parametrize("whose", ["bo", "nobody"])
async def test_own_token_must_be_the_callers(network: Network, whose: str) -> None:
    ada, bo = await two_online(network)
    own = await make_token(bo.login) if whose == "bo" else bytes(32)

    response = await post(ada, await make_token(bo.login), own)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_a_token_taken_back_on_either_side_asks_nobody(network: Network) -> None:
    ada, bo = await two_online(network)
    own = await make_token(ada.login)
    tx_key = await post_directly(ada, bo, own)
    delete = sync_to_async(delete_tokens)
    await delete(user=ada.login.device.user, digests=[digest_of(own)])

    await offer(ada, tx_key)

    assert await bo.find(DirectAsked) is None


async def test_an_offer_for_a_routed_transaction_is_ignored(network: Network) -> None:
    ada, bo = await two_online(network)
    tx_key = await send_to(ada, bo.login)

    await offer(ada, tx_key)

    assert await bo.find(DirectAsked) is None
    assert not await store.async_client().exists(store_keys.direct(tx_key))


@pytest.mark.parametrize("how", ["hop failed", "repath", "the receiver left", "no receipt"])
async def test_a_lost_link_is_told_and_a_new_offer_opens_the_next(network: Network, how: str) -> None:
    ada, bo = await two_online(network)
    await network.forwarders(3)
    ready = await open_direct(ada, bo)
    if how == "hop failed":
        await ada.send(HopFailed(ready.hop))
    elif how == "repath":
        await ada.send(Repath(ready.tx, 1))
    elif how == "the receiver left":
        await bo.close()
        await after(3.5)
        bo = await network.connect(bo.login)
        await bo.greet()
        await bo.publish()
        await make_known(bo)
    else:
        await after(10.5)

    assert (await ada.expect(AttemptFailed)).attempt == 1
    await offer(ada, TxKey(str(ready.tx)), OfferId(b"later id"))
    # Where time was put forward, nothing is due before that.
    is_ahead = how in ("the receiver left", "no receipt")
    await ada.settled()
    if is_ahead:
        await after(12)
    await answer(bo, await bo.expect(DirectAsked))
    await bo.settled()
    if is_ahead:
        await after(12.5)

    again = await ada.expect(DirectReady)
    assert (again.attempt, again.offer) == (2, b"later id")
    assert await ada.find(PathReady) is None


async def test_nothing_is_left_after_the_end(network: Network) -> None:
    ada, bo = await two_online(network)
    ready = await open_direct(ada, bo)
    tx_key = TxKey(str(ready.tx))
    await offer(ada, tx_key, OfferId(b"later id"))
    await bo.send(receipt_for(ready))
    await ada.expect(TransactionReceipt)

    await ada.send(Complete(TransactionId(ready.tx)))
    await ada.expect(TransactionEnded)

    assert await tx_fields(tx_key) == {}
    keys = [key async for key in store.async_client().scan_iter("mesa:*")]
    assert [key for key in keys if tx_key in key or key.startswith("mesa:hop:")] == []
    assert (await bo.settled()).hops == ()
