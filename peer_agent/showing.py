"""Messages on their way from the store to a person: each is shown at least once, always under its number.

What may be shown is *ready* in the store until somebody showed it; events only say that there is something.

Spec: docs/spec/agent.md, section "Showing messages"
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from peer_agent.books import Books
from peer_agent.crypto.messages import Text
from peer_agent.errors import StoreFull
from peer_agent.events import Event, EventsLost, EventStream, MessageMissing, MessageReceived, TimedEvent
from peer_agent.history import Entry, Gap, Kept, Stored

NEWER_VERSION = "(this message needs a newer version of Mesa)"
READ_AT_ONCE = 256
# Of more the first are shown once more, under their numbers.
UNNOTED = 4_096


class Unshown:
    """What came, may be shown, and was not shown yet."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def first(self) -> list[Event]:
        """The first of them: each conversation in its order."""
        # A blocked contact's wait until it is let in again.
        blocked = [contact.number for contact in self._books.contacts.all() if contact.is_blocked]
        found = self._books.history.unshown(READ_AT_ONCE, without=blocked)
        return [shown_as(self._books.contacts.get(entry.contact).username, entry) for entry in found]

    def count(self) -> int:
        """How many messages wait to be shown."""
        return self._books.history.count(Kept.READY)

    def holds(self, event: MessageReceived | MessageMissing) -> bool:
        """Tell whether a message still waits to be shown."""
        contact = self._books.contacts.find(event.sender)
        if contact is None or contact.is_blocked:
            return False
        return self._books.history.is_in(contact.number, event.number, _state_of(event))

    def showed(self, event: MessageReceived | MessageMissing) -> None:
        """Note that a message was shown."""
        contact = self._books.contacts.find(event.sender)
        if contact is not None:
            self._books.history.showed(contact.number, event.number, _state_of(event))


class ShowingStream:
    """All events, for the one reader that shows messages: first those that wait, then those that come.

    A message counts as shown when the reader asks for the next event, or leaves the block without an error.
    """

    def __init__(self, unshown: Unshown, stream: EventStream, unix: Callable[[], float]) -> None:
        self._unshown = unshown
        self._stream = stream
        self._unix = unix
        self._in_hand: MessageReceived | MessageMissing | None = None
        # What could not be noted yet, because the disk is full.
        self._showed: deque[MessageReceived | MessageMissing] = deque(maxlen=UNNOTED)
        self._read_from_store()

    async def __aenter__(self) -> "ShowingStream":
        return self

    async def __aexit__(self, error: object, *more: object) -> None:
        if error is None:
            self._put_down()
        await self._stream.__aexit__(error, *more)

    def __aiter__(self) -> AsyncIterator[TimedEvent]:
        return self

    async def __anext__(self) -> TimedEvent:
        self._put_down()
        while True:
            timed = self._from_store()
            if timed is None:
                timed = await anext(self._stream)
            event = timed.event
            if isinstance(event, EventsLost):
                self._read_from_store()
            elif isinstance(event, MessageReceived | MessageMissing):
                if event in self._showed or not self._unshown.holds(event):
                    continue
                self._in_hand = event
            return timed

    def _put_down(self) -> None:
        """What was in the reader's hand has been shown."""
        if self._in_hand is not None:
            self._showed.append(self._in_hand)
            self._in_hand = None
        with contextlib.suppress(StoreFull):
            while self._showed:
                self._unshown.showed(self._showed[0])
                self._showed.popleft()

    def _from_store(self) -> TimedEvent | None:
        if not self._waiting and self._is_more_waiting:
            self._read_from_store()
        return TimedEvent(self._unix(), self._waiting.popleft()) if self._waiting else None

    def _read_from_store(self) -> None:
        self._waiting = deque(self._unshown.first())
        self._is_more_waiting = len(self._waiting) == READ_AT_ONCE


class PeerEvents:
    """What happens, for the program that handles it: first what waits already, then what comes.

    A message counts as handled when the next event is asked for, or when the stream's own `async with`
    block is left without an error; until then it comes again with the next run, under its number. A program
    that is too slow loses the oldest events, but neither messages nor requests: after `EventsLost` they are
    read again from the store. The stream ends when the peer closes.
    """

    def __init__(
        self, stream: ShowingStream, requests: Callable[[], list[Event]], is_open: Callable[[], bool]
    ) -> None:
        self._stream = stream
        self._requests = requests
        self._is_open = is_open
        self._waiting = deque(requests())

    async def __aenter__(self) -> "PeerEvents":
        return self

    async def __aexit__(self, error: object, *more: object) -> None:
        if self._is_open():
            await self._stream.__aexit__(error, *more)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if not self._is_open():
            raise StopAsyncIteration
        if self._waiting:
            return self._waiting.popleft()
        event = (await anext(self._stream)).event
        if isinstance(event, EventsLost):
            self._waiting = deque(self._requests())
        return event


def shown_as(username: str, entry: Entry) -> MessageReceived | MessageMissing:
    """A message of a contact's, or a gap, as it is shown."""
    if isinstance(entry, Gap):
        return MessageMissing(entry.number, username)
    return MessageReceived(entry.number, username, text_of(entry), entry.message.sent_ms)


def text_of(stored: Stored) -> str:
    """The text to show for a message."""
    content = stored.message.content
    return content.text if isinstance(content, Text) else NEWER_VERSION


def _state_of(event: MessageReceived | MessageMissing) -> Kept:
    return Kept.GAP if isinstance(event, MessageMissing) else Kept.READY
