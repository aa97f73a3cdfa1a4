"""Messages of both sides in the store, numbered per contact, and the order in which they are shown.

Spec: docs/spec/agent.md, section "Order of messages"
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from peer_agent.crypto.messages import MAX_SEEN, Content, Message, MessageId, create_message
from peer_agent.held import Held
from peer_agent.opened_records import OpenedRecords
from peer_agent.store import Store, row_key

TABLE = "messages"
TIME_BYTES = 8
KEPT_OPEN = 64
# SQLite, left to itself, walks through all messages with the contact.
_BY_ID = "messages INDEXED BY messages_id"
_BY_STATE = "messages INDEXED BY messages_state"
_BY_SIDE = "messages INDEXED BY messages_side"
_EITHER_SIDE = "outgoing IN (0, 1)"


class Kept(StrEnum):
    """Where a stored message stands. What came goes held → ready → shown; a gap gap → missing, or → ready.

    Undelivered direct: it waits for a direct link, and goes no other way.
    """

    UNDELIVERED = "undelivered"
    UNDELIVERED_DIRECT = "undelivered_direct"
    DELIVERED = "delivered"
    HELD = "held"
    READY = "ready"
    SHOWN = "shown"
    GAP = "gap"
    MISSING = "missing"
    SILENT = "silent"


GAPS = (Kept.GAP, Kept.MISSING)
# Ours without a receipt.
WAITING = (Kept.UNDELIVERED, Kept.UNDELIVERED_DIRECT)
AFTER_SHOWING = {Kept.READY: Kept.SHOWN, Kept.GAP: Kept.MISSING}


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the store. `number` counts the messages with one contact, of both sides."""

    contact: int
    number: int
    is_outgoing: bool
    state: Kept
    message: Message
    received_ms: int = 0

    @property
    def order(self) -> tuple[int, bytes]:
        """The place its sender gave it."""
        return (self.message.sent_ms, self.message.message_id)


@dataclass(frozen=True, slots=True)
class Gap:
    """The place of a message that others follow, and that did not come for as long as they were held."""

    contact: int
    number: int
    state: Kept


Entry = Stored | Gap


