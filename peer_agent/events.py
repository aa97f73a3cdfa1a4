"""What happens in a peer, as typed events with a time; `--json` prints each as one object.

Spec: docs/spec/agent.md, section "Events"
"""

import asyncio
import dataclasses
import weakref
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from p2p.protocol.fields import b64_text
from p2p.protocol.ids import HopId, LinkId

QUEUED_EVENTS = 4_096


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; NAME is its word in `--json`."""

    NAME: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class SessionOpened(Event):
    """The session socket is open and the server knows this peer."""

    NAME = "session_opened"
    resumed: bool


@dataclass(frozen=True, slots=True)
class SessionClosed(Event):
    """The session socket is closed; the peer tries again after `retry_s`."""

    NAME = "session_closed"
    cause: str
    retry_s: float


@dataclass(frozen=True, slots=True)
class Online(Event):
    """The server has this peer's presence and stock of offers."""

    NAME = "online"
    offers: int
    forwards: bool


@dataclass(frozen=True, slots=True)
class LinkOpened(Event):
    """A link is open."""

    NAME = "link_opened"
    link: LinkId


@dataclass(frozen=True, slots=True)
class LinkClosed(Event):
    """A link has closed, or could not be opened."""

    NAME = "link_closed"
    link: LinkId


@dataclass(frozen=True, slots=True)
class HopReady(Event):
    """This peer was given a place on a path; nothing says which."""

    NAME = "hop_ready"
    incoming: HopId
    outgoing: HopId


@dataclass(frozen=True, slots=True)
class CellsPassed(Event):
    """The first cell of a hop was opened here."""

    NAME = "cells_passed"
    incoming: HopId
    outgoing: HopId
    cells: int


@dataclass(frozen=True, slots=True)
class HopEnded(Event):
    """A hop is over."""

    NAME = "hop_ended"
    incoming: HopId
    outgoing: HopId
    cells: int


@dataclass(frozen=True, slots=True)
class GuardTaken(Event):
    """A new guard was taken: so many there are, and so many more may come without the user's word."""

    NAME = "guard_taken"
    guards: int
    left: int


@dataclass(frozen=True, slots=True)
class GuardLink(Event):
    """A standing link with a guard is open."""

    NAME = "guard_link"
    link: LinkId


class LimitCause(StrEnum):
    """What needs the user's word: the server names one guard more, or too few are there and none may come."""

    OFFERED = "offered"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class GuardsLimit(Event):
    """This device had as many guards in 30 days as it may; it takes no other without the user's word."""

    NAME = "guards_limit"
    limit: int
    cause: LimitCause


@dataclass(frozen=True, slots=True)
class ContactAsked(Event):
    """Somebody asks to become a contact."""

    NAME = "contact_asked"
    user: str


@dataclass(frozen=True, slots=True)
class ContactAdded(Event):
    """A contact was accepted, on either side."""

    NAME = "contact_added"
    user: str


@dataclass(frozen=True, slots=True)
class ContactUnsafe(Event):
    """Keys of a contact do not match what was pinned: nothing is sent to it."""

    NAME = "contact_unsafe"
    user: str


@dataclass(frozen=True, slots=True)
class UserIgnored(Event):
    """The user let a contact request be."""

    NAME = "user_ignored"
    user: str


@dataclass(frozen=True, slots=True)
class UserBlocked(Event):
    """The user wants nothing more from somebody: nothing comes in, nothing goes out."""

    NAME = "user_blocked"
    user: str


@dataclass(frozen=True, slots=True)
class UserUnblocked(Event):
    """The user lets somebody in again."""

    NAME = "user_unblocked"
    user: str


@dataclass(frozen=True, slots=True)
class ContactRenewed(Event):
    """The identity of a contact went on as its owner signed: so many devices came, so many went."""

    NAME = "contact_renewed"
    user: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class DirectWish(Event):
    """A contact asks for direct links: with a yes each learns the other's address."""

    NAME = "direct_wish"
    user: str


@dataclass(frozen=True, slots=True)
class DirectAgreed(Event):
    """A contact agreed to direct links, as this user did before."""

    NAME = "direct_agreed"
    user: str


