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
from p2p import store_keys
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


async def take_snapshot(session: PeerSession, *, now: datetime) -> Snapshot:
    """Read a peer's live hops, its device's open transactions, and as many held receipts as fit.

    Messages whose receipts are left out are sent again, and answered from what the receiver keeps.
    """
    bare = await _take_bare(session, now)
    return replace(bare, receipts=_fitting(await _read_held(bare.transactions), spare_bytes(bare)))


async def take_whole_snapshot(session: PeerSession, *, now: datetime) -> Taken:
    """Read the same for a peer that greets, which may have missed any number of receipts."""
    bare = await _take_bare(session, now)
    texts = await _read_held(bare.transactions)
    fitting = _fitting(texts, spare_bytes(bare))
    rest = [_to_receipt(text) for text in texts[len(fitting) :]]
    following = tuple(TransactionReceipt(each.tx, each.entries, each.credit) for each in rest)
    return Taken(replace(bare, receipts=fitting), following)


async def _take_bare(session: PeerSession, now: datetime) -> Snapshot:
    """Read all but the receipts."""
    owner = DeviceKey(str(session.login.device_id))
    async with store.async_client().pipeline(transaction=False) as batch:
        batch.zrangebyscore(store_keys.hops(session.peer), now.timestamp(), "+inf", start=0, num=MAX_HOPS)
        batch.smembers(store_keys.txs(owner))
        hops, tx_keys = await batch.execute()
    return Snapshot(
        hops=tuple(HopId(b64_bytes(hop)) for hop in hops),
        transactions=tuple(await _read_transactions([TxKey(key) for key in sorted(tx_keys)])),
        receipts=(),
        conversations=(),
    )


async def _read_transactions(tx_keys: Sequence[TxKey]) -> list[OpenTransaction]:
    async with store.async_client().pipeline(transaction=False) as batch:
        for key in tx_keys:
            batch.hmget(store_keys.tx(key), ["state", "attempt"])
        found = await batch.execute()
    return [
        OpenTransaction(TransactionId(UUID(key)), SHOWN[TxState(state)], int(attempt))
        for key, (state, attempt) in zip(tx_keys, found, strict=True)
        if state
    ]


async def _read_held(transactions: Sequence[OpenTransaction]) -> list[str]:
    """Read the held receipts, of each transaction the newest first: limits.HELD_BYTES of a device at most."""
    async with store.async_client().pipeline(transaction=False) as batch:
        for each in transactions:
            batch.lrange(store_keys.held(TxKey(str(each.tx))), 0, -1)
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
