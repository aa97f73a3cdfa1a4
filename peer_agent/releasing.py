"""Lets messages that were held be shown, in slices: whoever sends much that waits stops nobody else (T-14).

Spec: docs/spec/agent.md, section "Order of messages"
"""

import heapq
from collections import deque

from peer_agent.books import Books
from peer_agent.clock import MS_PER_S, Clock
from peer_agent.history import Entry, Kept, Stored

# As long as a post waits in a mailbox: a sender that still has the message has sent it again long before.
HOLD_S = 14 * 86_400.0
RELEASED_AT_ONCE = 64
FOLLOWERS_AT_ONCE = 512

_Order = tuple[int, bytes]
_Free = list[tuple[_Order, int, Stored]]


class Releasing:
    """What waits no longer, of each contact in its sender's order."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._held = books.held
        self._clock = clock
        # Who is waited for no longer, though not all came. After a crash they are found again by `look`.
        self._given_up: dict[int, deque[tuple[_Order, int]]] = {}

    def pending(self) -> list[int]:
        """Numbers of the contacts of whom something is to be released."""
        return sorted({*self._held.contacts_with_followers(), *self._given_up})

    def look(self, contact: int) -> None:
        """Give up waiting: for all before a message that is overdue, and for the first half of too many."""
        if contact in self._given_up or not self._has_to_give_up(contact):
            return
        held = sorted(
            (stored.order, stored.number, stored.received_ms) for stored in self._books.history.held(contact)
        )
        overdue = [place for place, each in enumerate(held, 1) if each[2] <= self._overdue_ms]
        # Half of them: to find the first, all were opened, and that must not come with every message.
        surplus = -(-len(held) // 2) if self._held.load(contact).is_over else 0
        count = max([surplus, *overdue])
        self._given_up[contact] = deque((order, number) for order, number, _ in held[:count])

    def release(self, contact: int) -> list[Entry]:
        """Make a slice ready, inside a transaction of the caller's; `pending` tells whether there is more."""
        released: list[Entry] = []
        free: _Free = []
        rows = FOLLOWERS_AT_ONCE
        while rows > 0 and len(released) < RELEASED_AT_ONCE:
            rows -= self._collect(contact, free, rows)
            following = self._next(contact, free)
            if not following:
                break
            released += following
        while free:
            released.append(self._let_go(heapq.heappop(free)[2]))
        if not self._given_up.get(contact):
            self._given_up.pop(contact, None)
        return released

    def forget(self, contact: int) -> None:
        """Forget whom nobody waits for: what `release` did was not committed. `look` finds them again."""
        self._given_up.pop(contact, None)

    def _collect(self, contact: int, free: _Free, rows: int) -> int:
        """Find who waits for nothing any more; returns how many were looked at."""
        looked_at = 0
        while looked_at < rows and len(free) < RELEASED_AT_ONCE:
            followers = self._held.followers(contact, RELEASED_AT_ONCE - len(free))
            if followers is None:
                break
            looked_at += 1 + len(followers)
            for number in followers:
                if not self._held.is_waiting(contact, number):
                    stored = self._books.history.get(contact, number)
                    heapq.heappush(free, (stored.order, number, stored))
        return looked_at

    def _next(self, contact: int, free: _Free) -> list[Entry]:
        """Let the next one go, in order, with the gaps before it; an empty list: there is none."""
        given_up = self._given_up.get(contact, deque())
        while given_up and not (free and free[0][0] <= given_up[0][0]):
            _, number = given_up.popleft()
            if self._books.history.is_in(contact, number, Kept.HELD):
                return self._give_up(self._books.history.get(contact, number))
        return [self._let_go(heapq.heappop(free)[2])] if free else []

    def _give_up(self, stored: Stored) -> list[Entry]:
        entries: list[Entry] = []
        for message in self._held.awaited_by(stored.contact, stored.number):
            gap = self._books.history.leave_gap(stored.contact, message)
            if gap is not None:
                entries.append(gap)
                self._held.came(stored.contact, message)
        return [*entries, self._let_go(stored)]

    def _let_go(self, stored: Stored) -> Stored:
        self._held.remove(stored.contact, stored.number)
        self._held.came(stored.contact, stored.message.message_id)
        return self._books.history.mark(stored, Kept.READY)

    def _has_to_give_up(self, contact: int) -> bool:
        # Numbers rise as messages come, so the first is the oldest: a gap that is filled is held no more.
        oldest = next(self._books.history.held(contact, limit=1), None)
        is_overdue = oldest is not None and oldest.received_ms <= self._overdue_ms
        return is_overdue or self._held.load(contact).is_over

    @property
    def _overdue_ms(self) -> int:
        return self._clock.unix_ms() - int(HOLD_S * MS_PER_S)
