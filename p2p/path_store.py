"""Transactions and their paths in the store: read, and change as one step or not at all.

Every change watches the transaction's record, so of two workers that decide at the same time one wins. A path
is here and nowhere else (invariant 2).
Spec: docs/spec/store.md, section "Transactions"
"""

import contextlib
import itertools
import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar, cast

from redis.exceptions import WatchError

from mesa import deadlines, store
from p2p import scripts, store_keys
from p2p.protocol import ids
from p2p.protocol.fields import b64_text
from p2p.protocol.limits import HOPS, MAX_OPEN_TRANSACTIONS
from p2p.records import (
    DeviceKey,
    Hop,
    HopKey,
    LinkKey,
    Offer,
    PathRecord,
    Peer,
    PeerId,
    Tx,
    TxKey,
    TxState,
    UserKey,
    moment,
)
from p2p.roster import NoOffer
from p2p.store_keys import milliseconds

LEASE_MS: Final = 3_000
LEASE_BYTES: Final = 12
# Jobs that find nothing to do once their transaction has ended.
ENDING_JOBS: Final = ("attempt", "keep", "complete")
# Each loss means that somebody else got on; a handful of workers do not lose as often as this.
CHANGE_TRIES: Final = 32

T = TypeVar("T")
Fields = Mapping[str | bytes, str | int | float | bytes]
Change = Callable[[Tx, store.Pipeline], T | None]


@dataclass(frozen=True, slots=True)
class NewTx:
    """What a transaction begins with. `digest`: of its token, asked about again before each attempt.

    `tickets`: of its device's guards, sealed. `own`: of a direct one, the digest of the token that reaches
    the sender.
    """

    tx: TxKey
    owner: DeviceKey
    sender: UserKey
    recipient: UserKey | None
    digest: str
    tickets: tuple[str, ...] = ()
    own: str = ""


