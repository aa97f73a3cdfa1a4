"""Devices with real stores and real keys, made contacts without a server."""

import sqlite3
import uuid
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from p2p.protocol.parts import ReceiptEntry
from peer_agent.account import Account, save_account, save_tokens
from peer_agent.api import Api, DeviceBundle, UserBundle
from peer_agent.books import Books, open_books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactState, new_contact
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import RecoveryCode, RecoveryKey, Suite, create_device, create_recovery_code
from peer_agent.crypto.messages import Message, Text
from peer_agent.crypto.prekeys import PrekeyKind
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import create_first_statement
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.events import Event, MessageReceived
from peer_agent.handshakes import Handshakes
from peer_agent.inbox import Inbox, InboxEdges
from peer_agent.opening import Opener
from peer_agent.pins import Pins
from peer_agent.rest import Rest, Tokens
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import Store, open_store

SERVER = "http://127.0.0.1:9"


@dataclass
class HandClock:
    """A clock that the test turns."""

    now: float = 1_800_000_000.0

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now)


@dataclass
class Device:
    """One device: everything but its network."""

    path: Path
    name: str
    time: HandClock = field(default_factory=HandClock)
    events: list[Event] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    resent: list[int] = field(default_factory=list)
    suite: Suite = Suite.HYBRID

    def __post_init__(self) -> None:
        self.account = make_account(self.name, self.time.clock(), self.suite)
        self.open()
        save_account(self.store, self.account)
        save_tokens(self.store, Tokens("access", "refresh"))

    def open(self) -> None:
        """Open the store as a new process would."""
        self.store: Store = open_store(prepare_state_dir(self.path), None)
        self.books: Books = open_books(self.store, self.account, self.time.clock())
        self.opener = Opener(
            self.account.device,
            self.books.contacts,
            self.books.sessions,
            self.books.prekeys,
            self.time.clock(),
        )
        self.pins = Pins(
            self.books,
            DeliveryTokens(self.store, no_server()),
            self.account.identity,
            self.time.clock(),
            self.events.append,
        )
        edges = InboxEdges(self.events.append, self.unreadable.append, self.resent.append)
        self.inbox = Inbox(self.books, self.opener, self.pins, edges, self.time.clock())

    def crash(self) -> None:
        """Lose everything that is not on the disk."""
        self.store.close()
        self.open()

    @property
    def shown(self) -> list[str]:
        """Texts in the order they were shown."""
        return [event.text for event in self.events if isinstance(event, MessageReceived)]

    def contact(self, other: "Device") -> Contact:
        found = self.books.contacts.find(other.name)
        assert found is not None
        return found

    def write(self, other: "Device", text: str) -> bytes:
        """Accept a message for a contact and seal it; returns its envelope."""
        contact, now_ms = self.contact(other), self.time.clock().unix_ms()
        with self.store.transaction():
            stored = self.books.history.write(contact.number, Text(text), now_ms=now_ms)
        session = self.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)
        assert session is not None
        return self.books.outbox.seal(stored, contact.devices[0], session, now_ms=now_ms).envelope

    def receipt(self, other: "Device", entry: ReceiptEntry) -> int | None:
        delivered = self.books.outbox.receipted(self.contact(other).number, [entry]).delivered
        return delivered[0] if delivered else None

    def bundle(self) -> UserBundle:
        """What a server would hand out for this device."""
        own = self.account.device
        day = self.time.clock().day()
        kinds = (PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM, PrekeyKind.ONE_TIME, PrekeyKind.ONE_TIME_KEM)
        with self.store.transaction():
            signed, last_resort, one_time, one_time_kem = (
                self.books.prekeys.make(kind, 1, day=day)[0].public(own).pack() for kind in kinds
            )
        kems = (None, None) if own.suite is Suite.CLASSICAL else (last_resort, one_time_kem)
        device = DeviceBundle(self.account.device_id, signed, kems[0], one_time, kems[1])
        return UserBundle(self.name, self.account.statements, [device])


class CrashAt:
    """A database edge that fails at the n-th statement that writes."""

    def __init__(self, device: Device, nth: int) -> None:
        self.database, self.left = device.store._database, nth

    def execute(self, sql: str, values: object = ()) -> sqlite3.Cursor:
        if not sql.lstrip().upper().startswith(("SELECT", "BEGIN", "ROLLBACK")):
            self.left -= 1
            if self.left < 0:
                raise sqlite3.OperationalError("disk I/O error")
        return self.database.execute(sql, values)  # type: ignore[arg-type]  # passed on as it came

    def __getattr__(self, name: str) -> object:
        return getattr(self.database, name)


def envelope_of(sender: Device, receiver: Device, message: Message) -> bytes:
    """Seal any message for a device, past the sender's history and outbox."""
    contact = sender.contact(receiver)
    session = sender.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)
    assert session is not None
    session, envelope = session.encrypt(message.pack())
    with sender.store.transaction():
        sender.books.sessions.save(contact.number, session)
    return envelope


@lru_cache(maxsize=1)
def no_server() -> Api:
    """An edge that nobody asks anything. One for all: to make a client takes long."""
    return Api(Rest(SERVER))


# The codes of accounts made here: whoever made one has written it down.
_codes: dict[bytes, RecoveryCode] = {}


def make_account(name: str, clock: Clock, suite: Suite = Suite.HYBRID) -> Account:
    device, code = replace(create_device(), suite=suite), create_recovery_code()
    recovery = RecoveryKey.from_code(code)
    statement = create_first_statement(name, device, recovery, day=clock.day())
    _codes[sha256(statement)] = code
    return Account(SERVER, name, device, pack_chain([statement]))


def code_of(account: Account) -> RecoveryCode:
    """The recovery code of an account that was made here, whatever became of it since."""
    return _codes[account.identity.fingerprint]


def acquaint(one: Device, other: Device) -> None:
    """Make two devices each other's accepted contacts, with a session that `one` began."""
    for device, peer in ((one, other), (other, one)):
        contact = new_contact(peer.name, ContactState.ACCEPTED, peer.account.chain)
        contact = replace(contact, their_token=uuid.uuid4().bytes * 2, my_token=uuid.uuid4().bytes * 2)
        with device.store.transaction():
            device.books.contacts.add(contact)
    begin_session(one, other)


def begin_session(one: Device, other: Device, bundle: UserBundle | None = None) -> None:
    """Begin a session from a bundle, a fresh one if none is given."""
    clock = one.time.clock()
    handshakes = Handshakes(one.account.device, no_server(), one.books, one.pins, clock, one.events.append)
    contact = one.contact(other)
    session = handshakes.begin(bundle or other.bundle(), contact.devices[0])
    with one.store.transaction():
        one.books.sessions.save(contact.number, session)
