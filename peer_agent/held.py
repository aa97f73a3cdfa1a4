"""Which messages that came wait for which: what is looked at is what follows a message, never all that waits.

Spec: docs/spec/agent.md, section "Order of messages"
"""

from collections.abc import Iterable
from dataclasses import dataclass

from peer_agent.crypto.messages import MessageId
from peer_agent.store import Store

# As many messages of one contact wait, and as much of them; beyond that the first are waited for no longer.
MAX_HELD = 4_096
MAX_HELD_BYTES = 16 * 1_024 * 1_024


@dataclass(frozen=True, slots=True)
class Load:
    """How much of a contact's waits."""

    messages: int = 0
    size_bytes: int = 0

    @property
    def is_over(self) -> bool:
        return self.messages > MAX_HELD or self.size_bytes > MAX_HELD_BYTES


class Held:
    """Messages that wait, and what for. Writes belong into a transaction of the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, contact: int, number: int, awaited: Iterable[MessageId]) -> None:
        """Let a message wait for others."""
        for message in awaited:
            values = (contact, message, number)
            self._store.change("INSERT INTO waits (contact, message, number) VALUES (?, ?, ?)", values)
        self._store.change(
            f"INSERT INTO held (contact, messages, bytes) VALUES (?1, 1, {_SIZE})"  # noqa: S608  a text of this module
            " ON CONFLICT (contact) DO UPDATE SET messages = messages + 1, bytes = bytes + excluded.bytes",
            (contact, number),
        )

    def remove(self, contact: int, number: int) -> None:
        """Let a message wait no longer."""
        self._store.change("DELETE FROM waits WHERE contact = ? AND number = ?", (contact, number))
        self._store.change(
            f"UPDATE held SET messages = messages - 1, bytes = bytes - {_SIZE} WHERE contact = ?1",  # noqa: S608  as above
            (contact, number),
        )
        self._store.change("DELETE FROM held WHERE contact = ? AND messages = 0", (contact,))

    def load(self, contact: int) -> Load:
        row = self._store.row("SELECT messages, bytes FROM held WHERE contact = ?", (contact,))
        return Load() if row is None else Load(*row)

    def contacts(self) -> list[int]:
        """Numbers of the contacts of whom something waits."""
        return [row[0] for row in self._store.rows("SELECT contact FROM held")]

    def awaited_by(self, contact: int, number: int) -> list[MessageId]:
        """The messages that one waits for."""
        sql = "SELECT message FROM waits WHERE contact = ? AND number = ?"
        return [MessageId(row[0]) for row in self._store.rows(sql, (contact, number))]

    def is_waiting(self, contact: int, number: int) -> bool:
        """Tell whether a message waits for any other."""
        sql = "SELECT 1 FROM waits WHERE contact = ? AND number = ?"
        return self._store.row(sql, (contact, number)) is not None

    def came(self, contact: int, message: MessageId) -> None:
        """Note that nobody has to wait for a message; `followers` tells who did."""
        values = (contact, message)
        if self._store.row("SELECT 1 FROM waits WHERE contact = ? AND message = ?", values) is not None:
            self._store.change("INSERT OR IGNORE INTO came (contact, message) VALUES (?, ?)", values)

    def contacts_with_followers(self) -> list[int]:
        """Numbers of the contacts whose followers were not all taken."""
        return [row[0] for row in self._store.rows("SELECT DISTINCT contact FROM came")]

    def followers(self, contact: int, limit: int) -> list[int] | None:
        """Take numbers of messages that waited for one that came, at most so many; None: there are none."""
        row = self._store.row("SELECT message FROM came WHERE contact = ? LIMIT 1", (contact,))
        if row is None:
            return None
        values = (contact, row[0])
        sql = "SELECT number FROM waits WHERE contact = ? AND message = ? LIMIT ?"
        numbers = [each[0] for each in self._store.rows(sql, (*values, limit))]
        for number in numbers:
            self._store.change(
                "DELETE FROM waits WHERE contact = ? AND message = ? AND number = ?", (*values, number)
            )
        if len(numbers) < limit:
            self._store.change("DELETE FROM came WHERE contact = ? AND message = ?", values)
        return numbers


_SIZE = "(SELECT LENGTH(record) FROM messages WHERE contact = ?1 AND number = ?2)"
