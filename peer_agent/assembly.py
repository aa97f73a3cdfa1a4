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
from peer_agent.direct import Direct, DirectModeParts
from peer_agent.direct_consent import Consent
from peer_agent.direct_courier import DirectParts
from peer_agent.direct_links import DirectEdges, DirectLinks
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
    """What the conversations of a peer stand on, and where they speak to.

    direct_links: the network's; None where there is no network.
    """

    account: Account
    api: Api
    store: Store
    tasks: Tasks
    clock: Clock
    send_cell: Callable[[LinkId, bytes], bool]
    send_frame: Callable[[FrameToServer], None]
    report: Callable[[Event], None]
    direct_links: DirectLinks | None = None


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
    direct: Direct


def assemble(around: Surroundings) -> Conversations:
    """Make the conversations of an account."""
    own, clock = around.account.device, around.clock
    parts = _contact_parts(around)
    books = parts.books
    contacts = Contacts(parts)
    consent = Consent(books.contacts, parts.account.identity)
    delivery, direct = _sending(around, parts, consent)
    opener = Opener(own, books.contacts, books.sessions, books.prekeys, clock)
    resets = Resets(books, parts.handshakes, parts.posts, clock)
    edges = InboxEdges(
        report=around.report,
        unreadable=lambda contact: around.tasks.spawn(resets.ask(contact)),
        resend=delivery.resend,
        more=lambda: around.tasks.spawn(inbox.release_rest()),
        consent=consent.take,
        consent_changed=direct.changed,
    )
    inbox = Inbox(books, opener, parts.pins, edges, clock)
    return Conversations(
        books=books,
        contacts=contacts,
        delivery=delivery,
        inbox=inbox,
        mailbox=_mailbox(around, opener, inbox, contacts, delivery),
        posts=parts.posts,
        prekeys=PrekeyUpkeep(own, around.api, around.store, books.prekeys, clock),
        tokens=parts.tokens,
        pins=parts.pins,
        blocking=Blocking(parts, contacts, delivery, direct),
        direct=direct,
    )


def _contact_parts(around: Surroundings) -> ContactParts:
    """Make what users become contacts with."""
    account, api, clock, report = around.account, around.api, around.clock, around.report
    books = open_books(around.store, account, clock)
    tokens = DeliveryTokens(around.store, api)
    pins = Pins(books, tokens, account.identity, clock, report)
    handshakes = Handshakes(account.device, api, books, pins, clock, report)
    posts = Posts(around.store, api, clock)
    return ContactParts(account, api, books, tokens, handshakes, posts, pins, clock, report)


def _sending(around: Surroundings, parts: ContactParts, consent: Consent) -> tuple[Delivery, Direct]:
    """Make what brings messages over, and what decides who is written to directly."""
    identity, direct_links = parts.account.identity, around.direct_links or _no_links(around.tasks)
    delivery = Delivery(
        CourierParts(
            parts.api,
            parts.books,
            parts.handshakes,
            parts.pins,
            around.tasks,
            parts.clock,
            around.send_cell,
            around.send_frame,
            _ignore_start,
            parts.report,
        ),
        DirectParts(identity, direct_links, lambda contact: direct.distrust(contact)),
    )
    mode = DirectModeParts(
        identity, parts.books, consent, parts.pins, direct_links, around.send_frame, parts.report
    )
    direct = Direct(mode, delivery)
    return delivery, direct


def _mailbox(
    around: Surroundings, opener: Opener, inbox: Inbox, contacts: Contacts, delivery: Delivery
) -> Mailbox:
    return Mailbox(
        MailboxParts(
            around.account.device,
            around.api,
            around.store,
            opener,
            inbox,
            contacts.is_genuine,
            contacts.asked,
            contacts.owed,
            contacts.answer,
            delivery.reached_anew,
            around.clock,
        )
    )


def _no_links(tasks: Tasks) -> DirectLinks:
    """Stand in where there is no network: a link can not be begun."""
    return DirectLinks(tasks, DirectEdges(lambda hop, payload: None, lambda hop: None, lambda event: None))


def _ignore_start(tx: TransactionId, contact: int) -> None:
    """Stand in until the delivery puts its own listener here."""
