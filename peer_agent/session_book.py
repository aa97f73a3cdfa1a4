"""Ratchet sessions in the store, by session id and by contact.

Spec: docs/spec/handshake.md, section "Sessions"
"""

from collections.abc import Collection

from peer_agent.crypto.identity import DeviceEntry, DeviceKeys, Suite
from peer_agent.crypto.ratchet import SessionId
from peer_agent.crypto.sessions import MAX_SESSIONS, Session, choose_session
from peer_agent.opened_records import OpenedRecords
from peer_agent.store import Store

TABLE = "sessions"
REFUSES_SUITE_2 = "refuses_suite_2"
KEPT_OPEN = 256


class SessionBook:
    """All sessions of this device. Writes belong into a transaction of the caller's."""

    def __init__(self, store: Store, own: DeviceKeys) -> None:
        self._store = store
        self._own = own
        self._opened = OpenedRecords[SessionId, Session](KEPT_OPEN)

    def refuses(self, suite: Suite) -> bool:
        """Tell whether the user wants no session agreed under a suite."""
        return suite is Suite.CLASSICAL and self._store.setting(REFUSES_SUITE_2) is not None

    def refuse_suite_2(self, refuses: bool) -> None:
        """Keep whether the user wants no session without ML-KEM."""
        self._store.set_setting(REFUSES_SUITE_2, b"\x01" if refuses else None)

    def find(self, session_id: SessionId) -> tuple[int, Session] | None:
        """Look up a session and the number of its contact."""
        row = self._store.row("SELECT contact, record FROM sessions WHERE session = ?", (session_id,))
        return None if row is None else (row[0], self._open(session_id, row[1]))

    def choose(
        self, contact: int, device: DeviceEntry, *, now_ms: int, begun_from_ms: int = 0
    ) -> Session | None:
        """The session to send on, which may be due for renewal; None when a new one has to begin first.

        Of one that is due and one begun in its place it is the later: nobody has answered in it yet.
        """
        sessions = [
            each
            for each in self._with(contact, device)
            if each.started_ms >= begun_from_ms and not each.is_worn_out(now_ms)
        ]
        chosen = choose_session(self._own.signing.public, sessions, now_ms=now_ms)
        if chosen is None or not chosen.needs_renewal(now_ms):
            return chosen
        fresh = (each for each in sessions if not each.needs_renewal(now_ms))
        return choose_session(self._own.signing.public, fresh, now_ms=now_ms) or chosen

    def save(self, contact: int, session: Session) -> None:
        """Write the next state of a session; of too many with one device the oldest goes."""
        record = self._store.seal(TABLE, session.session_id, session.pack())
        self._opened.note(session.session_id, record, session)
        if self._store.change(
            "UPDATE sessions SET contact = ?, record = ? WHERE session = ?",
            (contact, record, session.session_id),
        ):
            return
        self._store.change(
            "INSERT INTO sessions (session, contact, record) VALUES (?, ?, ?)",
            (session.session_id, contact, record),
        )
        others = [each for each in self._with(contact, session.peer) if each.session_id != session.session_id]
        others.sort(key=lambda each: each.started_ms)
        for surplus in others[: max(0, len(others) + 1 - MAX_SESSIONS)]:
            self._store.change("DELETE FROM sessions WHERE session = ?", (surplus.session_id,))

    def forget(self, contact: int, device_ids: Collection[bytes]) -> None:
        """Delete all sessions with some devices of a contact."""
        for session_id, record in self._rows(contact):
            if self._open(session_id, record).peer.device_id in device_ids:
                self._store.change("DELETE FROM sessions WHERE session = ?", (session_id,))

    def confirm(self, session_id: SessionId) -> None:
        """Note that the peer holds a session: its header is sent no more."""
        found = self.find(session_id)
        if found is not None and not found[1].is_established:
            self.save(found[0], found[1].confirmed())

    def _with(self, contact: int, device: DeviceEntry) -> list[Session]:
        sessions = [self._open(session_id, record) for session_id, record in self._rows(contact)]
        return [session for session in sessions if session.peer.device_id == device.device_id]

    def _rows(self, contact: int) -> list[tuple[SessionId, bytes]]:
        rows = self._store.rows("SELECT session, record FROM sessions WHERE contact = ?", (contact,))
        return [(SessionId(session_id), record) for session_id, record in rows]

    def _open(self, session_id: SessionId, record: bytes) -> Session:
        return self._opened.read(
            session_id, record, lambda: Session.unpack(self._store.open(TABLE, session_id, record))
        )
