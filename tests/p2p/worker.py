"""The sweeper for tests: claims what is due at a time the test names, and does it as of that time."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from asgiref.sync import sync_to_async
from django.utils import timezone

from mesa import deadlines
from p2p.arrivals import announce_user, answer_watch, drop_peer
from p2p.attempts import expire_attempt
from p2p.links import expire_link
from p2p.records import LinkKey, PeerId, TxKey, UserKey

RNG = random.Random(7)
SERVICES: dict[str, Callable[[str, datetime], None]] = {
    "attempt": lambda ident, now: expire_attempt(tx_key=TxKey(ident), now=now, rng=RNG),
    "gone": lambda ident, now: drop_peer(peer_id=PeerId(ident), now=now, rng=RNG),
    "link": lambda ident, now: expire_link(LinkKey(ident)),
    "online": lambda ident, now: announce_user(user=UserKey(ident), now=now, rng=RNG),
    "watch": lambda ident, now: answer_watch(peer_id=PeerId(ident)),
}


def run_due(now: datetime) -> list[str]:
    """Do what is due at a time; returns the members that were."""
    due = deadlines.claim(now)
    for member in due:
        kind, _, ident = member.partition(":")
        SERVICES[kind](ident, now)
    return due


async def after(seconds: float, *, since: datetime | None = None) -> list[str]:
    """Do what is due that many seconds from now, or since a time."""
    due: list[str] = await sync_to_async(run_due)((since or timezone.now()) + timedelta(seconds=seconds))
    return due
