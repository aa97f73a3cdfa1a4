"""The end of a transaction: nothing is left that says who talked to whom, or over whom."""

import json

from asgiref.sync import sync_to_async

from mesa import deadlines, dumps, store
from p2p import store_keys
from p2p.models import P2PPath, P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import PathReady, ReadyToReceive, Snapshot, TransactionEnded
from p2p.protocol.to_server import Complete
from p2p.protocol.words import Cause, EndState
from tests.p2p.peers import Network
from tests.p2p.scenes import OpenPath, open_path, send_to, tx_fields
from tests.p2p.worker import after


async def complete(path: OpenPath) -> TransactionEnded:
    await path.sender.send(Complete(path.ready.tx))
    return await path.sender.expect(TransactionEnded)


async def store_text() -> str:
    dump = await sync_to_async(dumps.take_dump)()
    return json.dumps(dump[dumps.STORE])


async def test_complete_ends_a_transaction(network: Network) -> None:
    path = await open_path(network)

    ended = await complete(path)

    assert (str(ended.tx), ended.state, ended.cause) == (path.tx, EndState.COMPLETED, None)
    row = await sync_to_async(P2PTransaction.objects.get)()
    assert (row.state, row.cause, row.attempts) == ("completed", "", 1)
    assert row.ended is not None
    assert row.ended.second == 0
    assert (await sync_to_async(P2PPath.objects.get)()).state == "completed"


async def test_complete_by_another_device_is_ignored(network: Network) -> None:
    path = await open_path(network)

    for peer in (*path.forwarders, path.receiver):
        await peer.send(Complete(path.ready.tx))
        await peer.settled()

    assert (await tx_fields(path.tx))["state"] == "open"


async def test_nothing_of_an_ended_transaction_is_left_in_the_store(network: Network) -> None:
    path = await open_path(network)
    await path.open_links()
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await after(10.1)
    assert path.tx in await store_text()

    await complete(path)

    left = await store_text()
    assert path.tx not in left
    for hop in (*path.ready.hops, path.orders[0].in_.hop, path.orders[-1].out.hop):
        assert b64_text(hop) not in left


async def test_nothing_is_left_of_one_that_waited_for_an_offer_and_for_forwarders(network: Network) -> None:
    ada, bo = await network.online("ada", offers=0), await network.online("bo")
    dry = await send_to(ada, bo.login)
    await network.forwarders(3)
    assert f'"{dry}"' in await store_text()
    await after(3)
    await after(120.5)

    await ada.expect(TransactionEnded)

    assert dry not in await store_text()


async def test_the_ends_are_named_by_nothing_but_their_own_presence(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    await complete(path)

    dump = await sync_to_async(dumps.take_dump)()
    everybody = {deadlines.KEY, store_keys.FORWARDERS}
    for name, content in dump[dumps.STORE].items():
        if name in everybody:
            continue
        text = name + json.dumps(content)
        assert not (path.sender.user in text and path.receiver.user in text)
        assert not (path.sender.device in text and path.receiver.device in text)


async def test_the_database_never_names_an_end_of_a_transaction(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    dump = await sync_to_async(dumps.take_dump)()

    rows = json.dumps([dump["p2p_p2ptransaction"], dump["p2p_p2ppath"]])
    for peer in path.peers:
        for ident in (peer.user, peer.device):
            assert ident.replace("-", "") not in rows.replace("-", "")


async def test_no_path_is_in_the_database(network: Network) -> None:
    path = await open_path(network)
    handles = await store.async_client().hget(store.key("path", path.tx, 1), "peers")

    dump = await sync_to_async(dumps.take_dump)()
    del dump[dumps.STORE]

    text = json.dumps(dump)
    assert handles is not None
    for secret in (*handles.split(), *(b64_text(hop) for hop in path.ready.hops)):
        assert secret not in text


async def test_without_a_receipt_for_two_minutes_it_fails(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.login("bo")
    tx_key = await send_to(ada, bo)

    await after(110)
    assert await tx_fields(tx_key) != {}
    await after(120.5)

    ended = await ada.expect(TransactionEnded)
    assert (ended.state, ended.cause) == (EndState.FAILED, Cause.NO_PATH)
    assert await tx_fields(tx_key) == {}
    assert tx_key not in await store_text()


async def test_a_receipt_begins_the_two_minutes_again(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await after(10.1)
    await after(10.3)

    await after(110)
    assert (await tx_fields(path.tx))["state"] == "idle"
    await after(121)

    ended = await path.sender.expect(TransactionEnded)
    assert (ended.state, ended.cause) == (EndState.FAILED, Cause.IDLE)


async def test_an_ended_transaction_is_not_in_the_snapshot(network: Network) -> None:
    path = await open_path(network)
    before: Snapshot = await path.sender.settled()
    await complete(path)

    after_end = await path.sender.settled()

    assert [str(each.tx) for each in before.transactions] == [path.tx]
    assert len(before.hops) == 1
    assert (after_end.transactions, after_end.hops, after_end.receipts) == ((), (), ())


async def test_a_deadline_after_the_end_does_nothing(network: Network) -> None:
    path = await open_path(network)
    await complete(path)

    assert not [member for member in await after(10.5) if member.startswith("attempt:")]

    for peer in path.peers:
        frames = await peer.everything()
        assert not [frame for frame in frames if isinstance(frame, PathReady | ReadyToReceive)]


async def test_every_key_ends_or_is_trimmed(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    await path.open_links()
    assert await sync_to_async(lambda: list(store.keys_without_ttl()))() == []
    await path.receiver.send(path.receipt())
    await path.peers[3].close()
    await after(3.5)
    await send_to(path.sender, await network.login("offline"))
    assert await sync_to_async(lambda: list(store.keys_without_ttl()))() == []

    await complete(path)

    assert await sync_to_async(lambda: list(store.keys_without_ttl()))() == []
