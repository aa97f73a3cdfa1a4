"""The command `history`, and the word of the other commands that messages wait to be shown."""

from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.cli_output import Output, shown_text
from peer_agent.clock import local_time
from peer_agent.config import Config
from peer_agent.contact_book import Contact, folded
from peer_agent.desk import read_store
from peer_agent.errors import UnknownUser
from peer_agent.history import Entry, Gap, Kept
from peer_agent.peer import Peer
from peer_agent.showing import text_of

STATES = {
    Kept.UNDELIVERED: "not delivered yet",
    Kept.UNDELIVERED_DIRECT: "direct, not delivered yet",
    Kept.DELIVERED: "delivered",
    Kept.HELD: "waits for an earlier one",
    Kept.READY: "not shown yet",
}
MISSING_TEXT = "(a message is missing here)"


async def history(options: Namespace, config: Config, output: Output) -> None:
    """Print the messages with one contact, or with all; what waits for `listen` goes on waiting."""
    with read_store(config) as store:
        books = open_books(store, require_account(store))
        found = books.contacts.all()
        if options.user is not None:
            found = [contact for contact in found if contact.username == folded(options.user)]
            if not found:
                raise UnknownUser(f"{options.user} is no contact.")
        for contact in found:
            for entry in books.history.conversation(contact.number):
                _print(contact, entry, output)


@asynccontextmanager
async def says_what_waits(peer: Peer, output: Output) -> AsyncIterator[None]:
    """Say at the end, however it comes, that messages wait which this command does not show."""
    try:
        yield
    finally:
        count = peer.waiting_messages()
        if count:
            waits = "1 message waits" if count == 1 else f"{count} messages wait"
            sentence = f"{waits}: `mesa-peer listen` shows what came."
            if output.is_json:
                await output.tell_last("messages_waiting", sentence, count=count)
            else:
                output.note("", sentence)


def _print(contact: Contact, entry: Entry, output: Output) -> None:
    values = {"user": contact.username, "number": entry.number, "state": entry.state.value}
    if isinstance(entry, Gap):
        sentence = f"{contact.username}: {MISSING_TEXT}"
        output.result("message", sentence, **values, outgoing=False, text=None, sent_at_ms=None)
        return
    sent_ms, text = entry.message.sent_ms, text_of(entry)
    who = f"to {contact.username}" if entry.is_outgoing else contact.username
    state = f" ({STATES[entry.state]})" if entry.state in STATES else ""
    sentence = f"{local_time(sent_ms)} {who}: {shown_text(text)}{state}"
    output.result("message", sentence, **values, outgoing=entry.is_outgoing, text=text, sent_at_ms=sent_ms)
