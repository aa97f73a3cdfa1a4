"""What the store holds for a peer now, so that a lost frame costs delay and never data.

Spec: docs/spec/signaling.md, frame `snapshot`
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from mesa import store
from p2p import store_keys
from p2p.presence import PeerSession
from p2p.protocol.fields import b64_bytes, parse_record
from p2p.protocol.ids import HopId, TransactionId
from p2p.protocol.parts import HeldReceipt, OpenTransaction
from p2p.protocol.to_peer import Snapshot
from p2p.protocol.words import TransactionState
from p2p.records import DeviceKey, TxKey, TxState

# A frame is 64 KiB at most; hops and transactions take up to 36,000 characters of it.
RECEIPTS_CHARACTERS: Final = 24_000
MAX_HOPS: Final = 1_024
MAX_RECEIPTS: Final = 256

SHOWN: Final = {
    TxState.WAITING: TransactionState.WAITING,
    TxState.FINDING: TransactionState.FINDING,
    TxState.OPEN: TransactionState.OPEN,
    # No path, and none is looked for until the sender asks.
    TxState.IDLE: TransactionState.WAITING,
}


async def take_snapshot(session: PeerSession, *, now: datetime) -> Snapshot:
    """Read a peer's live hops, and its device's open transactions and held receipts."""
    owner = DeviceKey(str(session.login.device_id))
    async with store.async_client().pipeline(transaction=False) as batch:
        batch.zrangebyscore(store_keys.hops(session.peer), now.timestamp(), "+inf", start=0, num=MAX_HOPS)
        batch.smembers(store_keys.txs(owner))
        hops, tx_keys = await batch.execute()
    transactions, receipts = await _read_transactions([TxKey(key) for key in sorted(tx_keys)])
    return Snapshot(
        hops=tuple(HopId(b64_bytes(hop)) for hop in hops),
        transactions=tuple(transactions),
        receipts=tuple(_within_bounds(receipts)),
        conversations=(),
    )


async def _read_transactions(tx_keys: list[TxKey]) -> tuple[list[OpenTransaction], list[str]]:
    async with store.async_client().pipeline(transaction=False) as batch:
        for key in tx_keys:
            batch.hmget(store_keys.tx(key), ["state", "attempt"])
            batch.lrange(store_keys.held(key), 0, -1)
        found = await batch.execute()
    transactions, receipts = [], []
    for key, (state, attempt), held in zip(tx_keys, found[::2], found[1::2], strict=True):
        if state:
            shown = SHOWN[TxState(state)]
            transactions.append(OpenTransaction(TransactionId(UUID(key)), shown, int(attempt)))
            receipts.extend(held)
    return transactions, receipts


def _within_bounds(receipts: list[str]) -> Iterable[HeldReceipt]:
    """Take the newest that fit into the frame; messages of the others are sent again."""
    left = RECEIPTS_CHARACTERS
    for text in receipts[-MAX_RECEIPTS:][::-1]:
        left -= len(text)
        if left < 0:
            return
        yield parse_record(HeldReceipt, json.loads(text))
