"""The jobs of the worker: for each kind the service that does it, and whose job it is when it falls due.

A job is text, `<kind>:<ids>`; it names no two peers, and no user beside a transaction.
Spec: docs/spec/transactions.md, section "Work in turn"
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Final

from mesa import store
from p2p import arrivals, attempts, guarding, keeping, links, services, store_keys, turns
from p2p.protocol.words import EndState
from p2p.records import LinkKey, PeerId, TxKey, UserKey


@dataclass(frozen=True, slots=True)
class Context:
    """When a job is done, and where its chance comes from."""

    now: datetime
    rng: Random


def attend(context: Context, tx: str) -> None:
    attempts.attend(tx_key=TxKey(tx), now=context.now, rng=context.rng)


def complete(context: Context, tx: str) -> None:
    services.end_transaction(tx_key=TxKey(tx), state=EndState.COMPLETED, cause=None, now=context.now)


def repath(context: Context, tx: str, attempt: str) -> None:
    attempts.repath(tx_key=TxKey(tx), attempt=int(attempt), now=context.now)


def fail_hop(context: Context, tx: str, attempt: str, position: str) -> None:
    attempts.fail_hop(tx_key=TxKey(tx), attempt=int(attempt), position=int(position), now=context.now)


def keep_path(context: Context, tx: str) -> None:
    keeping.repeat_orders(tx_key=TxKey(tx), now=context.now, rng=context.rng)


def withdraw(context: Context, tx: str) -> None:
    attempts.withdraw(tx_key=TxKey(tx), now=context.now)


def drop_peer(context: Context, peer: str) -> None:
    arrivals.drop_peer(peer_id=PeerId(peer), now=context.now)


def expire_link(context: Context, link: str) -> None:
    links.expire_link(LinkKey(link), now=context.now)


def announce_user(context: Context, user: str) -> None:
    arrivals.announce_user(user=UserKey(user), now=context.now)


def resolve_watch(context: Context, peer: str) -> None:
    arrivals.resolve_watch(peer_id=PeerId(peer), now=context.now, rng=context.rng)


def answer_watch(context: Context, peer: str) -> None:
    arrivals.answer_watch(peer_id=PeerId(peer), now=context.now)


def look_after_guards(context: Context, peer: str) -> None:
    guarding.look_after_in_turn(peer_id=PeerId(peer), now=context.now, rng=context.rng)


JOBS: Final[dict[str, Callable[..., None]]] = {
    "attempt": attend,
    "complete": complete,
    "repath": repath,
    "fail_hop": fail_hop,
    "keep": keep_path,
    "withdraw": withdraw,
    "gone": drop_peer,
    "link": expire_link,
    "online": announce_user,
    "resolve": resolve_watch,
    "watch": answer_watch,
    "guards": look_after_guards,
}


def do(job: str, *, now: datetime, rng: Random) -> None:
    """Do one job. Each may be done twice."""
    kind, *ids = job.split(":")
    JOBS[kind](Context(now, rng), *ids)


def _of_transaction(tx: str) -> str | None:
    return store.client().hget(store_keys.tx(TxKey(tx)), "sender")


def _of_peer(peer: str) -> str | None:
    return store.client().hget(store_keys.peer(PeerId(peer)), "user")


def _of_link(link: str) -> str | None:
    peer = store.client().hget(store_keys.link(LinkKey(link)), "a")
    return None if peer is None else _of_peer(peer)


def _of_user(user: str) -> str | None:
    return user


OWNERS: Final[dict[str, Callable[[str], str | None]]] = {
    "attempt": _of_transaction,
    "gone": _of_peer,
    "link": _of_link,
    "online": _of_user,
    "watch": _of_peer,
    "guards": _of_peer,
}


def ask_due(kind: str, ident: str, now: datetime) -> None:
    """Ask for the job of a deadline that is due."""
    turns.ask(UserKey(OWNERS[kind](ident) or turns.NOBODY), f"{kind}:{ident}", now=now)


def registered() -> dict[str, Callable[[str, datetime], None]]:
    """Say for each kind of deadline what the sweeper is to call."""
    return {kind: partial(ask_due, kind) for kind in OWNERS}
