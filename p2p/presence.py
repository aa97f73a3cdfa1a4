"""Who is reachable: a peer's record and stock of offers, and what becomes of them when its socket closes.

For socket handlers. The worker reads the same records through `roster`.
Spec: docs/spec/store.md, section "Peers"
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from accounts.logins import Login
from mesa import deadlines, store
from p2p import scripts, store_keys
from p2p.limits import CLOSED_GRACE, WOKEN_PER_OFFER, online_delay
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.limits import MAX_OFFERS
from p2p.protocol.parts import StockOffer
from p2p.protocol.to_server import IceClient
from p2p.records import DeviceKey, Offer, PeerId, TxKey, UserKey
from p2p.store_keys import milliseconds

KEYS: Final = (store_keys.FORWARDERS, deadlines.KEY)


class PeerUnknown(Exception):
    """The store does not have this peer: it was emptied, or the device has another socket."""


@dataclass(frozen=True, slots=True)
class PeerSession:
    """A peer as its socket knows it. `socket` tells this socket from a later one of the same device.

    `is_reachable`: it was resumed, and had published what others need to reach it.
    """

    peer: PeerId
    login: Login
    socket: str
    resume: bytes
    resumed: bool
    is_reachable: bool


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh brought: transactions that waited for it, whether the user came online by it.

    `needs_guards`: its guards are to be looked after.
    """

    woken: tuple[TxKey, ...]
    came_online: bool
    needs_guards: bool


async def open_session(
    *, login: Login, socket: str, web: str, network: str, resume: bytes | None, now: datetime
) -> PeerSession:
    """Resume the device's peer if the token is that of its last socket, else make a new one.

    web: the process that the socket is at.
    """
    fresh = b64_text(secrets.token_bytes(ids.PEER_HANDLE_BYTES))
    fresh_resume = secrets.token_bytes(ids.RESUME_BYTES)
    identity = [str(login.device_id), str(login.user_id), str(login.sid), socket, network]
    tokens = [_digest(resume) if resume else "", fresh, _digest(fresh_resume)]
    times = [now.timestamp(), milliseconds(store_keys.PEER_TTL)]
    peer, resumed, reachable = await scripts.PRESENCE_OPEN.arun(
        KEYS, [scripts.PREFIX, *identity, *tokens, *times, web]
    )
    return PeerSession(PeerId(peer), login, socket, fresh_resume, resumed == "1", reachable == "1")


async def close_session(session: PeerSession, *, now: datetime) -> bool:
    """Hide a peer whose socket has closed; it is dropped after CLOSED_GRACE unless it resumes.

    False: the device has another socket by now, so nothing was to be done.
    """
    times = [now.timestamp(), CLOSED_GRACE.total_seconds(), milliseconds(store_keys.RESUME_TTL)]
    args = [session.peer, session.socket, *times]
    return bool(await scripts.PRESENCE_CLOSE.arun(KEYS, [scripts.PREFIX, *args]))


async def refresh(session: PeerSession, frame: IceClient, *, now: datetime) -> Refreshed:
    """Take a peer's word on how to reach it, and its whole stock of offers.

    Raises:
        PeerUnknown: the store does not have it.
    """
    args = [
        session.peer,
        session.socket,
        now.timestamp(),
        milliseconds(store_keys.PEER_TTL),
        b64_text(frame.onion_key),
        int(frame.capabilities.forward),
        frame.nat.value,
        (now - store_keys.FORWARDER_AGE).timestamp(),
        WOKEN_PER_OFFER,
        len(frame.tickets),
        *(b64_text(ticket) for ticket in frame.tickets),
    ]
    stock = [part for offer in frame.offers for part in (b64_text(offer.id), _offer_text(offer))]
    keys = (store_keys.FORWARDERS, store_keys.WAITING_FORWARDERS)
    known, told, woken, is_due = await scripts.PRESENCE_REFRESH.arun(keys, [scripts.PREFIX, *args, *stock])
    if known != "ok":
        raise PeerUnknown
    return Refreshed(tuple(TxKey(tx) for tx in woken), told == "0", bool(is_due))


async def add_offer(session: PeerSession, offer: StockOffer) -> tuple[TxKey, ...]:
    """Add a live offer to the stock; returns the transactions that waited for it."""
    args = [session.peer, session.socket, milliseconds(store_keys.PEER_TTL), b64_text(offer.id)]
    rest = [_offer_text(offer), MAX_OFFERS, WOKEN_PER_OFFER]
    woken = await scripts.PRESENCE_ADD_OFFER.arun((), [scripts.PREFIX, *args, *rest])
    return tuple(TxKey(tx) for tx in woken)


async def plan_announcement(session: PeerSession, *, now: datetime, rng: Random) -> None:
    """Have those who wait for the user learn that it came online, after a random delay."""
    user, peer = UserKey(str(session.login.user_id)), store_keys.peer(session.peer)
    due = now + online_delay(rng)
    async with store.async_client().pipeline() as batch:
        await deadlines.aschedule("online", user, due, batch=batch)
        # A peer whose socket was closed for a moment only stays as known as it was.
        batch.hsetnx(peer, "known", str(due.timestamp()))
        batch.pexpire(peer, store_keys.PEER_TTL)
        await batch.execute()


async def note_network(session: PeerSession, network: str) -> None:
    """Note the network that a peer stands in, as it is hashed today."""
    args = [session.socket, network]
    await scripts.PRESENCE_NETWORK.arun([store_keys.peer(session.peer)], args)


async def is_replaced(session: PeerSession) -> bool:
    """Tell whether another socket of the device has taken over, and is open."""
    client = store.async_client()
    peer = await client.get(store_keys.device(DeviceKey(str(session.login.device_id))))
    socket = peer and await client.hget(store_keys.peer(PeerId(peer)), "socket")
    return bool(socket) and socket != session.socket


def _offer_text(offer: StockOffer) -> str:
    return json.dumps(Offer(id=b64_text(offer.id), sdp=offer.sdp), separators=(",", ":"))


def _digest(token: bytes) -> str:
    # The store must not hold what opens a session.
    return b64_text(hashlib.sha256(token).digest())
