"""Who of all that could forward is looked at: everybody where they are few, else a sample.

Spec: docs/spec/pathfinding.md, section "Procedure", step 1
"""

import json
import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mesa import store
from p2p import scripts, store_keys
from p2p.records import PeerId
from p2p.store_keys import milliseconds

# A path takes one or three of them.
FEW: Final = 32
MANY: Final = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Peers that offered to forward, and when last (seconds since 1970). `is_part`: there are others."""

    refreshed: dict[PeerId, float]
    is_part: bool


def sample_forwarders(most: int, guards: Collection[PeerId], *, now: datetime, rng: random.Random) -> Sample:
    """Take all peers that offered to forward within 120 s; if there are more than `most`, draw so many.

    Each network is as likely as another. Those of `guards` that offered are added.
    """
    bound = list(guards)
    oldest = (now - store_keys.FORWARDER_AGE).timestamp()
    with store.client().pipeline() as batch:
        batch.zremrangebyscore(store_keys.FORWARDERS, "-inf", oldest)
        batch.zcard(store_keys.FORWARDERS)
        batch.zrange(store_keys.FORWARDERS, 0, most - 1, withscores=True)
        batch.get(store_keys.sample(most))
        if bound:
            batch.zmscore(store_keys.FORWARDERS, bound)
        _, count, entries, drawn, *scores = batch.execute()
    is_part = count > most
    if is_part:
        entries = json.loads(drawn or _draw(most, oldest, rng))
    refreshed = {PeerId(name): float(score) for name, score in entries}
    found = scores[0] if scores else ()
    refreshed |= {peer_id: float(score) for peer_id, score in zip(bound, found, strict=True) if score}
    return Sample(refreshed, is_part)


def _draw(most: int, oldest: float, rng: random.Random) -> str:
    keys = [store_keys.FORWARDERS, store_keys.NETWORKS, store_keys.sample(most)]
    args = [scripts.PREFIX, oldest, milliseconds(store_keys.SAMPLE_TTL), most]
    return str(scripts.FORWARDERS_SAMPLE.run(keys, [*args, *(rng.random() for _ in range(3 * most))]))
