"""WebRTC behind five calls: offer, answer, accept, send, close. The only module that knows aiortc.

Spec: docs/spec/links.md
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError

from p2p.protocol.fields import SDP_BYTES
from p2p.protocol.ice_urls import is_turn
from p2p.protocol.link import OFFER_AGE_BEHIND_NAT_S, OFFER_AGE_S
from p2p.protocol.parts import IceServer
from p2p.protocol.words import Nat

logger = logging.getLogger(__name__)

CHANNEL_LABEL = "mesa"
CHANNEL_ID = 0
LOW_WATER_BYTES = 256 * 1_024
_CANDIDATE = "a=candidate:"
_ADDRESS_FIELD = 4
_KIND_FIELD = 7
_RELATED_FIELD = 9
# A candidate without a related address, or with what stands for "not told"; nothing is bound to it.
NOT_RELATED: Final = {"", "0.0.0.0", "::"}  # noqa: S104
TURN_KIND = "relay"  # WebRTC's word for an address at a TURN server


class TransportFailed(Exception):
    """A description could not be made, used or answered."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a transport tells its link. `drained`: what waits to be sent has fallen below the low mark."""

    opened: Callable[[], None]
    closed: Callable[[], None]
    received: Callable[[bytes | str], None]
    drained: Callable[[], None]


class Transport(Protocol):
    """One connection with one data channel."""

    @property
    def buffered_bytes(self) -> int: ...

    @property
    def unconfirmed(self) -> int | None: ...

    async def offer(self) -> str: ...

    async def answer(self, offer: str) -> str: ...

    async def accept(self, answer: str) -> None: ...

    def send(self, frame: bytes) -> None: ...

    async def close(self) -> None: ...


TransportFactory = Callable[[Callbacks], Transport]


class AiortcTransport:
    """One RTCPeerConnection; aiortc makes a fresh certificate for each."""

    def __init__(
        self, callbacks: Callbacks, ice_servers: Sequence[IceServer], *, turn_only: bool = False
    ) -> None:
        # The list is always given: without one, aiortc asks a public server.
        servers = [_server(each) for each in ice_servers]
        policy = RTCIceTransportPolicy.RELAY if turn_only else RTCIceTransportPolicy.ALL  # RELAY: TURN alone
        self._connection = RTCPeerConnection(RTCConfiguration(servers, policy))
        self._turn_only = turn_only
        self._callbacks = callbacks
        self._channel: RTCDataChannel | None = None
        self._closing: asyncio.Future[None] | None = None
        self._connection.on("connectionstatechange", self._connection_changed)

    @property
    def buffered_bytes(self) -> int:
        return 0 if self._channel is None else int(self._channel.bufferedAmount)

    @property
    def unconfirmed(self) -> int | None:
        """The number of the first packet that the other end has not confirmed; None: there is none."""
        # A frame leaves the channel's buffer when it is sent, not when it is confirmed, and aiortc sends it
        # again for as long as ICE finds the address: that is all it has to tell a dead process by.
        waiting = None if self._connection.sctp is None else self._connection.sctp._sent_queue
        return waiting[0].tsn if waiting else None

    async def offer(self) -> str:
        """Make an offer that holds all candidates.

        Raises:
            TransportFailed: no offer could be made.
        """
        try:
            self._open_channel()
            await self._connection.setLocalDescription(await self._connection.createOffer())
        except (OSError, ValueError, InvalidStateError) as error:
            raise TransportFailed("no offer could be made") from error
        return self._local_description()

    async def answer(self, offer: str) -> str:
        """Answer another peer's offer.

        Raises:
            TransportFailed: the offer is unusable.
        """
        await self._use(RTCSessionDescription(usable_candidates(offer), "offer"))
        try:
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except (OSError, ValueError, InvalidStateError) as error:
            raise TransportFailed("no answer could be made") from error
        return self._local_description()

    async def accept(self, answer: str) -> None:
        """Use the answer to our offer.

        Raises:
            TransportFailed: the answer is unusable.
        """
        await self._use(RTCSessionDescription(usable_candidates(answer), "answer"))

    def send(self, frame: bytes) -> None:
        """Hand one binary message to the channel.

        Raises:
            TransportFailed: the channel is not open.
        """
        if self._channel is None:
            raise TransportFailed("the channel is not open")
        try:
            self._channel.send(frame)
        except InvalidStateError as error:
            raise TransportFailed("the channel is not open") from error

    async def close(self) -> None:
        """End the connection; whoever calls again waits for the same end.

        The wait is shielded: aiortc shares one bare future among all who close, itself among them, and a
        cancellation of one would fail the one that is at work.
        """
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._connection.close())
        await asyncio.shield(self._closing)

    async def _use(self, description: RTCSessionDescription) -> None:
        try:
            self._open_channel()
            await self._connection.setRemoteDescription(description)
        except Exception as error:
            # The text comes from a stranger, and aiortc's parser fails on bad text in many ways.
            raise TransportFailed("a description is unusable") from error

    def _open_channel(self) -> None:
        if self._channel is not None:
            return
        channel = self._connection.createDataChannel(
            CHANNEL_LABEL, ordered=True, negotiated=True, id=CHANNEL_ID
        )
        channel.bufferedAmountLowThreshold = LOW_WATER_BYTES
        channel.on("open", self._callbacks.opened)
        channel.on("close", self._callbacks.closed)
        channel.on("message", self._callbacks.received)
        channel.on("bufferedamountlow", self._callbacks.drained)
        self._channel = channel

    def _connection_changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._callbacks.closed()

    def _local_description(self) -> str:
        description: str = self._connection.localDescription.sdp
        # The policy should see to it, but an address that was sent can not be taken back.
        if self._turn_only and not hides_address(description):
            raise TransportFailed("a description does not lead through a TURN server alone")
        return shortened(description)


