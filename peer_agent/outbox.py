"""What leaves this device: each message sealed once per device of the contact, kept until its receipt came.

Spec: docs/spec/receipts.md and docs/spec/outbox.md
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from p2p.protocol.parts import ReceiptEntry
from peer_agent.crypto.encoding import Reader, u64
from peer_agent.crypto.identity import DeviceEntry
from peer_agent.crypto.messages import renew_message
from peer_agent.crypto.ratchet import SESSION_ID_BYTES, SessionId
from peer_agent.crypto.receipts import RECEIPT_KEY_BYTES, ReceiptKey, envelope_hash, is_receipt
from peer_agent.crypto.sessions import Session
from peer_agent.history import History, Stored
from peer_agent.opened_records import OpenedRecords
from peer_agent.session_book import SessionBook
from peer_agent.store import Store

TABLE = "envelopes"
KEPT_OPEN = 64


@dataclass(frozen=True, slots=True)
class Sealed:
    """One message as one device of the contact will get it; every try sends these same bytes."""

    number: int
    envelope: bytes
    sealed_ms: int


@dataclass(frozen=True, slots=True)
class Receipted:
    """What receipts told.

    delivered: numbers of the messages that genuine ones were for. false: numbers of messages of ours for
    which the device that they were sealed for never gave the receipt that came: whoever made it does not have
    the key that is inside the message.
    """

    delivered: tuple[int, ...]
    false: tuple[int, ...]


class Outbox:
    """Messages of ours that have no receipt, and their sealed forms."""

    def __init__(self, store: Store, history: History, sessions: SessionBook) -> None:
        self._store = store
        self._history = history
        self._sessions = sessions
        self._opened = OpenedRecords[bytes, _Record](KEPT_OPEN)

    def find(self, contact: int, number: int, device: DeviceEntry) -> Sealed | None:
        """The sealed form of a message, if it was sealed for this device before."""
        row = self._store.row(
            "SELECT digest, record FROM envelopes WHERE contact = ? AND number = ? AND device = ?",
            (contact, number, device.device_id),
        )
        if row is None:
            return None
        record = self._read(*row)
        return Sealed(number, record.envelope, record.sealed_ms)

    def seal(self, stored: Stored, device: DeviceEntry, session: Session, *, now_ms: int) -> Sealed:
        """Seal a message; ratchet state and envelope are on the disk before this returns.

        Raises:
            NotReady: the session can not send yet.
        """
        with self._store.transaction():
            return self.put(stored, device, session, now_ms=now_ms)

    def put(self, stored: Stored, device: DeviceEntry, session: Session, *, now_ms: int) -> Sealed:
        """Seal a message inside a transaction of the caller's.

        Raises:
            NotReady: the session can not send yet; nothing was written.
        """
        message = renew_message(stored.message)
        session, envelope = session.encrypt(message.pack())
        digest = envelope_hash(envelope)
        kept = _Record(session.session_id, message.receipt_key, now_ms, envelope)
        record = self._store.seal(TABLE, digest, kept.pack())
        self._opened.note(digest, record, kept)
        self._sessions.save(stored.contact, session)
        self._store.change(
            "INSERT INTO envelopes (digest, contact, number, device, record) VALUES (?, ?, ?, ?, ?)",
            (digest, stored.contact, stored.number, device.device_id, record),
        )
        return Sealed(stored.number, envelope, now_ms)

    def receipted(self, contact: int, entries: Iterable[ReceiptEntry]) -> Receipted:
        """Take the receipts of a frame: what genuine ones are for is delivered, in one commit.

        A receipt that is not for this contact, or came before, is passed over: no answer is due.
        """
        delivered: dict[int, SessionId] = {}
        false: list[int] = []
        for number, entry, digest, record in self._awaiting(contact, entries):
            known = self._read(digest, record)
            if is_receipt(entry.digest + entry.mac, known.key, digest):
                delivered.setdefault(number, known.session_id)
            else:
                false.append(number)
        if delivered:
            with self._store.transaction():
                self._deliver(contact, delivered)
        return Receipted(tuple(delivered), tuple(false))

    def _awaiting(
        self, contact: int, entries: Iterable[ReceiptEntry]
    ) -> Iterator[tuple[int, ReceiptEntry, bytes, bytes]]:
        """Entries that name a sealed form of this contact's: number, entry, digest and record of each."""
        for entry in entries:
            # The plus keeps SQLite from walking through all that waits for this contact.
            row = self._store.row(
                "SELECT digest, record, number FROM envelopes"
                " WHERE digest >= ? AND digest <= ? AND +contact = ?",
                (entry.digest + bytes(16), entry.digest + b"\xff" * 16, contact),
            )
            if row is not None:
                yield int(row[2]), entry, row[0], row[1]

    def _deliver(self, contact: int, delivered: Mapping[int, SessionId]) -> None:
        for number in delivered:
            self._history.delivered(contact, number)
            self._store.change("DELETE FROM envelopes WHERE contact = ? AND number = ?", (contact, number))
        for session_id in set(delivered.values()):
            self._sessions.confirm(session_id)

    def unseal_all(self, contact: int) -> None:
        """Forget sealed forms, inside a transaction of the caller's: the contact can not open them."""
        self._store.change("DELETE FROM envelopes WHERE contact = ?", (contact,))

    def _read(self, digest: bytes, record: bytes) -> "_Record":
        return self._opened.read(
            digest, record, lambda: _Record.unpack(self._store.open(TABLE, digest, record))
        )


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept of a sealed form: session id 16 | receipt key 32 | time of sealing in ms 8 | envelope."""

    session_id: SessionId
    key: ReceiptKey
    sealed_ms: int
    envelope: bytes

    def pack(self) -> bytes:
        return self.session_id + self.key + u64(self.sealed_ms) + self.envelope

    @classmethod
    def unpack(cls, raw: bytes) -> "_Record":
        reader = Reader(raw)
        session_id, key = reader.take(SESSION_ID_BYTES), reader.take(RECEIPT_KEY_BYTES)
        return cls(SessionId(session_id), ReceiptKey(key), reader.u64(), reader.rest())
