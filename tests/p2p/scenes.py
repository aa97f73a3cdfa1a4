"""Scenes that many tests begin with: a transaction was posted, its path is there, its links are open."""

import itertools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from mesa import store
from p2p import store_keys
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import HopId
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_peer import PathReady, ReadyToReceive
from p2p.protocol.to_server import LinkUp, Receipt
from p2p.records import TxKey
from tests.factories import LoggedIn, make_client, make_delivery_token
from tests.p2p.peers import Network, TestPeer

URL = "/api/p2p/transactions/"
LOOKS = 20


async def make_token(receiver: LoggedIn) -> bytes:
    token: bytes = await sync_to_async(make_delivery_token)(recipient=receiver.device.user)
    return token


async def post(
    sender: LoggedIn, token: bytes, tx_id: str | None = None, *, tickets: Sequence[bytes] = ()
) -> Any:
    """Post a transaction; returns the response."""
    shown = [b64_text(ticket) for ticket in tickets]
    body = {"id": tx_id or str(uuid.uuid4()), "token": b64_text(token), "tickets": shown}
    return await sync_to_async(make_client(sender).post)(URL, body, content_type="application/json")


async def send_to(
    sender: TestPeer, receiver: LoggedIn, tx_id: str | None = None, *, tickets: Sequence[bytes] = ()
) -> TxKey:
    """Post a transaction under a fresh token of the receiver."""
    tx_key = TxKey(tx_id or str(uuid.uuid4()))
    response = await post(sender.login, await make_token(receiver), tx_key, tickets=tickets)
    assert response.status_code == 202, response.content
    return tx_key


@dataclass
class OpenPath:
    """A path as its peers were told of it, in order."""

    tx: TxKey
    ready: PathReady
    peers: list[TestPeer]
    orders: list[ReadyToReceive]

    @property
    def sender(self) -> TestPeer:
        return self.peers[0]

    @property
    def receiver(self) -> TestPeer:
        return self.peers[-1]

    @property
    def forwarders(self) -> list[TestPeer]:
        return self.peers[1:-1]

    def receipt(self) -> Receipt:
        """A receipt as the receiver sends it."""
        entry = ReceiptEntry(uuid.uuid4().bytes, uuid.uuid4().bytes)
        return Receipt(self.ready.hops[-1], (entry,), None)

    async def open_links(self) -> None:
        """Have both ends of each hop report its link open."""
        for at, (before, after) in enumerate(itertools.pairwise(self.peers)):
            await before.send(LinkUp(self.orders[at].out.link))
            await after.send(LinkUp(self.orders[at].out.link))
        for peer in self.peers:
            await peer.settled()


async def take_path(tx_key: TxKey, sender: TestPeer, everybody: list[TestPeer]) -> OpenPath:
    """Collect what the peers of the sender's next path were told, and put the peers in order."""
    ready = await sender.expect(PathReady)
    hops = ready.hops
    peers, orders = [sender], [await take_order(sender, lambda order: order.out.hop == hops[0])]
    for hop in hops:
        peer, order = await find_order(everybody, hop)
        peers.append(peer)
        orders.append(order)
    return OpenPath(tx_key, ready, peers, orders)


async def take_order(peer: TestPeer, fits: Callable[[ReadyToReceive], bool]) -> ReadyToReceive:
    """Wait for the peer's order that fits; others stay in its inbox."""
    order = await peer.expect(ReadyToReceive, fits)
    assert isinstance(order, ReadyToReceive)
    return order


async def find_order(everybody: list[TestPeer], hop: HopId) -> tuple[TestPeer, ReadyToReceive]:
    """Look in all inboxes for the order with this incoming hop, until it has come."""
    for _ in range(LOOKS):
        for peer in everybody:
            order = await peer.find(ReadyToReceive, lambda each: each.in_.hop == hop)
            if order is not None:
                return peer, order
    raise AssertionError("nobody got the order")


async def open_path(network: Network, *, forwarders: int = 3, offers: int = 4) -> OpenPath:
    """ada's transaction to bo, with a path."""
    ada, bo = await network.online("ada", offers=offers), await network.online("bo")
    crowd = await network.forwarders(forwarders, offers=offers)
    tx_key = await send_to(ada, bo.login)
    return await take_path(tx_key, ada, [ada, bo, *crowd])


async def tx_fields(tx_key: TxKey) -> dict[str, str]:
    """The transaction's record in the store; empty when it has ended."""
    fields: dict[str, str] = await store.async_client().hgetall(store_keys.tx(tx_key))
    return fields
