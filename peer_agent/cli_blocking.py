"""Commands about people who are not welcome: ignore, block, unblock."""

from argparse import Namespace

from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.cli_output import Output
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.contact_book import Contact, ContactState
from peer_agent.desk import opened_desk, read_store
from peer_agent.errors import StateInUse
from peer_agent.verifying import find_contact
from peer_agent.wishes import Asker, Wish, carry_out


async def ignore(options: Namespace, config: Config, output: Output) -> None:
    """Leave a contact request without an answer; nobody is told."""
    contact = await _done(config, Wish.IGNORE, options.user)
    sentence = (
        f"{contact.username} is ignored, and is not told. `mesa-peer accept {contact.username}` accepts."
    )
    output.result("ignored", sentence, user=contact.username)


async def block(options: Namespace, config: Config, output: Output) -> None:
    """Take nothing more from somebody, and send nothing; nobody is told."""
    contact = await _done(config, Wish.BLOCK, options.user)
    sentence = f"{contact.username} is blocked, and is not told: for them you are offline."
    output.result("blocked", sentence, user=contact.username)


async def unblock(options: Namespace, config: Config, output: Output) -> None:
    """Let somebody in again who was blocked."""
    contact = await _done(config, Wish.UNBLOCK, options.user)
    output.result("unblocked", _sentence(contact), user=contact.username)


async def _done(config: Config, wish: Wish, username: str) -> Contact:
    """Do it here, or have the agent do it that works on the state directory; returns the contact after it."""
    try:
        async with opened_desk(config) as desk:
            return await carry_out(desk.conversations.blocking, wish, username)
    except StateInUse as error:
        with read_store(config) as store:
            await Asker(store, Clock(), error).ask(wish, username)
            return find_contact(open_books(store, require_account(store)), username)


def _sentence(contact: Contact) -> str:
    name = contact.username
    if contact.is_unsafe:
        return f"{name} is not blocked any more, but keys have changed: `mesa-peer verify {name}` tells more."
    if contact.state is ContactState.ASKING:
        return f"{name} is not blocked any more and asks to be a contact: `mesa-peer accept {name}`."
    if contact.state is ContactState.ASKED:
        return f"{name} is not blocked any more: ask again with `mesa-peer request {name}`."
    return f"{name} is not blocked any more. Messages pass as soon as {name} has been online."
