"""Private halves of this device's prekeys in the store: made, found, spent, and thrown away when old.

Spec: docs/spec/prekeys.md
"""

import secrets
from collections.abc import Iterable
from itertools import accumulate

from peer_agent.crypto.handshake import InitialHeader
from peer_agent.crypto.prekeys import MAX_PREKEY_ID, PrekeyId, PrekeyKind, PrivatePrekey, create_prekey
from peer_agent.crypto.primitives import sha256
from peer_agent.errors import AgentError
from peer_agent.store import Store, row_key

TABLE = "prekeys"
NEXT_ID = "next_prekey"
RENEW_DAYS = 7
KEEP_REPLACED_DAYS = 14
KEEP_ONE_TIME_DAYS = 90
# Ids rise in random steps. On average 262,144 prekeys use up all ids there are.
LONGEST_STEP = 2**15
LASTING = (PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM)


class PrekeyBook:
    """All private prekeys. Writes belong into a transaction of the caller's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, kind: PrekeyKind, count: int, *, day: int) -> list[PrivatePrekey]:
        """Make prekeys with ids above all earlier ones, whose differences tell nothing, and keep them.

        Raises:
            AgentError: there are not so many ids left.
        """
        last = int.from_bytes(self._store.setting(NEXT_ID) or b"\x01", "big") - 1
        steps = (1 + secrets.randbelow(LONGEST_STEP) for _ in range(count))
        last, *numbers = accumulate(steps, initial=last)
        if max(numbers, default=last) > MAX_PREKEY_ID:
            raise AgentError("This device has used up its prekeys: nobody can begin a session with it.")
        made = [create_prekey(kind, PrekeyId(number), day=day) for number in numbers]
        self._store.set_setting(NEXT_ID, (max(numbers, default=last) + 1).to_bytes(8, "big"))
        for prekey in made:
            record = self._store.seal(TABLE, row_key(prekey.prekey_id), prekey.pack())
            self._store.change(
                "INSERT INTO prekeys (prekey, is_uploaded, record) VALUES (?, 0, ?)",
                (prekey.prekey_id, record),
            )
        return made

    def waiting(self, kind: PrekeyKind, *, since_day: int) -> list[PrivatePrekey]:
        """Prekeys of a kind, made on that day or later, of which the server never said that it has them."""
        rows = self._store.rows("SELECT prekey, record FROM prekeys WHERE NOT is_uploaded ORDER BY prekey")
        opened = (self._open(PrekeyId(prekey_id), record) for prekey_id, record in rows)
        return [prekey for prekey in opened if prekey.kind is kind and prekey.day >= since_day]

    def uploaded(self, prekey_ids: Iterable[PrekeyId]) -> None:
        """Note that the server has prekeys."""
        for prekey_id in prekey_ids:
            self._store.change("UPDATE prekeys SET is_uploaded = 1 WHERE prekey = ?", (prekey_id,))

    def find(self, kind: PrekeyKind, prekey_id: PrekeyId) -> PrivatePrekey | None:
        """Look up a prekey by id; one of another kind is none."""
        row = self._store.row("SELECT record FROM prekeys WHERE prekey = ?", (prekey_id,))
        prekey = None if row is None else self._open(prekey_id, row[0])
        return prekey if prekey is not None and prekey.kind is kind else None

    def spend(self, prekey_ids: Iterable[PrekeyId]) -> None:
        """Delete one-time prekeys for good."""
        for prekey_id in prekey_ids:
            self._store.change("DELETE FROM prekeys WHERE prekey = ?", (prekey_id,))

    def newest(self, kind: PrekeyKind) -> PrivatePrekey | None:
        """The prekey of a kind that was made last."""
        rows = self._store.rows("SELECT prekey, record FROM prekeys ORDER BY prekey DESC")
        opened = (self._open(PrekeyId(prekey_id), record) for prekey_id, record in rows)
        return next((prekey for prekey in opened if prekey.kind is kind), None)

    def discard_old(self, *, day: int) -> None:
        """Delete lasting prekeys 14 days after their successor came, and one-time ones that nobody claims."""
        rows = self._store.rows("SELECT prekey, is_uploaded, record FROM prekeys ORDER BY prekey")
        prekeys = [
            (self._open(PrekeyId(number), record), is_uploaded) for number, is_uploaded, record in rows
        ]
        uploaded = [prekey for prekey, is_uploaded in prekeys if is_uploaded]
        for prekey, _ in prekeys:
            if day - _lapses_from(prekey, uploaded) > _kept_days(prekey):
                self.spend([prekey.prekey_id])
                self._store.change("DELETE FROM first_headers WHERE prekey = ?", (prekey.prekey_id,))

    def is_repeat(self, header: InitialHeader) -> bool:
        """Tell whether a first message without one-time prekeys came before."""
        row = self._store.row("SELECT 1 FROM first_headers WHERE header = ?", (sha256(header.pack()),))
        return row is not None

    def remember(self, header: InitialHeader) -> None:
        """Remember a first message without one-time prekeys, so that it can not be played back."""
        if header.is_replayable:
            lasting = header.signed_id if header.kem is None else header.kem.prekey_id
            self._store.change(
                "INSERT OR IGNORE INTO first_headers (header, prekey) VALUES (?, ?)",
                (sha256(header.pack()), lasting),
            )

    def _open(self, prekey_id: PrekeyId, record: bytes) -> PrivatePrekey:
        return PrivatePrekey.unpack(self._store.open(TABLE, row_key(prekey_id), record))


def _lapses_from(prekey: PrivatePrekey, uploaded: list[PrivatePrekey]) -> int:
    """The day a prekey's time begins to run out: of a lasting one when the server got its successor."""
    if prekey.kind not in LASTING:
        return prekey.day
    later = [each.day for each in uploaded if each.kind is prekey.kind and each.prekey_id > prekey.prekey_id]
    return min(later, default=2**32)


def _kept_days(prekey: PrivatePrekey) -> int:
    return KEEP_REPLACED_DAYS if prekey.kind in LASTING else KEEP_ONE_TIME_DAYS
