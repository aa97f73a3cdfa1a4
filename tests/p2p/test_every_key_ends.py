"""Each step that writes to the store leaves no key without an end (invariant 7), seen right after it."""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from asgiref.sync import sync_to_async

from accounts.logins import Login
from mesa import store
from p2p import links, path_store, presence, roster, turns
from p2p.handlers import Context, credit, watch
from p2p.path_store import NewPath, NewTx
from p2p.presence import PeerSession
from p2p.protocol.fields import b64_bytes
from p2p.protocol.ids import LinkId, TransactionId
from p2p.protocol.parts import Capabilities, HeldReceipt, ReceiptEntry
from p2p.protocol.to_server import IceClient, Watch
from p2p.protocol.words import Nat
from p2p.records import DeviceKey, HopKey, LinkKey, Tx, TxKey, UserKey
from tests.p2p.peers import make_offers

NOW = datetime.now(UTC)
LINK = LinkKey("A" * 22)
ADA, BO = UserKey(str(uuid.uuid4())), UserKey(str(uuid.uuid4()))


@dataclass
class Steps:
    """Takes one step after the other, and looks at all keys after each."""

    checked: int = 0

    async def taken(self) -> None:
        endless = await sync_to_async(lambda: list(store.keys_without_ttl()))()
        assert endless == [], f"after step {self.checked}"
        self.checked += 1


async def open_one(user: UserKey = ADA) -> PeerSession:
    login = Login(uuid.UUID(user), uuid.uuid4(), uuid.uuid4(), NOW + timedelta(days=1))
    return await presence.open_session(
        login=login, socket="socket", web="web", network="", resume=None, now=NOW
    )


def ice_client() -> IceClient:
    return IceClient(bytes(117), Capabilities(forward=True), Nat.UNKNOWN, make_offers(2), ())


async def test_presence(async_store: store.AsyncClient) -> None:
    steps = Steps()
    session = await open_one()
    await steps.taken()
    await presence.refresh(session, ice_client(), now=NOW)
    await steps.taken()
    await sync_to_async(roster.pop_offers)([session.peer])
    await steps.taken()
    await presence.add_offer(session, make_offers(1)[0])
    await steps.taken()
    reporter = await sync_to_async(roster.find_peer)(session.peer)
    assert reporter is not None
    await sync_to_async(roster.blame)(ADA, reporter=replace(reporter, network="net"))
    await sync_to_async(roster.may_ask_for_offer)(session.peer)
    await steps.taken()
    await presence.plan_announcement(session, now=NOW, rng=Random(1))
    await steps.taken()
    await presence.close_session(session, now=NOW)
    await steps.taken()


async def test_links(async_store: store.AsyncClient) -> None:
    steps, one, other = Steps(), await open_one(), await open_one(UserKey(str(uuid.uuid4())))
    link = LinkId(b64_bytes(LINK))
    await links.apair(one.peer, [link])
    await steps.taken()
    await links.apair(other.peer, [link])
    await steps.taken()
    await links.areport_up(one.peer, link, now=NOW)
    await steps.taken()
    await async_store.delete(store.key("links", one.peer), store.key("links", other.peer))
    await links.areport_up(other.peer, link, now=NOW)
    await steps.taken()
    assert await async_store.hlen(store.key("links", one.peer)) == 1
    await links.aremove(one.peer, link, now=NOW)
    await steps.taken()


@pytest.mark.usefixtures("tasks_at_once", "transactional_db")
async def test_watching(async_store: store.AsyncClient) -> None:
    steps, session = Steps(), await open_one()
    await watch(Context(session, NOW, Random(1)), Watch((bytes(32),)))
    await steps.taken()


async def test_transactions(async_store: store.AsyncClient) -> None:
    steps, tx_key, sender = Steps(), TxKey(str(uuid.uuid4())), await open_one()
    new = NewTx(tx_key, DeviceKey(str(sender.login.device_id)), ADA, BO, "digest")
    await sync_to_async(path_store.start)(new, now=NOW, due=NOW)
    await steps.taken()
    await sync_to_async(path_store.lease)(tx_key)
    await steps.taken()
    sessions = [(await open_one()) for _ in range(5)]
    for session in sessions:
        await presence.refresh(session, ice_client(), now=NOW)
    await sync_to_async(put_path)(tx_key, sessions)
    await steps.taken()
    entries = (ReceiptEntry(bytes(16), bytes(16)),)
    receipt = HeldReceipt(TransactionId(uuid.UUID(tx_key)), entries, None)
    assert await credit(tx_key, receipt, now=NOW) is not None
    assert await credit(tx_key, None, now=NOW) is not None
    await steps.taken()
    await sync_to_async(turns.wake)([tx_key], now=NOW)
    await steps.taken()
    await sync_to_async(path_store.end)(tx_key)
    await steps.taken()
    assert not [name async for name in async_store.scan_iter("*") if tx_key in name]


def put_path(tx_key: TxKey, sessions: list[PeerSession]) -> None:
    peers = tuple(roster.find_peers([session.peer for session in sessions]).values())
    hops = tuple(HopKey(letter * 11) for letter in "ABCD")
    tx = path_store.read(tx_key)
    assert tx is not None
    put = path_store.put(tx, NewPath(peers, hops, (None,) * 4), {"state": "open"}, now=NOW, due=NOW)
    assert put is not None
    path = put.path

    def avoid(_: Tx, batch: store.Pipeline) -> bool:
        path_store.queue_avoidance(batch, tx_key, path.peers, path.links)
        return True

    assert path_store.change(tx_key, avoid)
