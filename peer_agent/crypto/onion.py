"""Cells of one size that every peer of a path opens by one layer. Spec: docs/spec/onion.md"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from p2p.protocol.cells import CELL_BYTES, PAYLOAD_BYTES
from p2p.protocol.ids import HOP_ID_BYTES, HopId
from p2p.protocol.limits import HOPS

from .encoding import Reader, exactly, u8, u16
from .errors import CellRejected, CryptoError, Malformed
from .onion_keys import OnionKeys
from .primitives import (
    KEY_BYTES,
    Rng,
    SealKey,
    X25519Private,
    X25519Public,
    derive,
    once_keystream,
    seal_once,
    unseal_once,
)

LAYERS: Final = HOPS
HOP_INFO_BYTES: Final = 16
TAG_BYTES: Final = 16
HEADER_BYTES: Final = KEY_BYTES + TAG_BYTES
PAD_BYTES: Final = HEADER_BYTES + HOP_INFO_BYTES
BODY_BYTES: Final = CELL_BYTES - HEADER_BYTES
MAX_REPLAY_TAGS: Final = 16_384

_FORWARD: Final = 0
_DELIVER: Final = 1
_ONWARD: Final = 0


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of a path as its sender sees it: the onion key of the peer it leads to, and its id."""

    key: X25519Public
    hop_id: HopId


@dataclass(frozen=True, slots=True)
class Forward:
    """A cell to pass on over the next hop."""

    cell: bytes
    replay_tag: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """PAYLOAD_BYTES that end here."""

    payload: bytes
    replay_tag: bytes


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one hop's shared secret gives.

    pad: bytes that the peer appends after taking its layer off.
    """

    key: SealKey
    pad: bytes
    replay_tag: bytes


def _layer(secret: bytes, hop_id: HopId, ephemeral: bytes, key: X25519Public) -> _Layer:
    context = u16(CELL_BYTES) + exactly(hop_id, HOP_ID_BYTES) + ephemeral + key.raw
    reader = Reader(derive(secret, "onion", context, size=KEY_BYTES + PAD_BYTES + TAG_BYTES))
    return _Layer(SealKey(reader.take(KEY_BYTES)), reader.take(PAD_BYTES), reader.rest())


def wrap(hops: Sequence[Hop], payload: bytes, *, rng: Rng = os.urandom) -> bytes:
    """Build the cell for a path of exactly LAYERS hops, the first hop first.

    Every call draws new ephemeral keys, so the same payload never looks the same twice.

    Raises:
        Malformed: another number of hops, or not PAYLOAD_BYTES of payload.
    """
    if len(hops) != LAYERS:
        raise Malformed
    exactly(payload, PAYLOAD_BYTES)
    ephemerals = [X25519Private.generate(rng) for _ in hops]
    layers = [
        _layer(each.exchange(hop.key), hop.hop_id, each.public.raw, hop.key)
        for each, hop in zip(ephemerals, hops, strict=True)
    ]
    body = _hop_info(_DELIVER) + payload + _last_filler(layers)
    cell = _close(layers[-1], ephemerals[-1], body)
    for layer, ephemeral in reversed(list(zip(layers[:-1], ephemerals[:-1], strict=True))):
        # The peer makes up for what is cut off here with the layer's pad; the filler has foreseen it.
        cell = _close(layer, ephemeral, _hop_info(_FORWARD) + cell[:-PAD_BYTES])
    return cell


def _last_filler(layers: Sequence[_Layer]) -> bytes:
    """End of the innermost body, such that the pads appended on the way authenticate at every hop."""
    filler = b""
    for layer in layers[:-1]:
        filler = _xor_end(filler, layer) + layer.pad
    return _xor_end(filler, layers[-1])


def _xor_end(filler: bytes, layer: _Layer) -> bytes:
    stream = once_keystream(layer.key, BODY_BYTES)[BODY_BYTES - len(filler) :]
    mixed = int.from_bytes(filler, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(filler), "big")


def _close(layer: _Layer, ephemeral: X25519Private, body: bytes) -> bytes:
    sealed = seal_once(layer.key, body)
    return ephemeral.public.raw + sealed[-TAG_BYTES:] + sealed[:-TAG_BYTES]


def _hop_info(command: int) -> bytes:
    return u8(command) + u8(_ONWARD) + bytes(HOP_INFO_BYTES - 2)


def peel(cell: bytes, hop_id: HopId, keys: OnionKeys) -> Forward | Deliver:
    """Take one layer off a cell that came in over `hop_id`; the caller checks the replay tag.

    Raises:
        CellRejected: for whatever reason; drop the cell and tell nobody.
    """
    for own in (keys.current, keys.previous):
        if own is None:
            continue
        try:
            return _peel(cell, hop_id, own)
        except CryptoError:
            continue
    raise CellRejected


def _peel(cell: bytes, hop_id: HopId, own: X25519Private) -> Forward | Deliver:
    ephemeral = exactly(cell, CELL_BYTES)[:KEY_BYTES]
    layer = _layer(own.exchange(X25519Public(ephemeral)), hop_id, ephemeral, own.public)
    reader = Reader(unseal_once(layer.key, cell[HEADER_BYTES:] + cell[KEY_BYTES:HEADER_BYTES]))
    command = reader.u8()
    # The rest of the hop information is reserved; direction 0 (onward) is the only one there is.
    reader.zeros(HOP_INFO_BYTES - 1)
    if command == _FORWARD:
        return Forward(reader.rest() + layer.pad, layer.replay_tag)
    if command == _DELIVER:
        return Deliver(reader.take(PAYLOAD_BYTES), layer.replay_tag)
    raise Malformed


class ReplayWindow:
    """The replay tags of one hop. Lives and dies with the hop.

    A full window refuses every cell: forgetting old tags would let a neighbour send an old cell again and
    look for its double further on. The sender finds a new path, as with any other loss.
    """

    def __init__(self, limit: int = MAX_REPLAY_TAGS) -> None:
        self._limit = limit
        self._tags: set[bytes] = set()

    def accept(self, replay_tag: bytes) -> None:
        """Remember a tag.

        Raises:
            CellRejected: seen before, or the window is full.
        """
        if replay_tag in self._tags or len(self._tags) >= self._limit:
            raise CellRejected
        self._tags.add(replay_tag)
