"""A web process that was killed takes its peers along and no others; one that lives loses none for long."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone
from redis.asyncio import Redis, from_url

from accounts.logins import Login
from mesa import deadlines, push, store
from p2p import epoch_watch, limits, presence, roster, store_keys, tasks, web_processes
from p2p.presence import PeerSession
from p2p.protocol.parts import Capabilities
from p2p.protocol.to_server import IceClient
from p2p.protocol.words import Nat
from p2p.records import Peer, PeerId
from tests.p2p.peers import Network, TestPeer, make_offers

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + limits.WEB_SILENT + timedelta(milliseconds=1)
CLOSE = sync_to_async(web_processes.close_dead)


@dataclass
class Visitor:
    """A device that opens sockets at one web process or another."""

    login: Login = field(
        default_factory=lambda: Login(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), NOW + timedelta(days=1))
    )
    resume: bytes | None = None

    async def open_at(self, web: str) -> PeerSession:
        """Open a socket there, and offer to forward."""
        session = await presence.open_session(
            login=self.login, socket=str(uuid.uuid4()), web=web, network="", resume=self.resume, now=NOW
        )
        self.resume = session.resume
        frame = IceClient(bytes(117), Capabilities(forward=True), Nat.UNKNOWN, make_offers(2), ())
        await presence.refresh(session, frame, now=NOW)
        return session


async def find(peer_id: PeerId) -> Peer:
    found = await sync_to_async(roster.find_peer)(peer_id)
    assert found is not None
    return found


async def is_closed(session: PeerSession) -> bool:
    return (await find(session.peer)).closed is not None


@pytest.fixture
async def listeners() -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Has somebody listen for what is pushed to a web process."""
    layer = get_channel_layer()

    async def listen(web: str) -> None:
        await layer.group_add(push.web_group(web), await layer.new_channel())

    yield listen
    await layer.flush()


async def test_peers_of_a_dead_process_are_hidden_as_of_its_last_sign(async_store: store.AsyncClient) -> None:
    gone, also_gone, stays = [await Visitor().open_at(web) for web in ("dead", "dead", "alive")]
    await web_processes.give_sign("dead", now=NOW)
    await web_processes.give_sign("alive", now=LATER)

    await CLOSE(now=LATER)

    for session in (gone, also_gone):
        assert (await find(session.peer)).closed == NOW
        assert await sync_to_async(deadlines.due_at)("gone", session.peer) == NOW + limits.CLOSED_GRACE
    assert not await is_closed(stays)
    assert await async_store.zrange(store_keys.FORWARDERS, 0, -1) == [stays.peer]
    assert await async_store.zrange(store_keys.WEBS, 0, -1) == ["alive"]


async def test_slow_process_that_listens_keeps_its_peers(
    async_store: store.AsyncClient, listeners: Callable[[str], Awaitable[None]]
) -> None:
    session = await Visitor().open_at("slow")
    await web_processes.give_sign("slow", now=NOW)
    await listeners("slow")

    await CLOSE(now=LATER + timedelta(minutes=1))

    assert not await is_closed(session)


async def test_process_that_gives_signs_keeps_its_peers_while_it_connects_anew(
    async_store: store.AsyncClient,
) -> None:
    session = await Visitor().open_at("deaf")
    await web_processes.give_sign("deaf", now=NOW)

    await CLOSE(now=LATER - timedelta(milliseconds=2))

    assert not await is_closed(session)


async def test_sign_that_comes_while_it_is_judged_saves_a_process(
    async_store: store.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await Visitor().open_at("late")
    await web_processes.give_sign("late", now=NOW)
    judge = push.has_listeners

    def judge_late(group: str) -> bool:
        store.client().zadd(store_keys.WEBS, {"late": LATER.timestamp()})
        return judge(group)

    monkeypatch.setattr(push, "has_listeners", judge_late)
    await CLOSE(now=LATER)

    assert not await is_closed(session)
    # Others may have been closed before: with its next sign it sees that nobody knows it.
    assert await web_processes.give_sign("late", now=LATER)


async def test_peer_that_resumed_at_another_process_is_left_alone(async_store: store.AsyncClient) -> None:
    visitor = Visitor()
    before = await visitor.open_at("dead")
    after = await visitor.open_at("alive")
    await web_processes.give_sign("dead", now=NOW)

    await CLOSE(now=LATER)

    assert after.resumed
    assert after.peer == before.peer
    assert not await is_closed(after)


async def test_many_peers_are_all_found(
    async_store: store.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_processes, "NAMES_AT_ONCE", 10)
    sessions = [await Visitor().open_at("dead") for _ in range(60)]
    await web_processes.give_sign("dead", now=NOW)

    await CLOSE(now=LATER)

    assert all([await is_closed(session) for session in sessions])


async def take_for_dead() -> None:
    """Close all peers of this process, as a worker does that neither sees nor hears it."""
    far = (timezone.now() + timedelta(days=1)).timestamp()
    await sync_to_async(web_processes._close_peers)(epoch_watch.epoch_watch().web, far)


async def is_back(peer: TestPeer) -> bool:
    """Greet after a welcome and publish; tells whether the peer can be reached."""
    await peer.expect_welcome()
    await peer.greet(resume=peer.resume)
    await peer.publish()
    reach = await sync_to_async(roster.find_ends)(peer.device_key, None)
    return reach.sender is not None


async def test_socket_of_a_process_that_was_taken_for_dead_gets_another_peer(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_watch, "ASK_EVERY_S", 0.05)
    peer = await network.online("ada")

    await take_for_dead()

    assert await is_back(peer)


async def test_frame_on_such_a_socket_is_not_taken_for_one_of_a_replaced_socket(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epoch_watch, "ASK_EVERY_S", 60.0)
    peer = await network.online("ada")
    await take_for_dead()

    await peer.refresh()

    assert await is_back(peer)


async def lose_connections(client: "Redis[str]") -> None:
    await client.client_kill_filter(_type="pubsub")


async def empty(client: "Redis[str]") -> None:
    await client.flushall()


@pytest.mark.parametrize("fault", [lose_connections, empty])
async def test_store_that_forgets_who_listens_costs_no_peer(
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    fault: "Callable[[Redis[str]], Awaitable[None]]",
) -> None:
    monkeypatch.setattr(epoch_watch, "ASK_EVERY_S", 0.05)
    peer = await network.online("ada")

    async with from_url(settings.STORE_URL) as client:
        await fault(client)
    await CLOSE(now=timezone.now())

    if fault is empty:
        assert await is_back(peer)
    await CLOSE(now=timezone.now())
    reach = await sync_to_async(roster.find_ends)(peer.device_key, None)
    assert reach.sender is not None


def test_worker_looks_each_second(empty_store: store.Client) -> None:
    kind, _ = deadlines.kind_of("webs:")
    assert kind is not None
    assert (kind.call, kind.every) == (tasks.close_dead_webs.name, timedelta(seconds=1))
    old = (timezone.now() - timedelta(minutes=1)).timestamp()
    empty_store.zadd(store_keys.WEBS, {"dead": old})

    tasks.close_dead_webs()

    assert empty_store.zcard(store_keys.WEBS) == 0
