"""What happens when a part dies during a step, a function for each cell that has no test elsewhere.

To die after a step is not to run the next one, and to forget what was in memory.
"""

import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from mesa import store
from p2p import finding, path_store, pruning, turns
from p2p.attempts import Failure, fail_attempt
from p2p.models import P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import FrameToPeer
from p2p.protocol.to_peer import AttemptFailed, PathReady, TransactionEnded, TransactionReceipt
from p2p.protocol.to_server import Complete, HopFailed
from p2p.protocol.words import Cause
from p2p.records import TxKey
from tests.factories import make_client
from tests.p2p.crash_steps import database_down, dying, make_scene, row_of, started
from tests.p2p.peers import Network, TestPeer, make_known, make_offers
from tests.p2p.scenes import URL, OpenPath, make_token, open_path, post, send_to, take_path, tx_fields
from tests.p2p.worker import after

Case = Callable[[Network], Awaitable[None]]
Cell = tuple[str, str]

RNG: Final = random.Random(9)
CASES: dict[Cell, Case] = {}


def outcome(part: str, *steps: str) -> Callable[[Case], Case]:
    """Make a function the case of cells: those of one row, at these steps."""

    def register(case: Case) -> Case:
        CASES.update(dict.fromkeys([(part, step) for step in steps], case))
        return case

    return register


async def keys_naming(tx_key: str) -> list[str]:
    return [name async for name in store.async_client().scan_iter("*") if tx_key in name]


async def reconnect(network: Network, peer: TestPeer, *, resume: bool = True) -> TestPeer:
    """Bring a device back on another socket."""
    back = await network.connect(peer.login)
    await back.greet(peer.resume if resume else None)
    return back


async def go_on_with_an_empty_store(network: Network, ada: TestPeer, bo: TestPeer) -> OpenPath:
    """Empty the store, have all greet again, and send under a new id, as the sender's timer does."""
    await store.async_client().flushall()
    for peer in network.peers:
        await peer.expect_welcome()
        await peer.greet(peer.resume)
        peer.offers = make_offers()
        await peer.settled()
        await make_known(peer)
        peer.inbox.clear()
    return await take_path(await send_to(ada, bo.login), ada, network.peers)


async def is_lost(tx_key: TxKey) -> bool:
    await sync_to_async(pruning.prune_transactions)(now=timezone.now() + timedelta(minutes=7))
    return (await row_of(tx_key)).cause == Cause.LOST


async def posted(network: Network) -> tuple[TestPeer, TestPeer, TxKey]:
    """Steps 1 and 2: the record and the row; the job is lost."""
    ada, bo = await make_scene(network)
    current_app.conf.task_always_eager = False
    tx_key = await send_to(ada, bo.login)
    turn = await sync_to_async(turns.take)(now=timezone.now())
    assert turn is not None
    assert turn.job == f"attempt:{tx_key}"
    current_app.conf.task_always_eager = True
    return ada, bo, tx_key


def begin(tx_key: TxKey) -> Any:
    """Steps 4 to 6."""
    tx = path_store.read(tx_key)
    assert tx is not None
    begun = finding.begin_attempt(tx, now=timezone.now(), rng=RNG)
    assert begun is not None
    return begun


def kinds(frames: list[FrameToPeer]) -> list[type]:
    return [type(frame) for frame in frames]


