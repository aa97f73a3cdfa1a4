"""The crash table of docs/spec/transactions.md: what a part leaves undone is done by the next deadline.

To die after a step is not to run the next one. A database that fails in the middle of a service stands for a
worker that dies there, too.
"""

import random
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import finding, path_store, pruning, store_keys
from p2p.attempts import Failure, fail_attempt
from p2p.protocol.to_peer import AttemptFailed, PathReady, Snapshot, TransactionEnded
from p2p.protocol.to_server import Complete
from p2p.protocol.words import Cause, EndState
from p2p.records import PeerId
from p2p.services import end_transaction
from tests.p2p.crash_steps import dying, make_scene, row_of, started
from tests.p2p.peers import Network, make_known, make_offers
from tests.p2p.scenes import OpenPath, make_token, open_path, post, send_to, take_path, tx_fields
from tests.p2p.worker import after

RNG = random.Random(3)


async def test_web_dies_after_the_record(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)

    await after(1.5)

    assert str((await ada.expect(PathReady)).tx) == tx_key
    assert (await row_of(tx_key)).attempts == 1


async def test_web_dies_after_the_record_and_the_client_posts_again(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)

    response = await post(ada.login, await make_token(bo.login), tx_key)

    assert response.status_code == 202
    assert (await ada.expect(PathReady)).attempt == 1
    assert (await row_of(tx_key)).attempts == 1


async def test_web_dies_before_the_task_is_sent(network: Network) -> None:
    ada, bo = await make_scene(network)
    current_app.conf.task_always_eager = False
    tx_key = await send_to(ada, bo.login)
    assert (await tx_fields(tx_key))["attempt"] == "0"

    await after(1.5)

    assert str((await ada.expect(PathReady)).tx) == tx_key


async def test_worker_dies_while_it_finds(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)
    assert await sync_to_async(path_store.lease)(tx_key) is not None
    await after(1.5)
    assert (await tx_fields(tx_key))["attempt"] == "0"

    await store.async_client().delete(store_keys.finding(tx_key))
    await after(7)

    assert (await ada.expect(PathReady)).attempt == 1


async def test_worker_that_comes_too_late_with_a_path_takes_no_offer(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)

    def begin_twice() -> bool:
        tx = path_store.read(tx_key)
        assert tx is not None
        first, late = (finding.begin_attempt(tx, now=timezone.now(), rng=RNG) for _ in range(2))
        return first is not None and late is None

    assert await sync_to_async(begin_twice)()

    handle = PeerId(str(await store.async_client().get(store_keys.device(ada.device_key))))
    assert await store.async_client().llen(store_keys.offers(handle)) == len(ada.offers) - 1
    assert (await tx_fields(tx_key))["attempt"] == "1"


async def test_worker_dies_after_it_put_a_path(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)

    def put() -> None:
        tx = path_store.read(tx_key)
        assert tx is not None
        assert finding.begin_attempt(tx, now=timezone.now(), rng=RNG) is not None

    await sync_to_async(put)()
    assert not [frame for frame in await ada.everything() if isinstance(frame, PathReady)]
    await after(11)

    assert (await ada.expect(AttemptFailed)).cause is Cause.NO_RECEIPT
    assert (await ada.expect(PathReady)).attempt == 2


