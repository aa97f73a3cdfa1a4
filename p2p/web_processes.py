"""Web processes as others see them: each gives signs of life, and the peers of one that died are closed.

Spec: docs/spec/transactions.md, section "Arrivals and departures"
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from mesa import deadlines, push, store
from p2p import limits, scripts, store_keys
from p2p.records import PeerId
from p2p.store_keys import milliseconds

# Names the store looks through in one go.
NAMES_AT_ONCE: Final = 1_000


async def give_sign(web: str, *, now: datetime) -> bool:
    """Say that a web process lives. True: nobody knew it, so it is new, or was taken for dead."""
    async with store.async_client().pipeline() as batch:
        batch.zadd(store_keys.WEBS, {web: now.timestamp()})
        batch.zremrangebyscore(store_keys.WEBS, "-inf", (now - store_keys.PEER_TTL).timestamp())
        return bool((await batch.execute())[0])


def close_dead(*, now: datetime) -> None:
    """Close the peers of each web process that is silent, and where nobody listens any more."""
    latest = (now - limits.WEB_SILENT).timestamp()
    for web in store.client().zrangebyscore(store_keys.WEBS, "-inf", latest):
        if not push.has_listeners(push.web_group(web)):
            _close_peers(web, latest)


def _close_peers(web: str, latest: float) -> None:
    """Close peer after peer; a worker that dies in the middle leaves the rest to the next look."""
    keys = [store_keys.FORWARDERS, deadlines.KEY, store_keys.WEBS]
    rest = [limits.CLOSED_GRACE.total_seconds(), milliseconds(store_keys.RESUME_TTL)]
    for peer_id in _peers_at(web):
        if not scripts.WEB_CLOSE.run(keys, [scripts.PREFIX, web, latest, *rest, peer_id]):
            break
    # Also if it lives after all: its next sign then tells it that its peers may be closed.
    store.client().zrem(store_keys.WEBS, web)


def _peers_at(web: str) -> Iterator[PeerId]:
    """Look through all peers: a list of those at a process would say for ever who is online together."""
    before = store_keys.peer(PeerId(""))
    cursor = 0
    while True:
        cursor, names = store.client().scan(cursor, match=f"{before}*", count=NAMES_AT_ONCE)
        with store.client().pipeline(transaction=False) as batch:
            for name in names:
                batch.hget(name, "web")
            found = batch.execute()
        for name, where in zip(names, found, strict=True):
            if where == web:
                yield PeerId(name.removeprefix(before))
        if cursor == 0:
            return
