"""Begins sessions with devices of other users, from the prekeys the server hands out.

Spec: docs/spec/prekeys.md and docs/spec/handshake.md
"""

import asyncio
import logging
from collections.abc import Callable

from peer_agent.api import Api, UserBundle
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.crypto.errors import CryptoError, Downgrade, NotValidNow, UnknownDevice, UnknownVersion
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys
from peer_agent.crypto.prekeys import verify_bundle
from peer_agent.crypto.sessions import Session, begin_session
from peer_agent.errors import Refused, ServerUnreachable
from peer_agent.events import Event, FalseClaim, FalseWord
from peer_agent.pins import Pins
from peer_agent.safety import weak_device

logger = logging.getLogger(__name__)

RENEW_AGAIN_S = 600.0
# Why prekeys may be useless although the server gives them as it got them.
NOBODYS_LIE = (Downgrade, NotValidNow, UnknownVersion)


class Handshakes:
    """Sessions this device begins."""

    def __init__(
        self,
        own: DeviceKeys,
        api: Api,
        books: Books,
        pins: Pins,
        clock: Clock,
        report: Callable[[Event], None],
    ) -> None:
        self._own = own
        self._api = api
        self._store = books.store
        self._sessions = books.sessions
        self._pins = pins
        self._clock = clock
        self._report = report
        self._told_false: set[str] = set()
        self._lock = asyncio.Lock()
        # By contact: when to ask again for the prekeys of a renewal that was refused.
        self._renew_at: dict[int, float] = {}

    async def session_with(
        self, contact: Contact, device: DeviceEntry, *, lasting_only: bool = False
    ) -> Session:
        """The session to send on; begins one when there is none, and tries to when it is due for renewal.

        lasting_only: begin it without one-time prekeys; their private halves may be what the device lost.

        Raises:
            ContactBlocked: the server shows another chain for this contact than the pinned one.
            Refused: the server has no usable prekeys of the device, or the user refuses its suite.
            ServerUnreachable
        """
        self._require_good(contact.username, device)
        async with self._lock:
            chosen = self._choose(contact, device)
            if chosen is None:
                return await self._begun(contact, device, lasting_only=lasting_only)
            if not self._is_due(contact, chosen):
                return chosen
            # Chosen anew: while the server was asked, messages came and moved the session on.
            return await self._renewed(contact, device) or self._choose(contact, device) or chosen

    def session_at_hand(self, contact: Contact, device: DeviceEntry) -> Session | None:
        """The session to send on, if that needs no question to the server."""
        if self._sessions.refuses(device.suite):
            return None
        chosen = self._choose(contact, device)
        return None if chosen is None or self._is_due(contact, chosen) else chosen

    def _choose(self, contact: Contact, device: DeviceEntry) -> Session | None:
        return self._sessions.choose(
            contact.number,
            device,
            now_ms=self._clock.unix_ms(),
            begun_from_ms=contact.sessions_from_ms,
        )

    def _is_due(self, contact: Contact, session: Session) -> bool:
        asks_again_at = self._renew_at.get(contact.number, 0.0)
        return session.needs_renewal(self._clock.unix_ms()) and self._clock.unix() >= asks_again_at

    async def _renewed(self, contact: Contact, device: DeviceEntry) -> Session | None:
        """A new session in place of one that is due; None: there can be none now, and the old one serves."""
        try:
            return await self._begun(contact, device, lasting_only=False)
        except (Refused, ServerUnreachable) as error:
            pause_s = max(RENEW_AGAIN_S, error.retry_after_s or 0.0)
            self._renew_at[contact.number] = self._clock.unix() + pause_s
            logger.info("a session that is due could not be renewed")
            return None

    async def _begun(self, contact: Contact, device: DeviceEntry, *, lasting_only: bool) -> Session:
        session = await self.begin_with(contact, device, lasting_only=lasting_only)
        with self._store.transaction():
            self._sessions.save(contact.number, session)
        return session

    async def begin_with(
        self, contact: Contact, device: DeviceEntry, *, lasting_only: bool = False
    ) -> Session:
        """Begin a session that is not stored yet.

        Raises:
            ContactBlocked, Refused, ServerUnreachable: as `session_with`.
            Refused: the device is not one of the contact's any more.
        """
        # One-time prekeys are given out for a delivery token only.
        token = None if lasting_only else contact.their_token
        bundle = await self._api.keys.claim_bundle(
            contact.username, token, fingerprint=contact.identity.fingerprint
        )
        contact = self._pins.server_shows(contact.number, bundle.statements)
        try:
            # As it is named today: its suite may have risen.
            device = contact.device(device.device_id)
        except UnknownDevice:
            raise Refused(f"{contact.username} does not have that device any more.") from None
        return self.begin(bundle, device)

    def _require_good(self, username: str, device: DeviceEntry) -> None:
        if self._sessions.refuses(device.suite):
            raise Refused(weak_device(username))

    def begin(self, bundle: UserBundle, device: DeviceEntry) -> Session:
        """Begin a session with a device of a verified chain.

        Raises:
            Refused: the prekeys in the bundle are missing, or are not this device's, or the user refuses its
                suite.
        """
        self._require_good(bundle.username, device)
        for offered in bundle.devices:
            if offered.device.bytes != device.device_id or offered.signed_prekey is None:
                continue
            kem = offered.one_time_kem or offered.last_resort
            try:
                verified = verify_bundle(
                    device, offered.signed_prekey, kem, offered.one_time, today=self._clock.day()
                )
                return begin_session(self._own, verified, now_ms=self._clock.unix_ms())
            except CryptoError as error:
                if not isinstance(error, NOBODYS_LIE):
                    self._tell_false(bundle.username)
                raise Refused("The server's prekeys of that user do not verify.") from error
        raise Refused("The server has no prekeys of that user's device yet.")

    def _tell_false(self, username: str) -> None:
        """Tell the user once that prekeys are not what they are said to be."""
        if username not in self._told_false:
            self._told_false.add(username)
            self._report(FalseClaim(FalseWord.PREKEYS, username, None))