class History:
    """All messages. Writes belong into a transaction of the caller's."""

    def __init__(self, store: Store, held: Held) -> None:
        self._store = store
        self._held = held
        # When it came, and the message, by contact and number.
        self._opened = OpenedRecords[tuple[int, int], tuple[int, Message]](KEPT_OPEN)

    def write(self, contact: int, content: Content, *, now_ms: int, state: Kept = Kept.UNDELIVERED) -> Stored:
        """Keep a message of ours: later than all before it, and knowing what it follows."""
        last = self._last_outgoing(contact)
        sent_ms = now_ms if last is None else max(now_ms, last.message.sent_ms + 1)
        message = create_message(content, now_ms=sent_ms, seen=self._seen(contact, last))
        return self._insert(contact, message, is_outgoing=True, state=state, now_ms=now_ms)

    def receive(
        self, contact: int, message: Message, *, now_ms: int, is_silent: bool = False
    ) -> Stored | None:
        """Keep a message of the contact's, held while it has to wait; None if it was here before.

        One that comes after its gap takes the gap's number, and waits for nothing: what follows was shown.
        """
        row = self._store.row(
            f"SELECT number, state FROM {_BY_ID} WHERE contact = ? AND outgoing = 0 AND message = ?",  # noqa: S608  words of this module
            (contact, message.message_id),
        )
        if row is not None and row[1] not in GAPS:
            return None
        if row is not None:
            late = Kept.SILENT if is_silent else Kept.READY
            return self._fill(Stored(contact, row[0], False, late, message, now_ms))
        awaited = [] if is_silent else self._awaited(contact, message)
        state = Kept.SILENT if is_silent else Kept.HELD if awaited else Kept.READY
        stored = self._insert(contact, message, is_outgoing=False, state=state, now_ms=now_ms)
        if awaited:
            self._held.add(contact, stored.number, awaited)
        return stored

    def get(self, contact: int, number: int) -> Stored:
        rows = self._select("contact = ? AND number = ?", contact, number)
        return next(rows)

    def followable(self, stored: Stored, first: int) -> Stored:
        """A message of ours as it is sealed for devices that have no others than these.

        Those from `first` on, and those that have no receipt yet: for the rest they would wait in vain.
        """
        seen, marks = stored.message.seen, ", ".join("?" * len(stored.message.seen))
        sql = (
            f"SELECT message FROM {_BY_ID} WHERE contact = ? AND {_EITHER_SIDE} AND message IN ({marks})"  # noqa: S608  words of this module
            " AND (number >= ? OR state IN (?, ?))"
        )
        there = {row[0] for row in self._store.rows(sql, (stored.contact, *seen, first, *WAITING))}
        named = tuple(each for each in seen if each in there)
        return replace(stored, message=replace(stored.message, seen=named))

    def undelivered(self, contact: int, state: Kept = Kept.UNDELIVERED) -> list[Stored]:
        """Messages of ours without a receipt, in the order they were written."""
        return list(self._in_state(state, contact))

    def contacts_with(self, state: Kept) -> list[int]:
        """Numbers of the contacts that have a message in this state."""
        rows = self._store.rows("SELECT DISTINCT contact FROM messages WHERE state = ?", (state,))
        return [row[0] for row in rows]

    def held(self, contact: int, *, limit: int = -1) -> Iterator[Stored]:
        """Messages that came and may not be shown yet, in the order they came; a negative limit is none."""
        return self._in_state(Kept.HELD, contact, limit=limit)

    def delivered(self, contact: int, number: int) -> None:
        """Note that a message of ours has its receipt."""
        self._store.change(
            "UPDATE messages SET state = ? WHERE contact = ? AND number = ?",
            (Kept.DELIVERED, contact, number),
        )

    def mark(self, stored: Stored, state: Kept) -> Stored:
        """Move a message to another state; one that becomes ready gets the next place."""
        change = "UPDATE messages SET state = ?, place = ifnull(?, place) WHERE contact = ? AND number = ?"
        place = self._next_place(stored.contact) if state is Kept.READY else None
        self._store.change(change, (state, place, stored.contact, stored.number))
        return replace(stored, state=state)

    def leave_gap(self, contact: int, message: MessageId) -> Gap | None:
        """Give up waiting for a message, and keep its place; None if it came."""
        if self._knows(contact, message):
            return None
        number = self.next_number(contact)
        record = self._store.seal(TABLE, row_key(contact, number), bytes(TIME_BYTES))
        place = self._next_place(contact)
        self._insert_row(contact, number, False, message, Kept.GAP, place, record)
        return Gap(contact, number, Kept.GAP)

    def unshown(self, limit: int, *, without: Sequence[int] = ()) -> list[Entry]:
        """What may be shown and was not yet, by contact and place, `without` that of some contacts."""
        places = ", ".join("?" * len(without))
        condition = f"state IN (?, ?) AND contact NOT IN ({places})"
        order = f"contact, place LIMIT {int(limit)}"
        return list(self._entries(condition, Kept.READY, Kept.GAP, *without, order=order))

    def count(self, state: Kept) -> int:
        """How many messages are in a state, with all contacts together."""
        row = self._store.row("SELECT COUNT(*) FROM messages WHERE state = ?", (state,))
        return 0 if row is None else int(row[0])

    def is_in(self, contact: int, number: int, state: Kept) -> bool:
        """Tell whether a message stands there."""
        sql = "SELECT 1 FROM messages WHERE contact = ? AND number = ? AND state = ?"
        return self._store.row(sql, (contact, number, state)) is not None

    def showed(self, contact: int, number: int, was: Kept) -> None:
        """Note that a message, or a gap, was shown; one that has moved on since is left alone."""
        self._store.change(
            "UPDATE messages SET state = ? WHERE contact = ? AND number = ? AND state = ?",
            (AFTER_SHOWING[was], contact, number, was),
        )

    def conversation(self, contact: int) -> Iterator[Entry]:
        """All messages with a contact, of both sides, in their places; held ones come last."""
        order = "place IS NULL, place, number"
        return self._entries("contact = ? AND state != ?", contact, Kept.SILENT, order=order)

    def latest(self, contact: int, count: int) -> list[Entry]:
        """The last so many of a conversation, in order; no others are opened."""
        order = f"place IS NULL DESC, place DESC, number DESC LIMIT {int(count)}"
        found = self._entries("contact = ? AND state != ?", contact, Kept.SILENT, order=order)
        return list(found)[::-1]

    def _insert(
        self, contact: int, message: Message, *, is_outgoing: bool, state: Kept, now_ms: int
    ) -> Stored:
        stored = Stored(contact, self.next_number(contact), is_outgoing, state, message, now_ms)
        place = self._next_place(contact) if is_outgoing or state is Kept.READY else None
        record = self._seal(stored)
        self._insert_row(contact, stored.number, is_outgoing, message.message_id, state, place, record)
        return stored

    def _fill(self, stored: Stored) -> Stored:
        place = self._next_place(stored.contact) if stored.state is Kept.READY else None
        self._store.change(
            "UPDATE messages SET state = ?, place = ?, record = ? WHERE contact = ? AND number = ?",
            (stored.state, place, self._seal(stored), stored.contact, stored.number),
        )
        return stored

    def _awaited(self, contact: int, message: Message) -> list[MessageId]:
        """The messages this one follows that are not here, or are held themselves."""
        named = tuple(dict.fromkeys(message.seen))
        marks = ", ".join("?" * len(named))
        sql = (
            f"SELECT message FROM {_BY_ID} WHERE contact = ? AND {_EITHER_SIDE} AND message IN ({marks})"  # noqa: S608  words of this module
            " AND (outgoing = 1 OR state != ?)"
        )
        past = {row[0] for row in self._store.rows(sql, (contact, *named, Kept.HELD))}
        return [seen for seen in named if seen not in past]

    def _insert_row(self, *values: Any) -> None:
        columns = "contact, number, outgoing, message, state, place, record"
        self._store.change(f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608  words of this module

    def _seal(self, stored: Stored) -> bytes:
        raw = stored.received_ms.to_bytes(TIME_BYTES, "big") + stored.message.pack()
        record = self._store.seal(TABLE, row_key(stored.contact, stored.number), raw)
        self._opened.note((stored.contact, stored.number), record, (stored.received_ms, stored.message))
        return record

    def _open(self, contact: int, number: int, record: bytes) -> tuple[int, Message]:
        raw = self._store.open(TABLE, row_key(contact, number), record)
        return int.from_bytes(raw[:TIME_BYTES], "big"), Message.unpack(raw[TIME_BYTES:])

    def next_number(self, contact: int) -> int:
        """The number of the next message with a contact."""
        row = self._store.row("SELECT MAX(number) FROM messages WHERE contact = ?", (contact,))
        return 1 + ((row[0] if row else None) or 0)

    def _next_place(self, contact: int) -> int:
        row = self._store.row("SELECT MAX(place) FROM messages WHERE contact = ?", (contact,))
        return 1 + ((row[0] if row else None) or 0)

    def _seen(self, contact: int, last: Stored | None) -> tuple[MessageId, ...]:
        condition = "contact = ? AND state NOT IN (?, ?, ?)"
        sql = f"SELECT message FROM messages WHERE {condition} ORDER BY number DESC LIMIT ?"  # noqa: S608  words of this module
        rows = self._store.rows(sql, (contact, Kept.SILENT, *GAPS, MAX_SEEN))
        seen = [MessageId(row[0]) for row in reversed(rows)]
        if last is not None and last.message.message_id not in seen:
            # Our own last message is always named: by it the other side finds a gap.
            seen[0] = last.message.message_id
        return tuple(seen)

    def _last_outgoing(self, contact: int) -> Stored | None:
        condition = "contact = ? AND outgoing = 1 AND state != ?"
        found = self._select(condition, contact, Kept.SILENT, order="number DESC LIMIT 1", source=_BY_SIDE)
        return next(found, None)

    def _in_state(self, state: Kept, contact: int, *, limit: int = -1) -> Iterator[Stored]:
        order = f"number LIMIT {int(limit)}"
        return self._select("state = ? AND contact = ?", state, contact, order=order, source=_BY_STATE)

    def _knows(self, contact: int, message: MessageId) -> bool:
        sql = f"SELECT 1 FROM {_BY_ID} WHERE contact = ? AND {_EITHER_SIDE} AND message = ?"  # noqa: S608  words of this module
        return self._store.row(sql, (contact, message)) is not None

    def _select(
        self, condition: str, *values: object, order: str = "number", source: str = TABLE
    ) -> Iterator[Stored]:
        """Messages only: no condition of a caller's takes in gaps."""
        found = self._entries(condition, *values, order=order, source=source)
        return (entry for entry in found if isinstance(entry, Stored))

    def _entries(self, condition: str, *values: object, order: str, source: str = TABLE) -> Iterator[Entry]:
        columns = "contact, number, outgoing, state, record"
        # Conditions are texts of this module; values are bound.
        sql = f"SELECT {columns} FROM {source} WHERE {condition} ORDER BY {order}"  # noqa: S608  words of this module
        for contact, number, outgoing, state, record in self._store.rows(sql, values):
            if state in GAPS:
                yield Gap(contact, number, Kept(state))
                continue
            received_ms, message = self._opened.read(
                (contact, number), record, partial(self._open, contact, number, record)
            )
            yield Stored(contact, number, bool(outgoing), Kept(state), message, received_ms)
