"""What can happen to the transaction that carries the messages for one contact, as values.

Spec: docs/spec/outbox.md, section "Events"
"""

from dataclasses import dataclass

from p2p.protocol.ids import TransactionId
from p2p.protocol.to_peer import AttemptFailed, TransactionEnded
from p2p.protocol.words import Cause, EndState, TransactionState


@dataclass(frozen=True, slots=True)
class TimePassed:
    """It is later than before; follows every other event, too."""


@dataclass(frozen=True, slots=True)
class SocketOpened:
    """The session socket is greeted."""


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """The session socket is gone."""


@dataclass(frozen=True, slots=True)
class ContactCame:
    """The contact came online."""


@dataclass(frozen=True, slots=True)
class MessageQueued:
    """A message was stored; it goes out after those before it."""

    number: int


@dataclass(frozen=True, slots=True)
class CellsSent:
    """The first link took cells of a message, up to but not including `until`."""

    number: int
    until: int
    total: int


@dataclass(frozen=True, slots=True)
class CellsCredited:
    """The receiver has the cells of a message up to and including an index."""

    number: int
    index: int


@dataclass(frozen=True, slots=True)
class MessageReceipted:
    """A verified receipt came, over whichever attempt."""

    number: int


@dataclass(frozen=True, slots=True)
class StartTaken:
    """The server took the transaction."""

    tx: TransactionId


@dataclass(frozen=True, slots=True)
class StartRefused:
    """The server did not take it, and wants to be left alone for a while."""

    tx: TransactionId
    at_least_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PathGiven:
    """There is a path."""

    tx: TransactionId
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """The path is gone, or there are too few forwarders for one; the server goes on by itself."""

    tx: TransactionId
    attempt: int
    forwarders: int | None = None


@dataclass(frozen=True, slots=True)
class PathLetGo:
    """The path was not used for long enough, and no other follows by itself."""

    tx: TransactionId
    attempt: int


@dataclass(frozen=True, slots=True)
class Completed:
    """The server has ended the transaction, as it was asked to."""

    tx: TransactionId


@dataclass(frozen=True, slots=True)
class Failed:
    """The server has given the transaction up."""

    tx: TransactionId


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot names the transaction."""

    state: TransactionState
    attempt: int


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A snapshot does not name the transaction."""


@dataclass(frozen=True, slots=True)
class StoreLost:
    """The server has forgotten every transaction."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Keys do not match what was pinned: nothing goes out any more."""


OfTransaction = StartTaken | StartRefused | PathGiven | AttemptLost | PathLetGo | Completed | Failed
OfMessage = MessageQueued | CellsSent | CellsCredited | MessageReceipted
OfServer = TimePassed | SocketOpened | SocketClosed | ContactCame | Listed | Unlisted | StoreLost | Blocked
Event = OfTransaction | OfMessage | OfServer


def attempt_over(frame: AttemptFailed) -> AttemptLost | PathLetGo:
    """What the end of an attempt means for the outbox."""
    if frame.cause is Cause.IDLE:
        return PathLetGo(frame.tx, frame.attempt)
    forwarders = frame.forwarders if frame.cause is Cause.TOO_FEW_FORWARDERS else None
    return AttemptLost(frame.tx, frame.attempt, forwarders)


def transaction_over(frame: TransactionEnded) -> Completed | Failed:
    """What the end of a transaction means for the outbox."""
    return Completed(frame.tx) if frame.state is EndState.COMPLETED else Failed(frame.tx)
