"""Opens envelopes: finds or begins the session, and says whose message it is. Changes nothing by itself.

Spec: docs/spec/handshake.md, section "Receiver must"
"""

from dataclasses import dataclass, replace

from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactBook
from peer_agent.crypto.errors import CryptoError, Downgrade, Replayed, UnknownDevice
from peer_agent.crypto.handshake import InitialHeader
from peer_agent.crypto.identity import DeviceEntry, DeviceKeys, Suite
from peer_agent.crypto.messages import Message
from peer_agent.crypto.prekeys import PrekeyId
from peer_agent.crypto.sessions import Envelope, Session, accept_session
from peer_agent.prekey_book import PrekeyBook
from peer_agent.session_book import SessionBook


class NotReadable(Exception):
    """An envelope does not open.

    contact: the number of the contact with whom its session is held. None for an envelope that would begin a
    session: whoever knows a contact's public keys can write its header, so it proves nothing (T-07).
    """

    def __init__(self, contact: int | None) -> None:
        super().__init__("an envelope does not open")
        self.contact = contact


@dataclass(frozen=True, slots=True)
class Opened:
    """A message, and what has to be stored with it.

    contact: None for a device that no pinned chain names.
    header, spent: of a session that began with this message.
    """

    contact: int | None
    session: Session
    message: Message
    header: InitialHeader | None = None
    spent: tuple[PrekeyId, ...] = ()


class Opener:
    """Reads envelopes with the keys of this device."""

    def __init__(
        self, own: DeviceKeys, contacts: ContactBook, sessions: SessionBook, prekeys: PrekeyBook, clock: Clock
    ) -> None:
        self._own = own
        self._contacts = contacts
        self._sessions = sessions
        self._prekeys = prekeys
        self._clock = clock

    def open(self, raw: bytes) -> Opened:
        """Open an envelope; the states it leads to are the caller's to store.

        Raises:
            NotReadable: for whatever reason.
        """
        contact: int | None = None
        try:
            envelope = Envelope.unpack(raw)
            found = self._sessions.find(envelope.session_id)
            if found is not None:
                contact, session = found
                self._require_named(contact, session.peer)
                self._require_good(session.peer.suite)
                session, plaintext = session.decrypt(envelope)
                return Opened(contact, session, Message.unpack(plaintext))
            return self._open_first(envelope)
        except (UnknownDevice, Downgrade) as error:
            # No reset is asked of a device that is gone, or that the user does not want to hear.
            raise NotReadable(None) from error
        except CryptoError as error:
            raise NotReadable(contact) from error

    def _open_first(self, envelope: Envelope) -> Opened:
        if envelope.header is not None and self._prekeys.is_repeat(envelope.header):
            raise Replayed
        if envelope.header is not None:
            self._require_good(envelope.header.suite)
        accepted = accept_session(self._own, envelope, self._prekeys.find, now_ms=self._clock.unix_ms())
        message = Message.unpack(accepted.plaintext)
        contact = self._owner(accepted.session.peer)
        return Opened(contact, accepted.session, message, envelope.header, accepted.spent)

    def _require_named(self, number: int, device: DeviceEntry) -> None:
        """Insist that a contact still has the device of a session; its suite may have risen since.

        Raises:
            UnknownDevice: it was removed.
        """
        named = self._contacts.get(number).device(device.device_id)
        if replace(device, suite=named.suite) != named:
            raise UnknownDevice

    def _require_good(self, suite: Suite) -> None:
        """Insist on a suite that the user does not refuse.

        Raises:
            Downgrade: the user refuses it.
        """
        if self._sessions.refuses(suite):
            raise Downgrade

    def _owner(self, device: DeviceEntry) -> int | None:
        """The contact whose pinned chain names a device that has proven itself."""
        found = next((each for each in self._contacts.all() if _names(each, device)), None)
        return None if found is None else found.number


def _names(contact: Contact, device: DeviceEntry) -> bool:
    """Tell whether a contact's chain names a device, which may have risen since and never fallen."""
    try:
        named = contact.device(device.device_id)
    except UnknownDevice:
        return False
    return device.suite <= named.suite and replace(named, suite=device.suite) == device
