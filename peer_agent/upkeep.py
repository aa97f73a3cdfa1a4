"""Keeps the server's stock of this device's prekeys fresh and full.

Spec: docs/spec/prekeys.md
"""

from peer_agent.api import Api, PrekeyUpload
from peer_agent.clock import Clock
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.prekeys import PrekeyKind, PrivatePrekey
from peer_agent.prekey_book import RENEW_DAYS, PrekeyBook
from peer_agent.store import Store

FULL = 50
REFILL_BELOW = 20


class PrekeyUpkeep:
    """Uploads prekeys when some are missing or old; private halves are stored first."""

    def __init__(self, own: DeviceKeys, api: Api, store: Store, book: PrekeyBook, clock: Clock) -> None:
        self._own = own
        self._api = api
        self._store = store
        self._book = book
        self._clock = clock

    async def check(self) -> None:
        """Bring the server's stock up to date.

        Raises:
            ServerUnreachable, Refused: as it was, until the next check.
        """
        stock = await self._api.prekey_stock()
        with self._store.transaction():
            self._book.discard_old(day=self._clock.day())
            upload = PrekeyUpload(
                signed_prekey=self._lasting(PrekeyKind.SIGNED, stock.signed_prekey),
                last_resort=self._lasting(PrekeyKind.LAST_RESORT_KEM, stock.last_resort),
                one_time=self._one_time(PrekeyKind.ONE_TIME, stock.one_time),
                one_time_kem=self._one_time(PrekeyKind.ONE_TIME_KEM, stock.one_time_kem),
            )
        if upload != PrekeyUpload(None, None, [], []):
            await self._api.put_prekeys(upload)

    def _lasting(self, kind: PrekeyKind, at_server: int | None) -> bytes | None:
        """A prekey to put in the place of the server's; None to leave that one."""
        newest = self._book.newest(kind)
        if newest is None or self._clock.day() - newest.day >= RENEW_DAYS:
            newest = self._book.make(kind, 1, day=self._clock.day())[0]
        return None if newest.prekey_id == at_server else self._public(newest)

    def _one_time(self, kind: PrekeyKind, at_server: int) -> list[bytes]:
        if at_server >= REFILL_BELOW:
            return []
        made = self._book.make(kind, FULL - at_server, day=self._clock.day())
        return [self._public(prekey) for prekey in made]

    def _public(self, prekey: PrivatePrekey) -> bytes:
        return prekey.public(self._own).pack()
