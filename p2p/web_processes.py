"""Web processes as others see them: each gives signs of life, and the peers of one that died are closed.

Spec: docs/spec/transactions.md, section "Arrivals and departures"
"""

from datetime import datetime

from mesa import deadlines, push, store
from p2p import limits, scripts, store_keys
from p2p.store_keys import milliseconds


async def give_sign(web: str, *, now: datetime) -> bool:
    """Say that a web process lives. True: nobody knew it, so it is new, or was taken for dead."""
    async with store.async_client().pipeline() as batch:
        batch.zadd(store_keys.WEBS, {web: now.timestamp()})
        batch.zremrangebyscore(store_keys.WEBS, "-inf", (now - store_keys.PEER_TTL).timestamp())
        batch.pexpire(store_keys.peers_at(web), store_keys.PEER_TTL)
        return bool((await batch.execute())[0])


def close_dead(*, now: datetime) -> None:
    """Close the peers of each web process that is silent, and where nobody listens any more."""
    latest = (now - limits.WEB_SILENT).timestamp()
    for web in store.client().zrangebyscore(store_keys.WEBS, "-inf", latest):
        if not push.has_listeners(push.web_group(web)):
            keys = [store_keys.FORWARDERS, deadlines.KEY, store_keys.WEBS]
            rest = [limits.CLOSED_GRACE.total_seconds(), milliseconds(store_keys.RESUME_TTL)]
            scripts.WEB_CLOSE.run(keys, [scripts.PREFIX, web, latest, *rest])
