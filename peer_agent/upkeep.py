"""Keeps the server's stock of this device's prekeys fresh and full.

Spec: docs/spec/prekeys.md
"""

from peer_agent.api import Api, PrekeyStock, PrekeyUpload
from peer_agent.clock import Clock
from peer_agent.crypto.identity import DeviceKeys
from peer_agent.crypto.prekeys import PrekeyId, PrekeyKind, PrivatePrekey
from peer_agent.prekey_book import RENEW_DAYS, PrekeyBook
from peer_agent.store import Store

FULL = 50
REFILL_BELOW = 20
# A server compares days of uploads with its own, and clocks differ.
OFFERED_AGAIN_DAYS = 1
# What was offered again may be there already, and adds nothing: then a second look finds what is missing.
LOOKS = 2


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
            ServerUnreachable, Refused: as it was, until the next check; what was made is offered again then.
            AgentError: this device can make no more prekeys.
        """
        for _ in range(LOOKS):
            missing = self._missing(await self._api.keys.prekey_stock())
            if not any(missing.values()):
                return
            await self._api.keys.put_prekeys(self._upload(missing))
            with self._store.transaction():
                self._book.uploaded(each.prekey_id for made in missing.values() for each in made)

    def _missing(self, stock: PrekeyStock) -> dict[PrekeyKind, list[PrivatePrekey]]:
        standing = (stock.signed_prekey, stock.last_resort)
        with self._store.transaction():
            self._book.uploaded(PrekeyId(each) for each in standing if each is not None)
            self._book.discard_old(day=self._clock.day())
            return {
                PrekeyKind.SIGNED: self._lasting(PrekeyKind.SIGNED, stock.signed_prekey),
                PrekeyKind.LAST_RESORT_KEM: self._lasting(PrekeyKind.LAST_RESORT_KEM, stock.last_resort),
                PrekeyKind.ONE_TIME: self._one_time(PrekeyKind.ONE_TIME, stock.one_time),
                PrekeyKind.ONE_TIME_KEM: self._one_time(PrekeyKind.ONE_TIME_KEM, stock.one_time_kem),
            }

    def _lasting(self, kind: PrekeyKind, at_server: int | None) -> list[PrivatePrekey]:
        """The prekey to put in the place of the server's, if that is to be replaced."""
        today, newest = self._clock.day(), self._book.newest(kind)
        is_there = newest is not None and newest.prekey_id == at_server
        good_for_days = RENEW_DAYS - 1 if is_there else OFFERED_AGAIN_DAYS
        if newest is None or not -OFFERED_AGAIN_DAYS <= today - newest.day <= good_for_days:
            return self._book.make(kind, 1, day=today)
        return [] if is_there else [newest]

    def _one_time(self, kind: PrekeyKind, at_server: int) -> list[PrivatePrekey]:
        if at_server >= REFILL_BELOW:
            return []
        # Those first of which no answer told: an upload that fails again and again makes no more of them.
        today, count = self._clock.day(), FULL - at_server
        waiting = self._book.waiting(kind, since_day=today - OFFERED_AGAIN_DAYS)[:count]
        return waiting + self._book.make(kind, count - len(waiting), day=today)

    def _upload(self, missing: dict[PrekeyKind, list[PrivatePrekey]]) -> PrekeyUpload:
        packed = {
            kind: [prekey.public(self._own).pack() for prekey in prekeys] for kind, prekeys in missing.items()
        }
        return PrekeyUpload(
            signed_prekey=next(iter(packed[PrekeyKind.SIGNED]), None),
            last_resort=next(iter(packed[PrekeyKind.LAST_RESORT_KEM]), None),
            one_time=packed[PrekeyKind.ONE_TIME],
            one_time_kem=packed[PrekeyKind.ONE_TIME_KEM],
        )
