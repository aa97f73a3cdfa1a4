"""Offline recipients, contacts that come online, watching: told late by a random delay, to holders only."""

import random
import uuid

from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.delivery import delete_tokens, digest_of
from mesa import deadlines, store
from p2p import jobs, limits, store_keys
from p2p.protocol.to_peer import AttemptFailed, ContactOnline, PathReady, TransactionEnded
from p2p.protocol.to_server import Watch
from p2p.protocol.words import Cause, EndState
from p2p.records import UserKey
from tests.p2p.guard_scenes import handle_of
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import make_token, post, send_to, tx_fields
from tests.p2p.worker import RNG, after

EARLIEST_S, LATEST_S = limits.ONLINE_DELAY_S


async def told_online(peer: TestPeer) -> list[bytes]:
    return [frame.token for frame in await peer.everything() if isinstance(frame, ContactOnline)]


async def test_a_transaction_for_somebody_offline_waits_silently_and_uses_no_attempt(
    network: Network,
) -> None:
    ada, bo = await network.online("ada"), await network.login("bo")
    await network.forwarders(3)

    tx_key = await send_to(ada, bo)
    await after(5)

    fields = await tx_fields(tx_key)
    assert (fields["state"], fields["attempt"]) == ("waiting", "0")
    assert await ada.everything() == []