async def test_worker_dies_after_an_attempt_was_taken_down(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    failure = Failure(path.tx, 1, Cause.HOP_FAILED)

    await sync_to_async(dying)(lambda: fail_attempt(failure, now=timezone.now()))
    assert (await tx_fields(path.tx))["state"] == "finding"
    await after(2)

    assert (await path.sender.expect(PathReady)).attempt == 2


async def test_worker_dies_after_the_end_was_written_to_the_store(network: Network) -> None:
    path = await open_path(network)

    def end() -> None:
        end_transaction(tx_key=path.tx, state=EndState.COMPLETED, cause=None, now=timezone.now())

    await sync_to_async(dying)(end)

    snapshot: Snapshot = await path.sender.settled()
    assert (snapshot.transactions, await tx_fields(path.tx)) == ((), {})
    assert (await row_of(path.tx)).state == "open"
    await sync_to_async(pruning.prune_transactions)(now=timezone.now() + timedelta(minutes=7))
    row = await row_of(path.tx)
    assert (row.state, row.cause) == ("failed", "lost")


async def test_an_end_while_a_path_is_handed_out_leaves_no_open_row(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)

    def find_and_end() -> None:
        tx = path_store.read(tx_key)
        assert tx is not None
        begun = finding.begin_attempt(tx, now=timezone.now(), rng=RNG)
        assert begun is not None
        end_transaction(tx_key=tx_key, state=EndState.COMPLETED, cause=None, now=timezone.now())
        finding.hand_out(begun, now=timezone.now(), rng=RNG)

    await sync_to_async(find_and_end)()

    row = await row_of(tx_key)
    assert row.state == "completed"
    assert await sync_to_async(row.paths.count)() == 0


async def test_a_task_that_comes_twice_changes_nothing_the_second_time(network: Network) -> None:
    path = await open_path(network, forwarders=4)

    for _ in range(2):
        await sync_to_async(finding.find_path)(tx_key=path.tx, now=timezone.now(), rng=RNG)
    for _ in range(2):
        await path.sender.send(Complete(path.ready.tx))

    frames = await path.sender.everything()
    assert [type(frame) for frame in frames] == [TransactionEnded]


async def test_store_is_emptied_and_everybody_goes_on(network: Network) -> None:
    path = await open_path(network)
    await store.async_client().flushall()
    for peer in path.peers:
        await peer.expect_welcome()
        assert (await peer.greet(peer.resume)).transactions == ()
        peer.offers = make_offers()
        await peer.settled()
        await make_known(peer)

    again = await take_path(await send_to(path.sender, path.receiver.login), path.sender, path.peers)

    assert again.ready.attempt == 1
    await sync_to_async(pruning.prune_transactions)(now=timezone.now() + timedelta(minutes=7))
    assert (await row_of(path.tx)).cause == "lost"
    assert (await row_of(again.tx)).state == "open"


async def test_sender_dies_after_the_post_and_comes_back(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = await started(ada, bo)
    await ada.close()
    await after(1.5)
    assert (await tx_fields(tx_key))["attempt"] == "0"

    back = await network.connect(ada.login)
    await back.greet()
    await back.publish()
    await after(5)

    assert str((await back.expect(PathReady)).tx) == tx_key


async def test_sender_dies_with_an_open_path_and_sees_it_when_it_resumes(network: Network) -> None:
    path = await open_path(network)
    await path.sender.close()

    back = await network.connect(path.sender.login)
    snapshot = await back.greet(path.sender.resume)

    assert [(str(each.tx), each.state, each.attempt) for each in snapshot.transactions] == [
        (path.tx, "open", 1)
    ]
    assert snapshot.hops == (path.ready.hops[0],)


async def test_receiver_dies_with_an_open_path_and_comes_back(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.close()
    await after(3.5)
    assert (await path.sender.expect(AttemptFailed)).cause is Cause.PEER_GONE
    assert (await tx_fields(path.tx))["state"] == "waiting"

    back = await network.connect(path.receiver.login)
    await back.greet()
    await back.publish()
    await after(12)

    assert (await path.sender.expect(PathReady)).attempt == 2


@pytest.mark.parametrize("place", range(5))
async def test_any_peer_of_a_path_may_die_and_no_key_stays_for_ever(network: Network, place: int) -> None:
    path: OpenPath = await open_path(network, forwarders=4)

    await path.peers[place].close()
    await after(3.5)

    assert await sync_to_async(lambda: list(store.keys_without_ttl()))() == []
    assert await store.async_client().exists(store_keys.path(path.tx, 1)) == 0