@outcome("web", "start")
async def web_dies_before_it_began(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key = str(uuid.uuid4())
    assert await keys_naming(tx_key) == []

    assert (await post(ada.login, await make_token(bo.login), tx_key)).status_code == 202

    assert str((await ada.expect(PathReady)).tx) == tx_key


@outcome("web", "receipt")
async def web_dies_with_a_receipt(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.close()
    bo = await reconnect(network, path.receiver)

    await bo.send(path.receipt())

    assert str((await path.sender.expect(TransactionReceipt)).tx) == path.tx


@outcome("web", "failure")
async def web_dies_with_a_failed_hop(network: Network) -> None:
    path = await open_path(network, forwarders=4)

    await after(10.5)

    assert (await path.sender.expect(AttemptFailed)).cause is Cause.NO_RECEIPT
    assert (await path.sender.expect(PathReady)).attempt == 2


@outcome("web", "end")
async def web_dies_with_the_end(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    for seconds in (10.5, 125):
        await after(seconds)

    ended = await path.sender.expect(TransactionEnded)
    assert (ended.state, ended.cause) == ("failed", Cause.IDLE)
    await path.sender.send(Complete(path.ready.tx))
    assert TransactionEnded not in kinds(await path.sender.everything())


@outcome("worker", "enqueue")
async def worker_dies_with_the_task(network: Network) -> None:
    ada, _, tx_key = await posted(network)

    await after(1.5)
    assert (await ada.expect(PathReady)).attempt == 1
    await ada.everything()
    await sync_to_async(finding.find_path)(tx_key=tx_key, now=timezone.now(), rng=RNG)

    assert await ada.everything() == []


@outcome("worker", "rows")
@outcome("database", "rows")
async def the_rows_of_an_attempt_are_not_written(network: Network) -> None:
    ada, bo, tx_key = await posted(network)

    def hand_out() -> None:
        begun = begin(tx_key)
        dying(lambda: finding.hand_out(begun, now=timezone.now(), rng=RNG))

    await sync_to_async(hand_out)()

    path = await take_path(tx_key, ada, network.peers)
    assert (await row_of(tx_key)).attempts == 0
    await bo.send(path.receipt())
    await ada.expect(TransactionReceipt)
    await ada.send(Complete(path.ready.tx))
    await ada.expect(TransactionEnded)
    row = await row_of(tx_key)
    assert (row.state, row.attempts) == ("completed", 1)


@outcome("store", "row", "enqueue")
async def store_is_emptied_after_the_start(network: Network) -> None:
    ada, bo, tx_key = await posted(network)

    again = await go_on_with_an_empty_store(network, ada, bo)

    assert again.tx != tx_key
    assert await is_lost(tx_key)


@outcome("store", "find")
async def store_is_emptied_while_a_path_is_found(network: Network) -> None:
    ada, bo, tx_key = await posted(network)
    tx = await sync_to_async(path_store.read)(tx_key)
    await store.async_client().flushall()

    await sync_to_async(finding.find_path)(tx_key=tx_key, now=timezone.now(), rng=RNG)

    assert tx is not None
    assert await keys_naming(tx_key) == []
    await go_on_with_an_empty_store(network, ada, bo)


@outcome("store", "take, put", "frames")
async def store_is_emptied_after_the_put(network: Network) -> None:
    ada, bo, tx_key = await posted(network)

    def put_and_tell() -> None:
        begun = begin(tx_key)
        store.client().flushall()
        finding.hand_out(begun, now=timezone.now(), rng=RNG)

    await sync_to_async(put_and_tell)()

    await go_on_with_an_empty_store(network, ada, bo)
    assert await is_lost(tx_key)


@outcome("store", "receipt")
async def store_is_emptied_before_a_receipt(network: Network) -> None:
    path = await open_path(network)
    again = await go_on_with_an_empty_store(network, path.sender, path.receiver)

    await path.receiver.send(path.receipt())
    await path.receiver.send(again.receipt())

    assert str((await path.sender.expect(TransactionReceipt)).tx) == again.tx
    assert TransactionReceipt not in kinds(await path.sender.everything())


@outcome("store", "failure")
async def store_is_emptied_before_a_failure(network: Network) -> None:
    path = await open_path(network)
    again = await go_on_with_an_empty_store(network, path.sender, path.receiver)

    await path.peers[1].send(HopFailed(path.ready.hops[1]))
    await path.peers[1].settled()

    failure = Failure(path.tx, 1, Cause.HOP_FAILED)
    assert not await sync_to_async(fail_attempt)(failure, now=timezone.now())
    assert (await tx_fields(again.tx))["attempt"] == "1"


@outcome("store", "end")
async def store_is_emptied_before_the_end(network: Network) -> None:
    path = await open_path(network)
    again = await go_on_with_an_empty_store(network, path.sender, path.receiver)

    await path.sender.send(Complete(path.ready.tx))

    assert TransactionEnded not in kinds(await path.sender.everything())
    assert await is_lost(path.tx)
    assert (await row_of(again.tx)).state == "open"


@outcome("database", "start")
async def database_is_down_at_a_start(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key, token = str(uuid.uuid4()), await make_token(bo.login)

    assert await post_without_database(ada, token, tx_key) == 503

    assert await keys_naming(tx_key) == []


@outcome("database", "row")
async def database_is_down_at_the_row(network: Network) -> None:
    ada, bo = await make_scene(network)
    tx_key, token = TxKey(str(uuid.uuid4())), await make_token(bo.login)

    assert await post_without_database(ada, token, tx_key, table=P2PTransaction._meta.db_table) == 503
    await after(1.5)

    assert str((await ada.expect(PathReady)).tx) == tx_key
    assert (await row_of(tx_key)).attempts == 1


async def post_without_database(peer: TestPeer, token: bytes, tx_key: str, *, table: str = "") -> int:
    """Post while statements fail: all of them, or those that name a table. Returns the status."""
    body = {"id": tx_key, "token": b64_text(token), "tickets": []}

    def post_here() -> int:
        with database_down(table):
            response = make_client(peer.login).post(URL, body, content_type="application/json")
        return int(response.status_code)

    # A statement fails in the thread that was told to let it fail.
    return int(await sync_to_async(post_here)())


@outcome("database", "find")
async def database_is_down_while_a_path_is_found(network: Network) -> None:
    ada, _, tx_key = await posted(network)

    def find() -> None:
        finding.find_path(tx_key=tx_key, now=timezone.now(), rng=RNG)

    await sync_to_async(dying)(find)
    assert (await tx_fields(tx_key))["attempt"] == "0"
    await after(7)

    assert (await ada.expect(PathReady)).attempt == 1


@outcome("sender", "start")
async def sender_dies_at_the_post(network: Network) -> None:
    ada, bo = await make_scene(network)
    token, tx_key = await make_token(bo.login), str(uuid.uuid4())

    codes = [(await post(ada.login, token, tx_key)).status_code for _ in range(2)]

    assert codes == [202, 202]
    assert kinds(await ada.everything()).count(PathReady) == 1


@outcome("sender", "failure")
async def sender_is_away_when_an_attempt_fails(network: Network) -> None:
    path = await open_path(network, forwarders=6)
    await path.sender.close()
    await path.peers[1].send(HopFailed(path.ready.hops[1]))
    await path.peers[1].settled()

    assert (await tx_fields(path.tx))["state"] == "waiting"

    back = await network.connect(path.sender.login)
    (listed,) = (await back.greet(path.sender.resume)).transactions

    assert str(listed.tx) == path.tx
    assert (await back.expect(PathReady)).attempt == 2


@outcome("sender", "end")
async def sender_is_away_at_the_end(network: Network) -> None:
    path = await open_path(network)
    await path.sender.close()
    await after(3.5)
    await after(125)

    back = await network.connect(path.sender.login)

    assert (await back.greet(path.sender.resume)).transactions == ()
    assert (await row_of(path.tx)).state == "failed"


@outcome("receiver", "find")
async def receiver_dies_before_a_path_is_found(network: Network) -> None:
    ada, bo = await make_scene(network)
    await bo.close()
    tx_key = await started(ada, bo)
    await after(1.5)
    assert (await tx_fields(tx_key))["state"] == "waiting"
    assert PathReady not in kinds(await ada.everything())

    back = await reconnect(network, bo)
    await back.publish()
    await after(12)

    assert (await ada.expect(PathReady)).attempt == 1
