"""What leaves this device: each message sealed once per device of the contact, kept until its receipt came.

Spec: docs/spec/receipts.md and docs/spec/agent.md, section "Outbox"
"""

import os
from dataclasses import dataclass, replace

from p2p.protocol.parts import ReceiptEntry
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.ratchet import SESSION_ID_BYTES, SessionId
from peer_agent.crypto.receipts import RECEIPT_KEY_BYTES, ReceiptKey, envelope_hash, is_receipt
from peer_agent.crypto.sessions import Session
from peer_agent.history import History, Kept, Stored
from peer_agent.session_book import SessionBook
from peer_agent.store import Store

TABLE = "envelopes"


@dataclass(frozen=True, slots=True)
class Sealed:
    """One message as one device of the contact will get it; every try sends these same bytes."""

    number: int
    envelope: bytes


class Outbox:
    """Messages of ours that have no receipt, and their sealed forms."""

    def __init__(self, store: Store, history: History, sessions: SessionBook) -> None:
        self._store = store
        self._history = history
        self._sessions = sessions

    def find(self, contact: int, number: int, device: DeviceEntry) -> Sealed | None:
        """The sealed form of a message, if it was sealed for this device before."""
        row = self._store.row(
            "SELECT digest, record FROM envelopes WHERE contact = ? AND number = ? AND device = ?",
            (contact, number, device.device_id),
        )
        return None if row is None else Sealed(number, self._read(*row)[2])

    def seal(self, stored: Stored, device: DeviceEntry, session: Session) -> Sealed:
        """Seal a message; ratchet state and envelope are on the disk before this returns."""
        key = ReceiptKey(os.urandom(RECEIPT_KEY_BYTES))
        session, envelope = session.encrypt(replace(stored.message, receipt_key=key).pack())
        digest = envelope_hash(envelope)
        record = self._store.seal(TABLE, digest, session.session_id + key + envelope)
        with self._store.transaction():
            self._sessions.save(stored.contact, session)
            self._store.change(
                "INSERT INTO envelopes (digest, contact, number, device, record) VALUES (?, ?, ?, ?, ?)",
                (digest, stored.contact, stored.number, device.device_id, record),
            )
        return Sealed(stored.number, envelope)

    def receipted(self, contact: int, entry: ReceiptEntry) -> int | None:
        """Take a receipt: when it is genuine, the message is delivered; returns its number.

        None stands for a receipt that is not for this contact, came before, or is false: no answer is due.
        """
        # The plus keeps SQLite from walking through all that waits for this contact.
        row = self._store.row(
            "SELECT digest, record, number FROM envelopes WHERE digest >= ? AND digest <= ? AND +contact = ?",
            (entry.digest + bytes(16), entry.digest + b"\xff" * 16, contact),
        )
        if row is None:
            return None
        digest, record, number = row
        session_id, key, _ = self._read(digest, record)
        if not is_receipt(entry.digest + entry.mac, key, digest):
            return None
        with self._store.transaction():
            self._history.mark(self._history.get(contact, number), Kept.DELIVERED)
            self._store.change("DELETE FROM envelopes WHERE contact = ? AND number = ?", (contact, number))
            self._sessions.confirm(session_id)
        return int(number)

    def unseal_all(self, contact: int) -> None:
        """Forget sealed forms, inside a transaction of the caller's: the contact can not open them."""
        self._store.change("DELETE FROM envelopes WHERE contact = ?", (contact,))

    def _read(self, digest: bytes, record: bytes) -> tuple[SessionId, ReceiptKey, bytes]:
        raw = self._store.open(TABLE, digest, record)
        key_end = SESSION_ID_BYTES + RECEIPT_KEY_BYTES
        return (
            SessionId(raw[:SESSION_ID_BYTES]),
            ReceiptKey(raw[SESSION_ID_BYTES:key_end]),
            raw[key_end:],
        )
