"""Tasks of p2p: each takes ids, calls one service, is safe to run twice, and names no path (invariant 2)."""

import random
import secrets
from typing import Final

from celery import shared_task
from django.utils import timezone

from p2p import arrivals, attempts, finding, keeping, links, pruning, services
from p2p.protocol.words import EndState
from p2p.records import LinkKey, PeerId, TxKey, UserKey

# Who forwards must not be guessable from earlier draws.
RNG: Final[random.Random] = secrets.SystemRandom()


@shared_task(ignore_result=True)
def find_path(tx: str) -> None:
    """Give a transaction its next attempt."""
    finding.find_path(tx_key=TxKey(tx), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def fail_hop(tx: str, attempt: int, position: int) -> None:
    """End an attempt one of whose hops has failed."""
    attempts.fail_hop(tx_key=TxKey(tx), attempt=attempt, position=position, now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def repath(tx: str, attempt: int) -> None:
    """End an attempt because its sender asks for another."""
    attempts.repath(tx_key=TxKey(tx), attempt=attempt, now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def complete(tx: str) -> None:
    """End a transaction that its sender needs no longer."""
    services.end_transaction(tx_key=TxKey(tx), state=EndState.COMPLETED, cause=None, now=timezone.now())


@shared_task(ignore_result=True)
def keep_path(tx: str) -> None:
    """Repeat the orders of a path that its sender keeps."""
    keeping.repeat_orders(tx_key=TxKey(tx), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def expire_attempt(tx: str) -> None:
    """Do what is due for a transaction."""
    attempts.expire_attempt(tx_key=TxKey(tx), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def drop_peer(peer: str) -> None:
    """Drop a peer whose socket stayed closed."""
    arrivals.drop_peer(peer_id=PeerId(peer), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def expire_link(link: str) -> None:
    """Drop a link that only one end has reported open."""
    links.expire_link(LinkKey(link))


@shared_task(ignore_result=True)
def announce_user(user: str) -> None:
    """Wake and tell those who wait for a user."""
    arrivals.announce_user(user=UserKey(user), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def resolve_watch(peer: str) -> None:
    """Find whose tokens a peer watches."""
    arrivals.resolve_watch(peer_id=PeerId(peer), now=timezone.now(), rng=RNG)


@shared_task(ignore_result=True)
def answer_watch(peer: str) -> None:
    """Tell a peer which of its watched contacts are online."""
    arrivals.answer_watch(peer_id=PeerId(peer))


@shared_task(ignore_result=True)
def prune() -> None:
    """Delete what is left of ended transactions."""
    pruning.prune_transactions(now=timezone.now())
