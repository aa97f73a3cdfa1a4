"""The path of one attempt as its sender holds it: keys and hop ids, and the cells made for them.

Spec: docs/spec/onion.md and docs/spec/cells.md, section "Sender must"
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from p2p.protocol.cells import LinkFrame, fragments
from p2p.protocol.ids import STREAM_ID_BYTES, HopId, LinkId, StreamId
from p2p.protocol.to_peer import PathReady
from peer_agent.crypto import onion
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.onion_keys import SignedOnionKey
from peer_agent.crypto.primitives import X25519Public


@dataclass(slots=True)
class Route:
    """Where cells of one attempt go, and which stream carries which message."""

    link: LinkId
    device: DeviceEntry
    hop_ids: tuple[HopId, ...]
    layers: tuple[onion.Hop, ...]
    _streams: dict[int, StreamId] = field(default_factory=dict)

    def frames(self, number: int, envelope: bytes, *, first: int) -> Iterator[bytes]:
        """Wrap the cells of a message, from one of them on; each is new even if it was sent before."""
        stream = self._streams.setdefault(number, StreamId(secrets.token_bytes(STREAM_ID_BYTES)))
        for fragment in fragments(envelope, stream):
            if fragment.index >= first:
                yield LinkFrame(self.hop_ids[0], self.cell(fragment.pack())).pack()

    def cell(self, payload: bytes) -> bytes:
        """Wrap one payload for this path."""
        return onion.wrap(self.layers, payload)

    def message_of(self, stream: StreamId) -> int | None:
        """The message a stream of this attempt carries."""
        return next((number for number, each in self._streams.items() if each == stream), None)


def make_route(frame: PathReady, device: DeviceEntry, *, now_s: int) -> Route:
    """Check a path's keys and make it ready to send on; `device` is the receiver's in its pinned chain.

    Raises:
        UnknownDevice, BadSignature, Malformed, UnknownVersion: the receiver's onion key is not that device's.
        NotValidNow: it is, but not for this day.
        WeakKey: a forwarder's key is unusable.
    """
    last = SignedOnionKey.unpack(frame.onion_key).verify(device, now_s=now_s)
    keys = (*(X25519Public(key) for key in frame.forwarders), last)
    layers = tuple(onion.Hop(key, hop) for key, hop in zip(keys, frame.hops, strict=True))
    return Route(frame.link, device, frame.hops, layers)