@dataclass(frozen=True, slots=True)
class DirectEnded(Event):
    """A contact wants no direct links, or no more."""

    NAME = "direct_ended"
    user: str


@dataclass(frozen=True, slots=True)
class DirectUnsafe(Event):
    """Somebody stood between on the way to a direct link; nothing was sent, and none is made any more."""

    NAME = "direct_unsafe"
    user: str


@dataclass(frozen=True, slots=True)
class MessageProgress(Event):
    """A message of ours changed its state; `forwarders` of three are there while it waits for them."""

    NAME = "message_progress"
    number: int
    to: str
    state: str
    attempt: int
    hops: tuple[HopId, ...] = ()
    waits_for: str | None = None
    forwarders: int | None = None
    direct: bool = False


class FalseWord(StrEnum):
    """What was claimed falsely."""

    RECEIPT = "receipt"
    END = "end"
    PREKEYS = "prekeys"


@dataclass(frozen=True, slots=True)
class FalseClaim(Event):
    """Somebody, most likely the server, claimed about our messages to a contact what is not so.

    number: the message whose receipt is false; None when a transaction was called complete that is not, or
    prekeys a contact's that are not.
    """

    NAME = "false_claim"
    what: FalseWord
    to: str
    number: int | None


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """A message came and may be shown: events come in the order its sender gave."""

    NAME = "message_received"
    number: int
    sender: str
    text: str
    sent_at_ms: int


@dataclass(frozen=True, slots=True)
class MessageMissing(Event):
    """A message that others follow did not come; if it still does, it has this number."""

    NAME = "message_missing"
    number: int
    sender: str


@dataclass(frozen=True, slots=True)
class DiskFull(Event):
    """Something that came could not be stored: there is no space left. It comes again; nothing is lost."""

    NAME = "disk_full"


@dataclass(frozen=True, slots=True)
class EventsLost(Event):
    """A reader was too slow, and the oldest events are gone; messages are in the store all the same."""

    NAME = "events_lost"
    count: int


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event and its Unix time in seconds."""

    time: float
    event: Event

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints: `event`, `time`, then the event's own keys."""
        fields = {
            field.name: _plain(getattr(self.event, field.name)) for field in dataclasses.fields(self.event)
        }
        return {"event": self.event.NAME, "time": round(self.time, 6), **fields}


class Events:
    """Hands every event to every reader; a slow reader loses its oldest ones and is told."""

    def __init__(self, unix: Callable[[], float]) -> None:
        self._unix = unix
        # Weak: a loop that was left without its block keeps nothing.
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()

    def publish(self, event: Event) -> None:
        timed = TimedEvent(self._unix(), event)
        for reader in self._readers:
            reader.put(timed)

    def read(self) -> "EventStream":
        """Start reading; events from this moment on are kept for the reader."""
        reader = _Reader()
        self._readers.add(reader)
        return EventStream(reader, lambda: self._readers.discard(reader))

    def close(self) -> None:
        """End all streams once they are read empty."""
        for reader in tuple(self._readers):
            reader.put(None)


class _Reader:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[TimedEvent | None] = asyncio.Queue(QUEUED_EVENTS)
        self.lost = 0

    def put(self, event: TimedEvent | None) -> None:
        while self.queue.full():
            self.queue.get_nowait()
            self.lost += 1
        self.queue.put_nowait(event)


class EventStream:
    """An async iterator over events; leave it by its `async with` block."""

    def __init__(self, reader: _Reader, forget: Callable[[], None]) -> None:
        self._reader = reader
        self._forget = forget
        self._held_back: TimedEvent | None = None

    async def __aenter__(self) -> "EventStream":
        return self

    async def __aexit__(self, *error: object) -> None:
        self._forget()

    def __aiter__(self) -> AsyncIterator[TimedEvent]:
        return self

    async def __anext__(self) -> TimedEvent:
        event, self._held_back = self._held_back or await self._reader.queue.get(), None
        if event is None:
            raise StopAsyncIteration
        if self._reader.lost:
            lost, self._reader.lost = self._reader.lost, 0
            self._held_back = event
            return TimedEvent(event.time, EventsLost(lost))
        return event


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b64_text(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
