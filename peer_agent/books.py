"""The parts of the store that messages touch, opened together."""

from dataclasses import dataclass

from peer_agent.account import Account
from peer_agent.clock import Clock
from peer_agent.contact_book import ContactBook
from peer_agent.guards_book import GuardBook
from peer_agent.held import Held
from peer_agent.history import History
from peer_agent.outbox import Outbox
from peer_agent.prekey_book import PrekeyBook
from peer_agent.session_book import SessionBook
from peer_agent.store import Store


@dataclass(frozen=True, slots=True)
class Books:
    """One store, read and written by subject."""

    store: Store
    contacts: ContactBook
    sessions: SessionBook
    prekeys: PrekeyBook
    history: History
    held: Held
    outbox: Outbox
    guards: GuardBook


def open_books(store: Store, account: Account, clock: Clock | None = None) -> Books:
    """Open all parts of a store."""
    sessions, held = SessionBook(store, account.device), Held(store)
    history = History(store, held)
    outbox = Outbox(store, history, sessions)
    guards = GuardBook(store, clock or Clock())
    return Books(store, ContactBook(store), sessions, PrekeyBook(store), history, held, outbox, guards)
