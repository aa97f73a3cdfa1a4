"""Open a path that was found: from this step on it is its transaction's present attempt.

Spec: docs/spec/transactions.md, steps 5 and 6
"""

from dataclasses import dataclass
from datetime import datetime

from p2p import limits, path_store
from p2p.orders import Attempt
from p2p.path_store import Fields, NewPath
from p2p.records import LinkKey, Offer, PathRecord, Peer, Tx, TxState
from p2p.roster import minute_of


@dataclass(frozen=True, slots=True)
class Opened:
    """A path that nobody knows of yet: which attempt it is for, its peers, the offers for its new links."""

    attempt: Attempt
    peers: tuple[Peer, ...]
    path: PathRecord
    offers: dict[LinkKey, Offer]


def put(tx: Tx, new: NewPath, now: datetime) -> Opened | None:
    """Make a path the transaction's next attempt; None when another worker was faster.

    Raises:
        NoOffer: peers that need one have none; nothing was taken.
    """
    minute = minute_of(now)
    fields: Fields = {
        "state": TxState.OPEN,
        "device": new.peers[-1].device,
        "opened": now.timestamp(),
        "aged": now.timestamp(),
        "used": now.timestamp(),
        "receipted": 0,
        "told": "",
        "misses": 0,
        "kept": 0,
        "minute": minute,
        "spent": 1 + (tx.spent if tx.minute == minute else 0),
    }
    done = path_store.put(tx, new, fields, now=now, due=now + limits.RECEIPT_WITHIN)
    return None if done is None else Opened(Attempt(tx.tx, tx.attempt + 1), new.peers, done.path, done.offers)
