"""Ada and bo as two stores on the disk with a session between them, and forwarders' keys; no network."""

import secrets
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from p2p.protocol.ids import HOP_ID_BYTES, LINK_ID_BYTES, TOKEN_BYTES, HopId, LinkId, TransactionId
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_peer import PathReady
from peer_agent.account import Account
from peer_agent.api import Api
from peer_agent.books import Books, open_books
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact, ContactState, new_contact
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import RecoveryKey, create_device, create_recovery_code
from peer_agent.crypto.messages import DeliveryToken, Text
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.crypto.prekeys import PrekeyKind, verify_bundle
from peer_agent.crypto.sessions import begin_session
from peer_agent.crypto.statements import create_first_statement
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.inbox import Inbox, InboxEdges
from peer_agent.opening import Opener
from peer_agent.outbox import Sealed
from peer_agent.pins import Pins
from peer_agent.rest import Rest
from peer_agent.route import Route, make_route
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store

SERVER = "http://127.0.0.1"


@dataclass(frozen=True)
class User:
    """One end: its account, its store, its inbox."""

    account: Account
    books: Books
    inbox: Inbox


@dataclass(frozen=True)
class TwoEnds:
    """Both ends, acquainted, and a path of four hops from ada to bo."""

    ada: User
    bo: User
    contact: Contact
    route: Route
    onion_keys: tuple[OnionKeys, ...]

    def seal(self, text: str, clock: Clock) -> Sealed:
        """Commit a message and its envelope to ada's outbox, as `send` does while a path is open."""
        books, device, now_ms = self.ada.books, self.route.device, clock.unix_ms()
        with books.store.transaction():
            stored = books.history.write(self.contact.number, Text(text), now_ms=now_ms)
            session = books.sessions.choose(self.contact.number, device, now_ms=now_ms)
            assert session is not None
            return books.outbox.put(stored, device, session, now_ms=now_ms)

    def wrap(self, sealed: Sealed) -> bytes:
        """Make the only cell of a short message."""
        (frame,) = self.route.frames(sealed.number, sealed.envelope, first=0)
        return frame

    def take(self, envelope: bytes) -> ReceiptEntry:
        """Decrypt on bo's side and commit ratchet, message and receipt."""
        entry = self.bo.inbox.take(envelope)
        assert entry is not None
        return entry

    def receipted(self, entry: ReceiptEntry) -> None:
        """Check a receipt on ada's side and commit that the message is delivered."""
        assert self.ada.books.outbox.receipted(self.contact.number, [entry]).delivered


@contextmanager
def two_ends(folder: Path, clock: Clock) -> Iterator[TwoEnds]:
    """Make both ends in a folder; nothing of them is left open afterwards."""
    with _user(folder, "ada", clock) as ada, _user(folder, "bo", clock) as bo:
        contact = _acquaint(ada, bo)
        _acquaint(bo, ada)
        _begin_session(ada, bo, contact, clock)
        onion_keys = tuple(OnionKeys.create(day=clock.day()) for _ in range(4))
        yield TwoEnds(ada, bo, contact, _route(bo, contact, onion_keys, clock), onion_keys)


@contextmanager
def _user(folder: Path, name: str, clock: Clock) -> Iterator[User]:
    with closing(open_store(prepare_state_dir(folder / name), None)) as store:
        device = create_device()
        recovery = RecoveryKey.from_code(create_recovery_code())
        statement = create_first_statement(name, device, recovery, day=clock.day())
        account = Account(SERVER, name, device, pack_chain([statement]))
        books = open_books(store, account)
        opener = Opener(device, books.contacts, books.sessions, books.prekeys, clock)
        tokens = DeliveryTokens(store, Api(Rest(SERVER)))
        pins = Pins(books, tokens, account.identity, clock, _nothing)
        edges = InboxEdges(report=_nothing, unreadable=_nothing, resend=_nothing)
        yield User(account, books, Inbox(books, opener, pins, edges, clock))


def _acquaint(user: User, other: User) -> Contact:
    contact = new_contact(other.account.username, ContactState.ACCEPTED, other.account.chain)
    token = DeliveryToken(secrets.token_bytes(TOKEN_BYTES))
    with user.books.store.transaction():
        return user.books.contacts.add(replace(contact, their_token=token, my_token=token))


def _begin_session(ada: User, bo: User, contact: Contact, clock: Clock) -> None:
    with bo.books.store.transaction():
        signed, kem = (
            bo.books.prekeys.make(kind, 1, day=clock.day())[0].public(bo.account.device).pack()
            for kind in (PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT_KEM)
        )
    bundle = verify_bundle(contact.devices[0], signed, kem, None, today=clock.day())
    with ada.books.store.transaction():
        session = begin_session(ada.account.device, bundle, now_ms=clock.unix_ms())
        ada.books.sessions.save(contact.number, session)


def _route(bo: User, contact: Contact, keys: tuple[OnionKeys, ...], clock: Clock) -> Route:
    frame = PathReady(
        tx=TransactionId(uuid.uuid4()),
        attempt=1,
        device=bo.account.device_id,
        onion_key=keys[-1].signed(bo.account.device).pack(),
        forwarders=tuple(each.current.public.raw for each in keys[:-1]),
        hops=tuple(HopId(secrets.token_bytes(HOP_ID_BYTES)) for _ in keys),
        link=LinkId(secrets.token_bytes(LINK_ID_BYTES)),
    )
    return make_route(frame, contact.devices[0], now_s=int(clock.unix()))


def _nothing(_: object) -> None:
    """Take an event that nobody looks at."""