def aiortc_factory(ice_servers: Sequence[IceServer], *, turn_only: bool) -> TransportFactory:
    """Make transports that use exactly these ICE servers, and with `turn_only` no way beside TURN."""
    return lambda callbacks: AiortcTransport(callbacks, ice_servers, turn_only=turn_only)


def has_turn(ice_servers: Sequence[IceServer]) -> bool:
    """Tell whether there is a TURN server that would let this peer in."""
    return any(each.credential is not None and any(map(is_turn, each.urls)) for each in ice_servers)


def hides_address(description: str) -> bool:
    """Tell whether a description names addresses at a TURN server alone; one without any leads nowhere."""
    found = _candidates(description)
    related = {"".join(each[_RELATED_FIELD : _RELATED_FIELD + 1]) for each in found}
    return {each[_KIND_FIELD] for each in found} == {TURN_KIND} and related <= NOT_RELATED


def usable_candidates(description: str) -> str:
    """Drop candidates that do not name an IP address.

    Any name would be looked up in DNS, and a name `*.local` costs a second: the other side finds us without.
    """
    # Parsers take any line ending, so this has to do the same.
    kept = [line for line in description.splitlines() if line and not _names_no_address(line)]
    return "".join(f"{line}\r\n" for line in kept)


def nat_of(description: str) -> Nat:
    """What our own description says of our network: whether the address others see is one of this machine's.

    Which kind of translation it is can not be told from one server's answer: `cone` stands for any.
    """
    found = _candidates(description)
    hosts = {each[_ADDRESS_FIELD] for each in found if each[_KIND_FIELD] == "host"}
    seen = {each[_ADDRESS_FIELD] for each in found if each[_KIND_FIELD] == "srflx"}
    if not seen:
        return Nat.UNKNOWN
    return Nat.OPEN if seen <= hosts else Nat.CONE


def offer_age_s(description: str) -> float:
    """How long an offer of ours stays good: a NAT before us forgets soon what nobody answers.

    Who knows a TURN server, but not how it is seen from outside, may have a NAT before it all the same.
    """
    nat = nat_of(description)
    has_turn_candidate = any(each[_KIND_FIELD] == TURN_KIND for each in _candidates(description))
    is_short = nat is Nat.CONE or (nat is Nat.UNKNOWN and has_turn_candidate)
    return OFFER_AGE_BEHIND_NAT_S if is_short else OFFER_AGE_S


def shortened(description: str) -> str:
    """Drop the last candidates of a machine with very many addresses, until the description fits a frame."""
    lines = description.split("\r\n")
    while len("\r\n".join(lines)) > SDP_BYTES:
        last = max((at for at, line in enumerate(lines) if line.startswith(_CANDIDATE)), default=None)
        if last is None:
            raise TransportFailed("a description is too long")
        del lines[last]
    return "\r\n".join(lines)


def _candidates(description: str) -> list[list[str]]:
    return [line.split() for line in description.splitlines() if line.startswith(_CANDIDATE)]


def _names_no_address(line: str) -> bool:
    if not line.startswith(_CANDIDATE):
        return False
    # As the library reads it: what stands before the first field may be a space.
    fields = line.removeprefix(_CANDIDATE).split()
    try:
        ipaddress.ip_address(fields[_ADDRESS_FIELD])
    except (IndexError, ValueError):
        return True
    return False


def _server(server: IceServer) -> RTCIceServer:
    return RTCIceServer(list(server.urls), server.username, server.credential)