async def test_it_goes_on_after_a_delay_when_the_recipient_comes_online(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await network.forwarders(3)
    tx_key = await send_to(ada, login)

    bo = await network.connect(login)
    await bo.greet()
    await bo.publish()
    await after(0)
    assert (await tx_fields(tx_key))["attempt"] == "0"
    await after(LATEST_S)

    assert (await ada.expect(PathReady)).device == login.device.pk


async def test_it_goes_on_although_the_announcement_overtook_the_look(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await network.forwarders(3)
    bo = await network.connect(login)
    await bo.greet()
    await bo.publish()
    await send_to(ada, login)
    # Whom the announcement did not find here it did not wake.
    await store.async_client().delete(store_keys.waiting(UserKey(str(login.device.user_id))))

    await after(LATEST_S)

    assert (await ada.expect(PathReady)).device == login.device.pk


async def test_a_late_announcement_does_not_stand_for_the_next_arrival(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    token = await make_token(login)
    await ada.send(Watch((token,)))
    for _ in range(2):
        bo = await network.connect(login)
        await bo.greet()
        await bo.publish()
    await sync_to_async(jobs.do)(f"online:{bo.user}", now=timezone.now(), rng=RNG)
    assert await told_online(ada) == []

    await after(LATEST_S)

    assert await told_online(ada) == [digest_of(token)]


async def test_a_socket_alone_is_not_online(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await network.forwarders(3)

    await (await network.connect(login)).greet()
    tx_key = await send_to(ada, login)

    assert (await tx_fields(tx_key))["state"] == "waiting"


async def test_an_unknown_token_takes_the_same_way_to_the_same_end(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.login("bo")
    deleted = await make_token(bo)
    await sync_to_async(delete_tokens)(user=bo.device.user, digests=[digest_of(deleted)])
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for tx_id, token in zip(ids, (await make_token(bo), deleted, bytes(32)), strict=True):
        await post(ada.login, token, tx_id)

    records = [await store.async_client().hgetall(store.key("tx", tx_id)) for tx_id in ids]
    await after(120.5)

    for record in records:
        assert (record["state"], record["cause"], record["attempt"]) == ("waiting", "no_path", "0")
    frames = await ada.everything()
    assert [type(frame) for frame in frames] == [TransactionEnded] * 3
    ends = {(frame.state, frame.cause) for frame in frames if isinstance(frame, TransactionEnded)}
    assert ends == {(EndState.FAILED, Cause.NO_PATH)}


async def test_nobody_can_send_to_an_own_account(network: Network) -> None:
    ada = await network.online("ada")
    await network.forwarders(3)

    tx_key = await send_to(ada, ada.login)

    assert (await tx_fields(tx_key))["state"] == "waiting"


async def test_a_watched_contact_that_comes_online_is_told_to_holders_only(network: Network) -> None:
    ada, mallory, login = (
        await network.online("ada"),
        await network.online("mallory"),
        await network.login("bo"),
    )
    token = await make_token(login)
    await ada.send(Watch((token,)))
    await mallory.send(Watch((bytes(32),)))

    bo = await network.connect(login)
    await bo.greet()
    await bo.publish()
    await after(0)
    assert await told_online(ada) == []
    await after(LATEST_S)

    assert await told_online(ada) == [digest_of(token)]
    assert await told_online(mallory) == []


async def test_a_contact_that_is_online_already_is_told_after_the_same_delay(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    token = await make_token(bo.login)
    await after(LATEST_S)

    await ada.send(Watch((token, bytes(32))))
    await ada.settled()
    await after(0)
    assert await told_online(ada) == []
    await after(LATEST_S)

    assert await told_online(ada) == [digest_of(token)]


async def test_a_new_watch_tells_only_who_watches_newly(network: Network) -> None:
    ada, eve, bo = await network.online("ada"), await network.online("mallory"), await network.online("bo")
    token = await make_token(bo.login)
    await ada.send(Watch((token,)))
    await ada.settled()
    await after(LATEST_S)
    assert await told_online(ada) == [digest_of(token)]

    await eve.send(Watch((await make_token(bo.login),)))
    await eve.settled()
    await after(LATEST_S)

    assert await told_online(ada) == []
    assert len(await told_online(eve)) == 1


async def test_a_watch_ends_with_its_socket(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await ada.send(Watch((await make_token(login),)))
    await ada.settled()
    watchers = store_keys.watchers(UserKey(str(login.device.user_id)))
    assert await store.async_client().scard(watchers) == 1

    await ada.close()

    assert await store.async_client().exists(watchers) == 0
    names = [name async for name in store.async_client().scan_iter("mesa:watched:*")]
    assert names == []


async def test_a_socket_watches_a_limited_number_of_tokens(network: Network) -> None:
    ada = await network.online("ada")
    for _ in range(9):
        await ada.send(Watch(tuple(uuid.uuid4().bytes * 2 for _ in range(256))))
    await ada.settled()

    (name,) = [name async for name in store.async_client().scan_iter("mesa:watched:*")]

    assert await store.async_client().hlen(name) == 2_048


async def test_the_delay_is_random_within_its_bounds(network: Network) -> None:
    delays = []
    for number in range(5):
        peer = await network.online(f"user{number}")
        due = await sync_to_async(deadlines.due_at)("online", peer.user)
        assert due is not None
        delays.append((due - timezone.now()).total_seconds())

    assert all(EARLIEST_S - 1 < delay <= LATEST_S for delay in delays)
    assert len({round(delay, 2) for delay in delays}) > 1


async def test_who_watches_is_told_after_a_delay_by_lot(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    handle, now, delays = await handle_of(ada), timezone.now(), []
    for seed in range(5):
        await ada.send(Watch((await make_token(bo.login),)))
        await ada.settled()
        await sync_to_async(jobs.do)(f"resolve:{handle}", now=now, rng=random.Random(seed))
        due = await sync_to_async(deadlines.due_at)("watch", handle)
        assert due is not None
        delays.append((due - now).total_seconds())

    assert all(EARLIEST_S <= delay <= LATEST_S for delay in delays)
    assert max(delays) - min(delays) > 1


async def test_a_reconnect_within_a_path_does_not_announce_anything_early(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    await ada.send(Watch((await make_token(bo.login),)))
    await ada.settled()
    await bo.close()

    back = await network.connect(bo.login)
    await back.greet(bo.resume)
    await back.publish()
    await after(0)

    assert await told_online(ada) == []
    assert not [frame for frame in await ada.everything() if isinstance(frame, AttemptFailed)]
