"""What the store holds for a peer now, so that a lost frame costs delay and never data.

Held receipts take the place of the padding, so the size does not tell how many there are. Those that do not
fit follow it as ordinary frames.
Spec: docs/spec/signaling.md, frame `snapshot`
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from mesa import store
from p2p import scripts, store_keys
from p2p.presence import PeerSession
from p2p.protocol.fields import b64_bytes, parse_record
from p2p.protocol.frames import spare_bytes
from p2p.protocol.ids import HopId, TransactionId
from p2p.protocol.limits import MAX_HELD_RECEIPTS, MAX_HOPS
from p2p.protocol.parts import HeldReceipt, OpenTransaction
from p2p.protocol.to_peer import Snapshot, TransactionReceipt
from p2p.protocol.words import TransactionState
from p2p.records import DeviceKey, TxKey, TxState

SHOWN: Final = {
    TxState.WAITING: TransactionState.WAITING,
    TxState.FINDING: TransactionState.FINDING,
    TxState.OPEN: TransactionState.OPEN,
    # No path, and none is looked for until the sender asks.
    TxState.IDLE: TransactionState.WAITING,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot, and the held receipts that did not fit into it."""

    snapshot: Snapshot
    following: tuple[TransactionReceipt, ...]

    @property
    def frames(self) -> tuple[Snapshot | TransactionReceipt, ...]:
        """All of it, in the order in which it is sent."""
        return (self.snapshot, *self.following)


@dataclass(frozen=True, slots=True)
class _Bare:
    """A snapshot without receipts, and the transactions for which any are held."""

    snapshot: Snapshot
    holding: tuple[TxKey, ...]


async def take_snapshot(session: PeerSession, *, now: datetime) -> Snapshot:
    """Read a peer's live hops, its device's open transactions, and as many held receipts as fit.

    Messages whose receipts are left out are sent again, and answered from what the receiver keeps.
    """
    bare = await _take_bare(session, now)
    fitting = _fitting(await _read_held(bare.holding), spare_bytes(bare.snapshot))
    return replace(bare.snapshot, receipts=fitting)


async def take_whole_snapshot(session: PeerSession, *, now: datetime) -> Taken:
    """Read the same for a peer that greets, which may have missed any number of receipts."""
    bare = await _take_bare(session, now)
    texts = await _read_held(bare.holding)
    fitting = _fitting(texts, spare_bytes(bare.snapshot))
    rest = [_to_receipt(text) for text in texts[len(fitting) :]]
    following = tuple(TransactionReceipt(each.tx, each.entries, each.credit) for each in rest)
    return Taken(replace(bare.snapshot, receipts=fitting), following)


async def _take_bare(session: PeerSession, now: datetime) -> _Bare:
    """Read all but the receipts."""
    owner = DeviceKey(str(session.login.device_id))
    keys = [store_keys.hops(session.peer), store_keys.txs(owner), store_keys.held_sizes(owner)]
    read = await scripts.SNAPSHOT_READ.arun(keys, [scripts.PREFIX, now.timestamp(), MAX_HOPS])
    # An empty list is `{}` to the store.
    hops, listed, holding = (list(each) for each in json.loads(read))
    snapshot = Snapshot(
        hops=tuple(HopId(b64_bytes(hop)) for hop in hops),
        transactions=tuple(
            OpenTransaction(TransactionId(UUID(key)), SHOWN[TxState(state)], int(attempt))
            for key, state, attempt in sorted(listed)
        ),
        receipts=(),
        conversations=(),
    )
    return _Bare(snapshot, tuple(sorted({key for key, *_ in listed} & set(holding))))


async def _read_held(tx_keys: Sequence[TxKey]) -> list[str]:
    """Read the held receipts, of each transaction the newest first: limits.HELD_BYTES of a device at most."""
    if not tx_keys:
        return []
    async with store.async_client().pipeline(transaction=False) as batch:
        for tx_key in tx_keys:
            batch.lrange(store_keys.held(tx_key), 0, -1)
        found = await batch.execute()
    return [text for texts in found for text in reversed(texts)]


def _fitting(texts: Sequence[str], space: int) -> tuple[HeldReceipt, ...]:
    sizes = itertools.accumulate(_cost(text) for text in texts)
    fitting = [text for text, size in zip(texts, sizes, strict=True) if size <= space]
    return tuple(_to_receipt(text) for text in fitting[:MAX_HELD_RECEIPTS])


def _cost(text: str) -> int:
    # Held as it stands in the frame (canonical JSON), and a comma.
    return len(text) + 1


def _to_receipt(text: str) -> HeldReceipt:
    return parse_record(HeldReceipt, json.loads(text))
