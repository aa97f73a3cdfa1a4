"""Messages of both sides in the store, numbered per contact, and the order in which they are shown.

Spec: docs/spec/agent.md, section "Order of messages"
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from peer_agent.crypto.messages import MAX_SEEN, Content, Message, MessageId, create_message
from peer_agent.store import Store, row_key

TABLE = "messages"


class Kept(StrEnum):
    """Where a stored message stands."""

    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"
    HELD = "held"
    SHOWN = "shown"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in the store. `number` counts the messages with one contact, of both sides."""

    contact: int
    number: int
    is_outgoing: bool
    state: Kept
    message: Message


class History:
    """All messages. Writes belong into a transaction of the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, contact: int, content: Content, *, now_ms: int, state: Kept = Kept.UNDELIVERED) -> Stored:
        """Keep a message of ours: later than all before it, and knowing what it follows."""
        last = self._last_outgoing(contact)
        sent_ms = now_ms if last is None else max(now_ms, last.message.sent_ms + 1)
        message = create_message(content, now_ms=sent_ms, seen=self._seen(contact, last))
        return self._insert(contact, message, is_outgoing=True, state=state)

    def receive(self, contact: int, message: Message, *, state: Kept = Kept.HELD) -> Stored | None:
        """Keep a message of the contact's; None if it was here before."""
        if self._knows(contact, message.message_id, is_outgoing=False):
            return None
        return self._insert(contact, message, is_outgoing=False, state=state)

    def get(self, contact: int, number: int) -> Stored:
        rows = self._select("contact = ? AND number = ?", contact, number)
        return next(rows)

    def undelivered(self, contact: int) -> list[Stored]:
        """Messages of ours without a receipt, in the order they were written."""
        return list(self._select("state = ? AND contact = ?", Kept.UNDELIVERED, contact))

    def contacts_with(self, state: Kept) -> list[int]:
        """Numbers of the contacts that have a message in this state."""
        rows = self._store.rows("SELECT DISTINCT contact FROM messages WHERE state = ?", (state,))
        return [row[0] for row in rows]

    def held(self, contact: int) -> list[Stored]:
        """Messages that came and are not shown yet, in the order their sender gave them."""
        found = self._select("state = ? AND contact = ?", Kept.HELD, contact)
        return sorted(found, key=lambda each: (each.message.sent_ms, each.message.message_id))

    def misses(self, stored: Stored) -> bool:
        """Tell whether a message follows another one that is not here, or not shown, yet."""
        return any(not self._is_past(stored.contact, seen) for seen in stored.message.seen)

    def mark(self, stored: Stored, state: Kept) -> Stored:
        """Move a message to another state; what is shown gets the next place in the conversation."""
        place = None
        if state is Kept.SHOWN:
            row = self._store.row("SELECT MAX(place) FROM messages WHERE contact = ?", (stored.contact,))
            place = 1 + ((row[0] if row else None) or 0)
        self._store.change(
            "UPDATE messages SET state = ?, place = ? WHERE contact = ? AND number = ?",
            (state, place, stored.contact, stored.number),
        )
        return replace(stored, state=state)

    def _insert(self, contact: int, message: Message, *, is_outgoing: bool, state: Kept) -> Stored:
        row = self._store.row("SELECT MAX(number) FROM messages WHERE contact = ?", (contact,))
        number = 1 + ((row[0] if row else None) or 0)
        record = self._store.seal(TABLE, row_key(contact, number), message.pack())
        columns = "contact, number, outgoing, message, state, record"
        values = (contact, number, is_outgoing, message.message_id, state, record)
        self._store.change(f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608
        return Stored(contact, number, is_outgoing, state, message)

    def _seen(self, contact: int, last: Stored | None) -> tuple[MessageId, ...]:
        rows = self._store.rows(
            "SELECT message FROM messages WHERE contact = ? AND state != ? ORDER BY number DESC LIMIT ?",
            (contact, Kept.SILENT, MAX_SEEN),
        )
        seen = [MessageId(row[0]) for row in reversed(rows)]
        if last is not None and last.message.message_id not in seen:
            # Our own last message is always named: by it the other side finds a gap.
            seen[0] = last.message.message_id
        return tuple(seen)

    def _last_outgoing(self, contact: int) -> Stored | None:
        condition = "contact = ? AND outgoing = 1 AND state != ?"
        return next(self._select(condition, contact, Kept.SILENT, order="number DESC LIMIT 1"), None)

    def _knows(self, contact: int, message: MessageId, *, is_outgoing: bool) -> bool:
        sql = "SELECT 1 FROM messages WHERE contact = ? AND outgoing = ? AND message = ?"
        return self._store.row(sql, (contact, is_outgoing, message)) is not None

    def _is_past(self, contact: int, message: MessageId) -> bool:
        sql = "SELECT 1 FROM messages WHERE contact = ? AND message = ? AND (outgoing = 1 OR state != ?)"
        return self._store.row(sql, (contact, message, Kept.HELD)) is not None

    def _select(self, condition: str, *values: object, order: str = "number") -> Iterator[Stored]:
        columns = "contact, number, outgoing, state, record"
        # Conditions are texts of this module; values are bound.
        sql = f"SELECT {columns} FROM messages WHERE {condition} ORDER BY {order}"  # noqa: S608
        for contact, number, outgoing, state, record in self._store.rows(sql, values):
            message = Message.unpack(self._store.open(TABLE, row_key(contact, number), record))
            yield Stored(contact, number, bool(outgoing), Kept(state), message)
