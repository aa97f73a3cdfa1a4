"""What the store holds, as values. Ids are text here, as in JSON and in the store.

Spec: docs/spec/store.md
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NewType, TypedDict
from uuid import UUID

from p2p.protocol.ids import TransactionId
from p2p.protocol.limits import HOPS

PeerId = NewType("PeerId", str)
UserKey = NewType("UserKey", str)
DeviceKey = NewType("DeviceKey", str)
TxKey = NewType("TxKey", str)
LinkKey = NewType("LinkKey", str)
HopKey = NewType("HopKey", str)


class TxState(StrEnum):
    """States of a transaction. `idle`: its path ran out of use and its sender has not asked for another."""

    WAITING = "waiting"
    FINDING = "finding"
    OPEN = "open"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Peer:
    """One live connection of a device. `closed` is set while its socket is gone.

    `known`: from when others may notice that it is online. `since`: when it came online. `is_guarded`: its
    guards were looked after.
    """

    peer: PeerId
    user: UserKey
    device: DeviceKey
    network: str
    onion_key: str
    closed: datetime | None
    known: datetime | None
    since: datetime | None = None
    is_guarded: bool = False

    @property
    def is_reachable(self) -> bool:
        """Whether it has an open socket and has said how to reach it."""
        return self.closed is None and bool(self.onion_key)

    def is_known(self, now: datetime) -> bool:
        """Whether the delay is over after which others learn that it came online."""
        return self.known is not None and self.known <= now


@dataclass(frozen=True, slots=True)
class Tx:
    """A transaction that has not ended.

    `credited`: the last receipt, or the start. Of the present path: `opened`, `used` (last receipt or
    keepalive) and `aged`, from when its age counts. `told`: what its sender was told it waits for. `digest`:
    of its token. `spent`: attempts that began in `minute`, counted from 1970. `not_before`: the earliest time
    for an attempt; `look_at`: when one that waits looks again by itself; `misses`: looks in vain since the
    last path; `woken`: how often it was woken; `tickets`: of its device's guards, sealed. `own`: of a direct
    transaction, the digest of the token that reaches its sender; else empty.
    """

    tx: TxKey
    owner: DeviceKey
    sender: UserKey
    recipient: UserKey | None
    digest: str
    state: TxState
    attempt: int
    tries: int
    device: DeviceKey | None
    credited: datetime
    not_before: datetime
    opened: datetime
    aged: datetime
    used: datetime
    receipted: bool
    cause: str
    told: str
    minute: int
    spent: int
    misses: int
    look_at: datetime
    woken: int
    tickets: tuple[str, ...] = ()
    own: str = ""

    @property
    def id(self) -> TransactionId:
        """Its id as frames have it."""
        return TransactionId(UUID(self.tx))


@dataclass(frozen=True, slots=True)
class PathRecord:
    """A path: five peers, four hops between them, and the link of each hop. A direct one: two, one, no link.

    Positions of hops count so that the last hop has the same on every path.
    """

    peers: tuple[PeerId, ...]
    hops: tuple[HopKey, ...]
    links: tuple[LinkKey, ...]

    @property
    def is_direct(self) -> bool:
        """Whether nobody stands between its ends."""
        return len(self.hops) == 1

    @property
    def positions(self) -> range:
        """The position of each hop."""
        return range(HOPS - len(self.hops), HOPS)


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of one attempt: whose outgoing hop it is, and the device it leads to."""

    tx: TxKey
    attempt: int
    position: int
    from_peer: PeerId
    to_device: DeviceKey


class Offer(TypedDict):
    """One ready WebRTC offer, as it lies in a peer's stock."""

    id: str
    sdp: str


def moment(text: str) -> datetime:
    """Read a time as the store holds it: seconds since 1970."""
    return datetime.fromtimestamp(float(text), UTC)
