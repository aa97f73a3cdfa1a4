"""Puts the parts of a peer together: every part knows its edges only, and this module knows them all."""

from collections.abc import Callable
from dataclasses import dataclass

from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import LinkId, TransactionId
from peer_agent.account import Account
from peer_agent.api import Api
from peer_agent.blocking import Blocking
from peer_agent.books import Books, open_books
from peer_agent.clock import Clock
from peer_agent.contacts import ContactParts, Contacts
from peer_agent.courier import CourierParts
from peer_agent.delivery import Delivery
from peer_agent.delivery_tokens import DeliveryTokens
from peer_agent.events import Event
from peer_agent.handshakes import Handshakes
from peer_agent.inbox import Inbox, InboxEdges
from peer_agent.mailbox import Mailbox, MailboxParts
from peer_agent.opening import Opener
from peer_agent.pins import Pins
from peer_agent.posts import Posts
from peer_agent.resets import Resets
from peer_agent.store import Store
from peer_agent.tasks import Tasks
from peer_agent.upkeep import PrekeyUpkeep


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the conversations of a peer stand on, and where they speak to."""

    account: Account
    api: Api
    store: Store
    tasks: Tasks
    clock: Clock
    send_cell: Callable[[LinkId, bytes], bool]
    send_frame: Callable[[FrameToServer], None]
    report: Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Conversations:
    """Everything about contacts and messages."""

    books: Books
    contacts: Contacts
    delivery: Delivery
    inbox: Inbox
    mailbox: Mailbox
    posts: Posts
    prekeys: PrekeyUpkeep
    tokens: DeliveryTokens
    pins: Pins
    blocking: Blocking


def assemble(around: Surroundings) -> Conversations:
    """Make the conversations of an account."""
    own, clock, report = around.account.device, around.clock, around.report
    books = open_books(around.store, around.account)
    posts = Posts(around.store, around.api, clock)
    tokens = DeliveryTokens(around.store, around.api)
    pins = Pins(books, tokens, around.account.identity, clock, report)
    handshakes = Handshakes(own, around.api, books, pins, clock)
    resets = Resets(books, handshakes, posts, clock)
    parts = ContactParts(around.account, around.api, books, tokens, handshakes, posts, pins, clock, report)
    contacts = Contacts(parts)
    delivery = Delivery(
        CourierParts(
            around.api,
            books,
            handshakes,
            pins,
            around.tasks,
            clock,
            around.send_cell,
            around.send_frame,
            _ignore_start,
            report,
        )
    )
    opener = Opener(own, books.contacts, books.sessions, books.prekeys, clock)
    edges = InboxEdges(
        report=report,
        unreadable=lambda contact: around.tasks.spawn(resets.ask(contact)),
        resend=delivery.resend,
        more=lambda: around.tasks.spawn(inbox.release_rest()),
    )
    inbox = Inbox(books, opener, pins, edges, clock)
    mailbox = Mailbox(
        MailboxParts(
            own,
            around.api,
            around.store,
            opener,
            inbox,
            contacts.is_genuine,
            contacts.asked,
            contacts.owed,
            contacts.answer,
            clock,
        )
    )
    upkeep = PrekeyUpkeep(own, around.api, around.store, books.prekeys, clock)
    blocking = Blocking(parts, contacts, delivery)
    return Conversations(books, contacts, delivery, inbox, mailbox, posts, upkeep, tokens, pins, blocking)


def _ignore_start(tx: TransactionId, contact: int) -> None:
    """Stand in until the delivery puts its own listener here."""
