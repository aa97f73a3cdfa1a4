"""Blocking ends what was begun before it; coming online is not told before its delay, however one asks."""

import uuid
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from accounts.delivery import delete_tokens, digest_of
from accounts.models import DeliveryToken
from accounts.removal import remove_account
from mesa import store
from p2p import limits, store_keys
from p2p.models import P2PTransaction
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import AttemptFailed, ContactOnline, PathReady, TransactionEnded
from p2p.protocol.to_server import Complete, PathKeepalive, Repath, Watch
from p2p.protocol.words import Cause
from p2p.records import TxKey, UserKey
from tests.factories import LoggedIn
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import OpenPath, make_token, post, take_path, tx_fields
from tests.p2p.worker import after

LATEST_S = limits.ONLINE_DELAY_S[1]


async def block(login: LoggedIn, token: bytes) -> None:
    await sync_to_async(delete_tokens)(user=login.device.user, digests=[digest_of(token)])


async def come_online(network: Network, login: LoggedIn) -> TestPeer:
    peer = await network.connect(login)
    await peer.greet()
    await peer.publish()
    return peer


async def told_online(peer: TestPeer) -> int:
    return len([frame for frame in await peer.everything() if isinstance(frame, ContactOnline)])


async def path_under(network: Network) -> tuple[OpenPath, bytes]:
    """ada's transaction to bo, with a path, and its token."""
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(4)
    token, tx_key = await make_token(bo.login), TxKey(str(uuid.uuid4()))
    await post(ada.login, token, tx_key)
    return await take_path(tx_key, ada, [ada, bo, *crowd]), token


async def test_a_watch_ends_with_its_token(network: Network) -> None:
    mallory, login = await network.online("mallory"), await network.login("bo")
    token = await make_token(login)
    await mallory.send(Watch((token,)))
    await mallory.settled()
    await after(LATEST_S)

    await block(login, token)
    await come_online(network, login)
    await after(LATEST_S)

    assert await told_online(mallory) == 0
    watchers = store_keys.watchers(UserKey(str(login.device.user_id)))
    assert await store.async_client().exists(watchers) == 0


async def test_other_watchers_are_told_all_the_same(network: Network) -> None:
    ada, mallory = await network.online("ada"), await network.online("mallory")
    login = await network.login("bo")
    kept, ended = await make_token(login), await make_token(login)
    for peer, token in ((ada, kept), (mallory, ended)):
        await peer.send(Watch((token,)))
        await peer.settled()

    await block(login, ended)
    await come_online(network, login)
    await after(LATEST_S)

    assert (await told_online(ada), await told_online(mallory)) == (1, 0)


async def test_a_block_between_watch_and_answer_is_seen(network: Network) -> None:
    mallory, bo = await network.online("mallory"), await network.online("bo")
    token = await make_token(bo.login)
    await after(LATEST_S)
    await mallory.send(Watch((token,)))
    await mallory.settled()

    await block(bo.login, token)
    await after(LATEST_S)

    assert await told_online(mallory) == 0


