"""How many peers forward, told so coarsely that nobody sees one of them come or go.

Spec: docs/spec/rest.md, section "P2P"
"""

from datetime import datetime
from typing import Final

from mesa import store
from p2p import store_keys

STEPS: Final = (0, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


def forwarders_at_least(now: datetime) -> int:
    """Round down how many offered to forward within 120 s."""
    oldest = (now - store_keys.FORWARDER_AGE).timestamp()
    count = int(store.client().zcount(store_keys.FORWARDERS, oldest, "+inf"))
    return max(step for step in STEPS if step <= count)