@dataclass(frozen=True, slots=True)
class NewPath:
    """A path about to be put. `links`: an open one for each hop, or None; empty for a path without links."""

    peers: tuple[Peer, ...]
    hops: tuple[HopKey, ...]
    links: tuple[LinkKey | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """A path that was put, and the offers that were taken for its links that are not open."""

    path: PathRecord
    offers: dict[LinkKey, Offer]


def start(new: NewTx, *, now: datetime, due: datetime) -> str:
    """Write a transaction's record and make it due; answers new, same, foreign or full."""
    listed_in = (store_keys.txs(new.owner), store_keys.reaching(new.digest))
    keys = (store_keys.tx(new.tx), *listed_in, deadlines.KEY)
    who = [new.tx, new.owner, new.sender, new.recipient or ""]
    args = [*who, now.timestamp(), due.timestamp(), milliseconds(store_keys.TX_TTL)]
    made_of = (new.digest, " ".join(new.tickets), new.own)
    return str(scripts.TX_START.run(keys, [*args, MAX_OPEN_TRANSACTIONS, *made_of]))


def read(tx_key: TxKey) -> Tx | None:
    """Read a transaction; None when it has ended or the store forgot it."""
    return to_tx(tx_key, store.client().hgetall(store_keys.tx(tx_key)))


@dataclass(frozen=True, slots=True)
class Lease:
    """A transaction, and the right to find a path for it; `token` is None if another worker is at it."""

    tx: Tx
    token: str | None


def lease(tx_key: TxKey) -> Lease | None:
    """Read a transaction; if it wants a path, keep other workers from finding one.

    For LEASE_MS, or until a path is put, or until `release`. None: the transaction has ended.
    """
    token = secrets.token_urlsafe(LEASE_BYTES)
    keys = [store_keys.finding(tx_key), store_keys.tx(tx_key)]
    is_mine, found = scripts.FIND_LEASE.run(keys, [token, LEASE_MS])
    tx = to_tx(tx_key, dict(zip(found[::2], found[1::2], strict=True)))
    return None if tx is None else Lease(tx, token if is_mine else None)


def release(leased: Lease) -> None:
    """Give a lease back."""
    scripts.FIND_RELEASE.run([store_keys.finding(leased.tx.tx)], [leased.token])


def change(tx_key: TxKey, decide: Change[T]) -> T | None:
    """Change a transaction as one step: `decide` queues writes for the record it is shown, or answers None.

    It is asked again when somebody else was faster. None: it said no, or the transaction has ended.

    Raises:
        WatchError: others were faster CHANGE_TRIES times; the transaction's deadline comes back to it.
    """
    with store.client().pipeline() as batch:
        for _ in range(CHANGE_TRIES):
            batch.watch(store_keys.tx(tx_key))
            # Between WATCH and MULTI a batch answers at once; its type does not say so.
            fields = cast("dict[str, str]", batch.hgetall(store_keys.tx(tx_key)))
            tx = to_tx(tx_key, fields)
            if tx is None:
                return None
            batch.multi()
            decided = decide(tx, batch)
            if decided is None:
                return None
            with contextlib.suppress(WatchError):
                batch.execute()
                return decided
    raise WatchError("others were always faster")


def queue_fields(batch: store.Pipeline, tx_key: TxKey, fields: Fields) -> None:
    """Queue a change of a transaction's fields."""
    batch.hset(store_keys.tx(tx_key), mapping=fields)
    batch.pexpire(store_keys.tx(tx_key), store_keys.TX_TTL)


def put(tx: Tx, new: NewPath, fields: Fields, *, now: datetime, due: datetime) -> Put | None:
    """Put a path for the next attempt and take the offers it needs, as one step; `due`: when it is looked at.

    None: another worker was faster, or nobody is to be reached any more.

    Raises:
        NoOffer: peers that need one have none; nothing was taken.
    """
    attempt = tx.attempt + 1
    names = [store_keys.tx(tx.tx), store_keys.path(tx.tx, attempt), store_keys.tx_hops(tx.tx)]
    names += [store_keys.finding(tx.tx), deadlines.KEY, store_keys.WAITING_FORWARDERS]
    lives = (store_keys.TX_TTL, store_keys.PATH_TTL, store_keys.PEER_TTL, store_keys.PENDING_LINK_TTL)
    times = [(now + store_keys.PATH_TTL).timestamp(), due.timestamp()]
    args = [scripts.PREFIX, tx.tx, tx.attempt, *map(milliseconds, lives), *times]
    args += [HOPS - len(new.hops), len(new.hops), *(peer.peer for peer in new.peers), *_hop_args(new)]
    args += itertools.chain.from_iterable(fields.items())
    answer = scripts.PATH_PUT.run([*names, store_keys.avoided(tx.tx)], args)
    if answer is None:
        return None
    outcome, *rest = answer
    if outcome == "empty":
        raise NoOffer([new.peers[int(at)].peer for at in rest])
    return _to_put(new, rest[::2], rest[1::2])


def _hop_args(new: NewPath) -> Iterator[str]:
    """Give for each hop the device it leads to, its id, its open link, an id for a link to be made."""
    for at, hop in enumerate(new.hops):
        link = new.links[at] if new.links else ""
        fresh = b64_text(secrets.token_bytes(ids.LINK_ID_BYTES)) if link is None else ""
        yield from (new.peers[at + 1].device, hop, link or "", fresh)


def _to_put(new: NewPath, links: Sequence[str], offers: Sequence[str]) -> Put:
    path = PathRecord(
        peers=tuple(peer.peer for peer in new.peers),
        hops=new.hops,
        links=tuple(LinkKey(link) for link in links if link),
    )
    taken = zip(links, offers, strict=True)
    return Put(path, {LinkKey(link): json.loads(offer) for link, offer in taken if offer})


def queue_hop(batch: store.Pipeline, hop_key: HopKey, hop: Hop) -> None:
    """Queue the record of a hop."""
    name = store_keys.hop(hop_key)
    fields: Fields = {
        "tx": hop.tx,
        "attempt": hop.attempt,
        "position": hop.position,
        "from": hop.from_peer,
        "to": hop.to_device,
    }
    batch.hset(name, mapping=fields)
    batch.expire(name, store_keys.TX_TTL)


def queue_pending_link(
    batch: store.Pipeline, link: LinkKey, ends: Sequence[PeerId], *, more: Fields | None = None
) -> None:
    """Queue a link that the first of its ends makes by its offer."""
    fields: Fields = {
        "a": ends[0],
        "b": ends[1],
        "state": "pending",
        "up_a": "",
        "up_b": "",
        "answered": "",
        **(more or {}),
    }
    batch.hset(store_keys.link(link), mapping=fields)
    batch.expire(store_keys.link(link), store_keys.PENDING_LINK_TTL)


def read_path(tx_key: TxKey, attempt: int) -> PathRecord | None:
    """Read the path of an attempt; None when it is over."""
    fields = store.client().hgetall(store_keys.path(tx_key, attempt))
    if not fields:
        return None
    return PathRecord(
        peers=tuple(PeerId(text) for text in fields["peers"].split()),
        hops=tuple(HopKey(text) for text in fields["hops"].split()),
        links=tuple(LinkKey(text) for text in fields["links"].split()),
    )


def queue_path_removal(batch: store.Pipeline, tx: Tx, path: PathRecord | None) -> None:
    """Queue the end of an attempt's path. The last hop stays known: receipts are good until the end."""
    batch.delete(store_keys.path(tx.tx, tx.attempt))
    if path is None:
        return
    for peer_id in path.peers:
        batch.zrem(store_keys.hops(peer_id), *path.hops)
    if not path.is_direct:
        batch.delete(*(store_keys.hop(hop) for hop in path.hops[:-1]))
        batch.srem(store_keys.tx_hops(tx.tx), *path.hops[:-1])


def end(tx_key: TxKey) -> Tx | None:
    """Remove everything that names a transaction, its ends or its paths (invariant 3); None: it has ended."""
    names = [store_keys.tx(tx_key), deadlines.KEY, store_keys.WAITING_FORWARDERS]
    found = scripts.TX_END.run(names, [scripts.PREFIX, tx_key, *(f"{kind}:{tx_key}" for kind in ENDING_JOBS)])
    return None if found is None else to_tx(tx_key, dict(zip(found[::2], found[1::2], strict=True)))


def queue_avoidance(
    batch: store.Pipeline, tx_key: TxKey, peer_ids: Collection[PeerId], links: Collection[LinkKey] = ()
) -> None:
    """Queue that the transaction's next paths go around peers, if there are others, and use no such link."""
    if peer_ids or links:
        batch.sadd(store_keys.avoided(tx_key), *peer_ids, *links)
        batch.expire(store_keys.avoided(tx_key), store_keys.TX_TTL)


def live_attempts(peer_id: PeerId) -> set[tuple[TxKey, int]]:
    """List the attempts whose path a peer is on."""
    hops = store.client().zrange(store_keys.hops(peer_id), 0, -1)
    with store.client().pipeline(transaction=False) as batch:
        for hop_key in hops:
            batch.hmget(store_keys.hop(HopKey(hop_key)), ["tx", "attempt"])
        found = batch.execute()
    return {(TxKey(tx), int(attempt)) for tx, attempt in found if tx}


def to_hop(fields: dict[str, str]) -> Hop | None:
    """Read a hop's record."""
    if not fields:
        return None
    return Hop(
        tx=TxKey(fields["tx"]),
        attempt=int(fields["attempt"]),
        position=int(fields["position"]),
        from_peer=PeerId(fields["from"]),
        to_device=DeviceKey(fields["to"]),
    )


def to_tx(tx_key: TxKey, fields: dict[str, str]) -> Tx | None:
    """Read a transaction's record."""
    if not fields:
        return None
    return Tx(
        tx=tx_key,
        owner=DeviceKey(fields["owner"]),
        sender=UserKey(fields["sender"]),
        recipient=UserKey(fields["recipient"]) if fields["recipient"] else None,
        digest=fields["digest"],
        state=TxState(fields["state"]),
        attempt=int(fields["attempt"]),
        tries=int(fields["tries"]),
        device=DeviceKey(fields["device"]) if fields["device"] else None,
        credited=moment(fields["credited"]),
        not_before=moment(fields["not_before"]),
        opened=moment(fields["opened"]),
        aged=moment(fields["aged"]),
        used=moment(fields["used"]),
        receipted=fields["receipted"] == "1",
        cause=fields["cause"],
        told=fields["told"],
        minute=int(fields["minute"]),
        spent=int(fields["spent"]),
        misses=int(fields["misses"]),
        look_at=moment(fields["look_at"]),
        woken=int(fields["woken"]),
        tickets=tuple(fields["tickets"].split()),
        own=fields["own"],
    )
