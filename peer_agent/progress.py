"""Words for where a message of ours is, and for what its outbox has to do next.

Spec: docs/spec/outbox.md
"""

from dataclasses import dataclass
from enum import StrEnum

from p2p.protocol.ids import TransactionId


class MessageState(StrEnum):
    """Where a message of ours is."""

    QUEUED = "queued"
    WAITING = "waiting"
    PATH = "path"
    SENT = "sent"
    DELIVERED = "delivered"
    BLOCKED = "blocked"


class WaitsFor(StrEnum):
    """What a waiting message waits for, as far as this side knows."""

    PATH = "path"
    CONTACT = "contact"
    FORWARDERS = "forwarders"


@dataclass(frozen=True, slots=True)
class Start:
    """Start this transaction at the server, and say whether it took it."""

    tx: TransactionId


@dataclass(frozen=True, slots=True)
class AskRepath:
    """Ask for another path for a transaction."""

    tx: TransactionId
    attempt: int


@dataclass(frozen=True, slots=True)
class End:
    """Tell the server that a transaction is needed no longer."""

    tx: TransactionId


@dataclass(frozen=True, slots=True)
class Tell:
    """Report a message's progress; `forwarders` of three are there while it waits for them."""

    number: int
    state: MessageState
    attempt: int
    waits_for: WaitsFor | None = None
    forwarders: int | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """Send every message again, over this attempt; 0 stands for none."""

    attempt: int


@dataclass(frozen=True, slots=True)
class TellFirst:
    """Report the message that goes next."""

    state: MessageState


@dataclass(frozen=True, slots=True)
class TellAll:
    """Report every message, those with nothing new left out."""

    state: MessageState
    waits_for: WaitsFor | None = None
    forwarders: int | None = None


@dataclass(frozen=True, slots=True)
class Clear:
    """Let every message go."""


Step = Start | AskRepath | End | Tell
FlightCommand = Begin | TellFirst | TellAll | Clear
Command = Start | AskRepath | End | FlightCommand
