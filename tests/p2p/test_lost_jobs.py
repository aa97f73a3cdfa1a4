"""A worker that dies with a job takes the job along: something else comes to the same end, for each kind.

Spec: docs/spec/transactions.md, section "Work in turn"
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.utils import timezone

from accounts.delivery import delete_tokens, digest_of
from mesa import store
from p2p import jobs, limits, store_keys
from p2p.protocol.to_peer import (
    AttemptFailed,
    ContactOnline,
    Guard,
    LinkDrop,
    PathReady,
    ReadyToReceive,
    TransactionEnded,
)
from p2p.protocol.to_server import Complete, HopFailed, LinkUp, PathKeepalive, Repath, Watch
from p2p.protocol.words import Cause, EndState
from p2p.records import TxKey
from tests.p2p.guard_scenes import ENOUGH, forget_frames
from tests.p2p.peers import Network, TestPeer
from tests.p2p.scenes import OpenPath, make_token, open_path, post, send_to, tx_fields
from tests.p2p.worker import RNG, after, run_due, run_jobs

LATEST_S: Final = limits.ONLINE_DELAY_S[1]
NO_RECEIPT_S: Final = limits.RECEIPT_WITHIN.total_seconds() + 0.1
Scene = Callable[[Network], Awaitable[None]]


@asynccontextmanager
async def worker_dies(kind: str, *, at_s: float = 0) -> AsyncIterator[None]:
    """Lose the jobs of this kind that the block brings about, or that are due then; others are done."""
    current_app.conf.task_always_eager = False
    try:
        yield
        lost: list[str] = await sync_to_async(lose)(kind, timezone.now() + timedelta(seconds=at_s))
    finally:
        current_app.conf.task_always_eager = True
    assert lost


def lose(kind: str, now: datetime) -> list[str]:
    lost: list[str] = []
    kept, jobs.JOBS[kind] = jobs.JOBS[kind], lambda _, *ids: lost.append(kind)
    try:
        run_jobs(timezone.now())
        run_due(now)
    finally:
        jobs.JOBS[kind] = kept
    return lost


async def lose_attempt(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(3)
    async with worker_dies("attempt"):
        await send_to(ada, bo.login)

    await after(1.1)

    assert (await ada.expect(PathReady)).attempt == 1


async def lose_complete(network: Network) -> None:
    path = await open_path(network)
    async with worker_dies("complete"):
        await path.sender.send(Complete(path.ready.tx))
        await path.sender.settled()

    await path.sender.send(Complete(path.ready.tx))

    assert (await path.sender.expect(TransactionEnded)).state is EndState.COMPLETED


async def lose_repath(network: Network) -> None:
    path = await open_path(network)
    async with worker_dies("repath"):
        await path.sender.send(Repath(path.ready.tx, 1))
        await path.sender.settled()

    await after(NO_RECEIPT_S)

    assert (await path.sender.expect(PathReady)).attempt == 2


async def lose_fail_hop(network: Network) -> None:
    path = await open_path(network)
    async with worker_dies("fail_hop"):
        await path.peers[1].send(HopFailed(path.ready.hops[1]))
        await path.peers[1].settled()

    await after(NO_RECEIPT_S)

    assert (await path.sender.expect(PathReady)).attempt == 2


async def make_older(tx_key: TxKey) -> None:
    """Let what happened to a transaction have happened so long ago that it may be kept again."""
    fields, age_s = await tx_fields(tx_key), limits.KEEP_EVERY.total_seconds()
    async with store.async_client().pipeline() as batch:
        for name in ("opened", "aged", "used", "kept"):
            batch.hset(store_keys.tx(tx_key), name, str(float(fields[name]) - age_s))
        batch.expire(store_keys.tx(tx_key), store_keys.TX_TTL)
        await batch.execute()


async def lose_keep(network: Network) -> None:
    path = await open_path(network)
    await path.receiver.send(path.receipt())
    await path.receiver.everything()
    await make_older(path.tx)
    async with worker_dies("keep"):
        await path.sender.send(PathKeepalive(path.ready.tx))
        await path.sender.settled()

    # The path is kept all the same; only the orders were not repeated, which the next keepalive does.
    in_use_for = limits.IDLE_AFTER - limits.KEEP_EVERY / 2
    await sync_to_async(jobs.do)(f"attempt:{path.tx}", now=timezone.now() + in_use_for, rng=RNG)
    assert (await tx_fields(path.tx))["state"] == "open"
    assert not [frame for frame in await path.receiver.everything() if isinstance(frame, ReadyToReceive)]
    await make_older(path.tx)
    await path.sender.send(PathKeepalive(path.ready.tx))
    await path.sender.settled()

    assert [frame for frame in await path.receiver.everything() if isinstance(frame, ReadyToReceive)]


async def lose_withdraw(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    await network.forwarders(3)
    token = await make_token(bo.login)
    response = await post(ada.login, token)
    assert response.status_code == 202
    await ada.expect(PathReady)
    async with worker_dies("withdraw"):
        await sync_to_async(delete_tokens)(user=bo.login.device.user, digests=[digest_of(token)])

    await after(NO_RECEIPT_S)

    assert (await ada.expect(AttemptFailed)).cause is Cause.PEER_GONE


async def watched(network: Network, kind: str, at_s: float) -> TestPeer:
    ada, bo = await network.online("ada"), await network.online("bo")
    await after(LATEST_S)
    token = await make_token(bo.login)
    async with worker_dies(kind, at_s=at_s):
        await ada.send(Watch((token,)))
        await ada.settled()
    return ada


async def lose_resolve(network: Network) -> None:
    ada = await watched(network, "resolve", 0)

    await after(LATEST_S + 0.1)

    await ada.expect(ContactOnline)


async def lose_watch(network: Network) -> None:
    ada = await watched(network, "watch", LATEST_S + 0.1)

    await after(LATEST_S + 0.1 + 5.1)

    await ada.expect(ContactOnline)


async def lose_online(network: Network) -> None:
    ada, login = await network.online("ada"), await network.login("bo")
    await ada.send(Watch((await make_token(login),)))
    await ada.settled()
    bo = await network.connect(login)
    await bo.greet()
    async with worker_dies("online", at_s=LATEST_S):
        await bo.publish()

    await after(LATEST_S + 5.1)

    await ada.expect(ContactOnline)


async def lose_gone(network: Network) -> None:
    path = await open_path(network, forwarders=4)
    async with worker_dies("gone", at_s=3.1):
        await path.peers[2].close()

    await after(3.1 + 5.1)

    assert (await path.sender.expect(AttemptFailed)).cause is Cause.PEER_GONE


async def lose_link(network: Network) -> None:
    path: OpenPath = await open_path(network)
    late_s = limits.LINK_WITHIN.total_seconds() + 0.1
    async with worker_dies("link", at_s=late_s):
        await path.sender.send(LinkUp(path.orders[0].out.link))
        await path.sender.settled()

    await after(late_s + 5.1)

    assert (await path.sender.expect(LinkDrop)).link == path.orders[0].out.link


async def lose_guards(network: Network) -> None:
    await forget_frames(await network.forwarders(ENOUGH))
    async with worker_dies("guards"):
        ada = await network.online("ada")

    await ada.settled()

    await ada.expect(Guard)


SCENES: Final[dict[str, Scene]] = {
    "attempt": lose_attempt,
    "complete": lose_complete,
    "repath": lose_repath,
    "fail_hop": lose_fail_hop,
    "keep": lose_keep,
    "withdraw": lose_withdraw,
    "gone": lose_gone,
    "link": lose_link,
    "online": lose_online,
    "resolve": lose_resolve,
    "watch": lose_watch,
    "guards": lose_guards,
}


@pytest.mark.parametrize("kind", jobs.JOBS)
async def test_what_a_lost_job_was_for_happens_all_the_same(network: Network, kind: str) -> None:
    await SCENES[kind](network)
