"""How this device stands in the network: session socket, NAT, STUN and TURN.

Spec: docs/spec/agent.md, section "Status", and docs/spec/links.md
"""

import asyncio
from dataclasses import dataclass

from p2p.protocol.ice_urls import is_turn
from p2p.protocol.parts import IceServer
from p2p.protocol.to_peer import Welcome
from p2p.protocol.words import Nat
from peer_agent.config import socket_url
from peer_agent.events import Event, SessionClosed
from peer_agent.findings import About, Finding
from peer_agent.rest import Rest
from peer_agent.rtc import TURN_KIND, Callbacks, TransportFailed, aiortc_factory, has_turn, nat_of
from peer_agent.session import Session, SessionEdges
from peer_agent.tasks import Tasks

WELCOME_S = 15.0
GATHER_S = 12.0
_SEEN_BY_STUN = " typ srflx"
_AT_TURN = f" typ {TURN_KIND}"
NAT_SENTENCES = {
    Nat.OPEN: "This device has a public address.",
    Nat.CONE: "This device is behind a NAT, and others can reach it through it.",
    Nat.SYMMETRIC: "This device is behind a NAT that others can not reach it through.",
    Nat.UNKNOWN: "Whether this device is behind a NAT is not known.",
}


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """trouble: why the session socket is not open, empty if it is. description: an offer made here."""

    trouble: str
    turn_only: bool
    servers: tuple[IceServer, ...] = ()
    description: str = ""


async def probe_network(server: str, rest: Rest, *, turn_only: bool) -> NetworkFacts:
    """Open the session socket for a moment, without going online, and make one offer.

    Raises:
        LoginRefused, StateInUse, Refused: the server wants no socket of this device.
    """
    found: asyncio.Future[Welcome | str] = asyncio.get_running_loop().create_future()

    def settle(value: Welcome | str) -> None:
        if not found.done():
            found.set_result(value)

    def report(event: Event) -> None:
        if isinstance(event, SessionClosed):
            settle(event.cause)

    edges = SessionEdges(lambda: (), lambda greeting: settle(greeting.welcome), lambda _: None, report)
    async with Tasks() as tasks:
        tasks.spawn(Session(socket_url(server), rest, edges).run())
        try:
            async with asyncio.timeout(WELCOME_S):
                welcome = await found
        except TimeoutError:
            welcome = "silent"
    if isinstance(welcome, str):
        return NetworkFacts(welcome, turn_only)
    servers = tuple(welcome.ice_servers)
    return NetworkFacts("", turn_only, servers, await describe(servers, turn_only=turn_only))


async def describe(servers: tuple[IceServer, ...], *, turn_only: bool) -> str:
    """Make an offer as links do, and take it back; empty if none can be made."""
    nothing = Callbacks(lambda: None, lambda: None, lambda _: None, lambda: None)
    transport = aiortc_factory(servers, turn_only=turn_only)(nothing)
    try:
        async with asyncio.timeout(GATHER_S):
            return await transport.offer()
    except (TransportFailed, TimeoutError):
        return ""
    finally:
        await transport.close()


def network_finding(facts: NetworkFacts) -> Finding:
    """Judge how this device stands in the network."""
    has_stun = any(not is_turn(url) for each in facts.servers for url in each.urls)
    stun = _SEEN_BY_STUN in facts.description if has_stun and not facts.turn_only else None
    turn = _AT_TURN in facts.description if has_turn(facts.servers) else None
    nat = nat_of(facts.description)
    values = {
        "socket": facts.trouble or None,
        "nat": nat,
        "stun": stun,
        "turn": turn,
        "turn_only": facts.turn_only,
    }
    why, what_helps = _judged(facts, nat, stun, turn)
    return Finding(About.NETWORK, not what_helps, why, what_helps, values)


def _judged(facts: NetworkFacts, nat: Nat, stun: bool | None, turn: bool | None) -> tuple[str, str]:
    """A sentence, and what helps; that is empty if all is well."""
    if facts.trouble:
        return (
            f"The session socket does not open ({facts.trouble}), though the server answers.",
            "Something in between, such as a proxy, may let no WebSocket through.",
        )
    if facts.turn_only:
        return _through_turn(turn)
    if not facts.description:
        return "No link can be begun on this machine.", "Does it have a network address, and free ports?"
    if stun is False:
        return (
            "The STUN server does not answer: devices in other networks will hardly find this one.",
            "Let UDP out to it, or ask who runs the server.",
        )
    if turn is False:
        return (
            f"{NAT_SENTENCES[nat]} The TURN server does not answer, or refuses its login.",
            "Links through strict routers will fail. Let UDP out to it, or ask who runs the server.",
        )
    if stun is None:
        return f"{NAT_SENTENCES[Nat.UNKNOWN]} The server names no STUN server.", ""
    return NAT_SENTENCES[nat], ""


def _through_turn(turn: bool | None) -> tuple[str, str]:
    if turn is None:
        return (
            "This device is relay-only, and the server names no TURN server, so it stays offline.",
            "Ask who runs the server. With --no-relay-only it would show its address to other peers.",
        )
    if not turn:
        return (
            "This device is relay-only, and the TURN server does not answer: it has no links.",
            "Let UDP and TCP out to it, or ask who runs the server.",
        )
    return "This device is relay-only: other peers see the address of the TURN server.", ""
