"""The first exchange on a socket: `hello` in, `welcome` and `snapshot` out.

Spec: docs/spec/signaling.md
"""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from django.conf import settings

from accounts.logins import Login
from mesa import store
from mesa.addresses import caller_address
from p2p import links, presence, store_keys, turns
from p2p.networks import network_of
from p2p.presence import PeerSession
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.limits import SUPPORTED_SUBPROTOCOLS
from p2p.protocol.parts import LIMITS, IceServer
from p2p.protocol.to_peer import LinkDrop, Welcome
from p2p.protocol.to_server import Hello
from p2p.protocol.words import Cause
from p2p.pushing import apush_frame
from p2p.records import DeviceKey, TxKey


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at a socket: the login, the socket's own random name, its web process, whence it comes."""

    login: Login
    socket: str
    web: str
    address: str


def address_of(scope: dict[str, Any]) -> str:
    """Find the address that a socket comes from, past our own proxies."""
    remote = (scope.get("client") or ("",))[0]
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return caller_address(remote, ",".join(forwarded), settings.TRUSTED_PROXIES)


async def open_peer(caller: Caller, resume: bytes | None, *, now: datetime) -> PeerSession:
    """Give the caller its peer. The address itself is not kept, only the hash of its network."""
    network = await network_of(caller.address)
    return await presence.open_session(
        login=caller.login, socket=caller.socket, web=caller.web, network=network, resume=resume, now=now
    )


async def greet(caller: Caller, hello: Hello, *, epoch: str, now: datetime, rng: Random) -> PeerSession:
    """Resume or make the caller's peer, and settle which of its links still exist.

    epoch: of the store as it is. A peer that is not resumed drops its links, unless it knew another store.
    """
    session = await open_peer(caller, hello.resume, now=now)
    if session.is_reachable:
        await announce(session, now=now, rng=rng)
    for link in await links.aforgotten(session.peer, hello.links):
        device = await links.aremove(session.peer, link, now=now)
        if device is not None:
            await apush_frame(device, LinkDrop(link))
    if session.resumed or (hello.epoch is not None and b64_text(hello.epoch) != epoch):
        await links.apair(session.peer, hello.links)
    return session


async def announce(session: PeerSession, *, now: datetime, rng: Random) -> None:
    """Let others learn after a while that a user came online, and wake what waits for the device itself."""
    await presence.plan_announcement(session, now=now, rng=rng)
    own = await store.async_client().smembers(store_keys.txs(DeviceKey(str(session.login.device_id))))
    await turns.awake([TxKey(tx) for tx in sorted(own)], cause=Cause.PEER_GONE, now=now)


def write_welcome(session: PeerSession, epoch: str, servers: tuple[IceServer, ...]) -> Welcome:
    """Write the answer to `hello`."""
    return Welcome(
        versions=SUPPORTED_SUBPROTOCOLS,
        ice_servers=servers,
        limits=LIMITS,
        epoch=b64_bytes(epoch),
        resume=session.resume,
        resumed=session.resumed,
    )