async def test_an_open_transaction_gets_no_other_path_after_a_block(network: Network) -> None:
    path, token = await path_under(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    await block(path.receiver.login, token)
    await path.sender.send(Repath(path.ready.tx, 1))

    assert (await path.sender.expect(AttemptFailed)).attempt == 1
    assert await path.sender.find(PathReady) is None
    fields = await tx_fields(path.tx)
    assert (fields["state"], fields["cause"]) == ("waiting", "no_path")


async def test_a_removed_account_ends_an_open_path_at_once_as_if_it_had_gone(network: Network) -> None:
    path, _ = await path_under(network)

    await sync_to_async(remove_account)(user=path.receiver.login.device.user)

    failed = await path.sender.expect(AttemptFailed)
    assert (failed.attempt, failed.cause) == (1, Cause.PEER_GONE)


async def test_a_block_looks_as_if_the_other_had_gone(network: Network) -> None:
    path, token = await path_under(network)
    await block(path.receiver.login, token)
    await path.sender.send(Repath(path.ready.tx, 1))
    blocked = [type(frame) for frame in await path.sender.everything()]
    await path.sender.send(Complete(path.ready.tx))
    await path.sender.everything()

    again, tx_key = await make_token(path.receiver.login), TxKey(str(uuid.uuid4()))
    await post(path.sender.login, again, tx_key)
    other = await take_path(tx_key, path.sender, network.peers)
    await path.receiver.close()
    await path.sender.send(Repath(other.ready.tx, 1))

    assert [type(frame) for frame in await path.sender.everything()] == blocked


async def test_the_digest_is_gone_with_its_transaction_and_never_in_sql(network: Network) -> None:
    path, token = await path_under(network)
    digest = b64_text(digest_of(token))
    assert (await tx_fields(path.tx))["digest"] == digest

    await path.sender.send(Complete(path.ready.tx))
    await path.sender.settled()

    assert await tx_fields(path.tx) == {}
    rows = await sync_to_async(lambda: str(list(P2PTransaction.objects.values())))()
    assert digest not in rows
    assert digest_of(token).hex() not in rows


@pytest.mark.parametrize("again", ["the same id", "another id"])
async def test_posting_again_does_not_tell_before_the_announcement(network: Network, again: str) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await network.forwarders(3)
    token, tx_id = await make_token(login), str(uuid.uuid4())
    await post(ada.login, token, tx_id)
    await come_online(network, login)

    await post(ada.login, token, tx_id if again == "the same id" else str(uuid.uuid4()))

    assert await ada.find(PathReady) is None
    await after(LATEST_S)
    assert await ada.find(PathReady) is not None


async def test_a_receiver_that_resumes_in_time_stays_known(network: Network) -> None:
    path, token = await path_under(network)
    await path.receiver.close()
    back = await network.connect(path.receiver.login)
    await back.greet(path.receiver.resume)

    await post(path.sender.login, token, str(uuid.uuid4()))

    assert (await path.sender.expect(PathReady)).attempt == 1


async def test_a_receiver_that_was_away_is_announced_anew(network: Network) -> None:
    path, token = await path_under(network)
    await path.receiver.close()
    await after(4)
    back = await network.connect(path.receiver.login)
    await back.greet(path.receiver.resume)

    await post(path.sender.login, token, str(uuid.uuid4()))

    assert await path.sender.find(PathReady) is None


async def test_a_block_ends_an_open_path_at_once_as_if_the_other_had_gone(network: Network) -> None:
    path, token = await path_under(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()

    await block(path.receiver.login, token)

    failed = await path.sender.expect(AttemptFailed)
    assert (failed.attempt, failed.cause) == (1, Cause.PEER_GONE)
    assert await store.async_client().exists(store_keys.path(path.tx, 1)) == 0
    assert await path.sender.find(PathReady) is None
    fields = await tx_fields(path.tx)
    assert (fields["state"], fields["cause"]) == ("waiting", "no_path")


async def test_a_block_ends_nothing_of_other_contacts(network: Network) -> None:
    path, _ = await path_under(network)

    await block(path.receiver.login, await make_token(path.receiver.login))

    assert await path.sender.find(AttemptFailed) is None
    assert (await tx_fields(path.tx))["state"] == "open"


@pytest.mark.parametrize("chance", ["keepalive", "deadline"])
async def test_a_block_that_was_not_announced_is_noticed_by_the_next(network: Network, chance: str) -> None:
    path, token = await path_under(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await sync_to_async(DeliveryToken.objects.filter(pk=digest_of(token)).delete)()

    if chance == "keepalive":
        await path.sender.send(PathKeepalive(path.ready.tx))
    else:
        await after(limits.RECEIPT_WITHIN.total_seconds() + 0.5)

    assert (await path.sender.expect(AttemptFailed)).cause is Cause.PEER_GONE
    assert await store.async_client().exists(store_keys.path(path.tx, 1)) == 0


async def test_receipts_of_who_blocked_count_no_more_and_the_transaction_ends(network: Network) -> None:
    path, token = await path_under(network)
    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await block(path.receiver.login, token)
    await path.sender.everything()

    await path.receiver.send(path.receipt())
    await path.receiver.settled()
    await path.sender.send(PathKeepalive(path.ready.tx))

    assert await path.sender.everything() == []
    await after(limits.GIVE_UP_AFTER.total_seconds() + 1)
    assert (await path.sender.expect(TransactionEnded)).cause is Cause.NO_PATH
    assert await tx_fields(path.tx) == {}


async def test_a_block_while_the_store_is_away_is_a_block_all_the_same(
    network: Network, settings: Settings, tmp_path: Path
) -> None:
    path, token = await path_under(network)
    real, settings.STORE_URL = settings.STORE_URL, f"unix://{tmp_path}/none.sock"

    await block(path.receiver.login, token)

    settings.STORE_URL = real
    assert not await sync_to_async(DeliveryToken.objects.filter(pk=digest_of(token)).exists)()
    assert (await tx_fields(path.tx))["state"] == "open"
