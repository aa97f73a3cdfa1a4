"""Commands about the account and its contacts: register, login, logout, request, accept, contacts, status."""

import sys
from argparse import Namespace

from peer_agent import sign_up
from peer_agent.account import load_account, load_tokens
from peer_agent.cli_output import Output, shown_text
from peer_agent.cli_secrets import hand_over_recovery_code, may_show_recovery_code, read_password
from peer_agent.clock import Clock
from peer_agent.config import DEFAULT_SERVER, Config
from peer_agent.contact_book import Contact, ContactState
from peer_agent.crypto.messages import MAX_GREETING_SIGNS
from peer_agent.desk import opened_desk, opened_store
from peer_agent.errors import AgentError, UsageError
from peer_agent.history import Kept

STATES = {
    ContactState.ASKED: "asked, no answer yet",
    ContactState.ASKING: "asks to be a contact",
    ContactState.ACCEPTED: "contact",
}


async def register(options: Namespace, config: Config, output: Output) -> None:
    """Make an account on a server and log this device in."""
    if not may_show_recovery_code(options):
        raise UsageError("The recovery code needs a terminal, or --recovery-file.")
    if options.recovery_file is not None and options.recovery_file.exists():
        raise UsageError(f"The file {options.recovery_file} exists already.")
    with opened_store(config) as store:
        account, code = load_account(store), sign_up.recovery_code(store)
        if account is None or load_tokens(store) is None:
            password = read_password(options, is_new=True)
            server = config.server or DEFAULT_SERVER
            account = await sign_up.register(store, server, options.user, password, Clock())
            code = sign_up.recovery_code(store)
        elif code is None:
            raise UsageError(f"This state directory has an account already: {account.username}.")
        if code is not None:
            hand_over_recovery_code(options, code)
            sign_up.forget_recovery_code(store)
    async with opened_desk(config) as desk:
        await desk.conversations.prekeys.check()
        await desk.conversations.tokens.refill()
    output.result("registered", f"Registered as {account.username}.", user=account.username)


async def login(options: Namespace, config: Config, output: Output) -> None:
    """Log this device in again."""
    with opened_store(config) as store:
        account = await sign_up.login(store, read_password(options))
    output.result("logged_in", f"Logged in as {account.username}.", user=account.username)


async def logout(options: Namespace, config: Config, output: Output) -> None:
    """End this device's login."""
    with opened_store(config) as store:
        account = await sign_up.logout(store)
    output.result("logged_out", "Logged out. Keys and messages stay here.", user=account.username)


async def request(options: Namespace, config: Config, output: Output) -> None:
    """Ask a user to become a contact."""
    if len(options.greeting) > MAX_GREETING_SIGNS:
        raise UsageError(f"A greeting has at most {MAX_GREETING_SIGNS} signs.")
    async with opened_desk(config) as desk:
        await desk.look_into_mailbox()
        contact = await desk.conversations.contacts.request(options.user, options.greeting)
    sentence = f"Asked {contact.username}. They have to accept."
    if contact.state is ContactState.ACCEPTED:
        sentence = f"{contact.username} is a contact."
    output.result("requested", sentence, user=contact.username, state=contact.state.value)


async def accept(options: Namespace, config: Config, output: Output) -> None:
    """Say yes to a user who asked."""
    async with opened_desk(config) as desk:
        await desk.look_into_mailbox()
        contact = await desk.conversations.contacts.accept(options.user)
    output.result("accepted", f"{contact.username} is a contact now.", user=contact.username)


async def contacts(options: Namespace, config: Config, output: Output) -> None:
    """List contacts and requests."""
    async with opened_desk(config) as desk:
        try:
            await desk.look_into_mailbox()
        except AgentError as error:
            sys.stderr.write(f"mesa-peer: {error} This is what was known before.\n")
        found = desk.conversations.books.contacts.all()
        for contact in found:
            values = {"user": contact.username, "state": contact.state.value, "unsafe": contact.is_unsafe}
            output.result("contact", _line(contact), **values)
    if not found and not output.is_json:
        output.result("contacts", "No contacts yet: `mesa-peer request USER` asks somebody.")


async def status(options: Namespace, config: Config, output: Output) -> None:
    """Say who this device is, and whether server and login are there."""
    async with opened_desk(config) as desk:
        waiting = sum(
            len(desk.conversations.books.history.undelivered(number))
            for number in desk.conversations.books.history.contacts_with(Kept.UNDELIVERED)
        )
        unshown = desk.conversations.books.history.count(Kept.READY)
        account = desk.account
        await desk.api.me()
        output.result(
            "status",
            f"{account.username} at {account.server}: logged in. "
            f"Messages without a receipt: {waiting}. Messages not shown yet: {unshown}.",
            user=account.username,
            server=account.server,
            undelivered=waiting,
            unshown=unshown,
            fingerprint=account.identity.fingerprint.hex(),
        )


def _line(contact: Contact) -> str:
    unsafe = "; keys have changed, nothing is sent" if contact.is_unsafe else ""
    greeting = f": {shown_text(contact.greeting)}" if contact.greeting else ""
    return f"{contact.username}  {STATES[contact.state]}{unsafe}{greeting}"
