"""How many peers there are and forward; to users so coarsely that nobody sees one of them come or go.

Handles are counted, never read. Spec: docs/spec/rest.md, section "P2P"
"""

from datetime import datetime
from itertools import islice
from typing import Final

from mesa import store
from p2p import store_keys

STEPS: Final = (0, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
SCANNED: Final = 1_000


def forwarders_at_least(now: datetime) -> int:
    """Round down how many forward."""
    count = count_forwarders(now)
    return max(step for step in STEPS if step <= count)


def count_forwarders(now: datetime) -> int:
    """Count the peers that offered to forward lately."""
    return int(store.client().zcount(store_keys.FORWARDERS, *_lately(now)))


def count_networks(now: datetime) -> int:
    """Count the networks that forwarders stand in; an account whose network says nothing is its own."""
    return int(store.client().zcount(store_keys.NETWORKS, *_lately(now)))


def count_peers() -> int:
    """Count the peers that have an open socket and can be reached."""
    names, count = store.client().scan_iter(store.key("peer", "*"), count=SCANNED), 0
    while some := list(islice(names, SCANNED)):
        count += _count_open(some)
    return count


def _count_open(names: list[str]) -> int:
    with store.client().pipeline(transaction=False) as batch:
        for name in names:
            batch.hmget(name, ["closed", "onion_key"])
        return sum(not closed and bool(onion_key) for closed, onion_key in batch.execute())


def _lately(now: datetime) -> tuple[float, str]:
    return (now - store_keys.FORWARDER_AGE).timestamp(), "+inf"
