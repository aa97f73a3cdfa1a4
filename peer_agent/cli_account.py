"""Commands about the account and its contacts: register, login, logout, request, accept, contacts."""

import sys
from argparse import Namespace

from peer_agent import sign_up
from peer_agent.account import load_account, load_tokens, require_account
from peer_agent.books import open_books
from peer_agent.cli_lines import require_text
from peer_agent.cli_loop import run
from peer_agent.cli_output import Output, shown_text
from peer_agent.cli_secrets import (
    hand_over_recovery_code,
    read_new_password,
    read_password,
    require_way_for_recovery_code,
)
from peer_agent.clock import Clock
from peer_agent.config import DEFAULT_SERVER, Config
from peer_agent.contact_book import Contact, ContactState, DirectState
from peer_agent.crypto.identity import Suite
from peer_agent.crypto.messages import MAX_GREETING_SIGNS
from peer_agent.desk import fill_stocks, new_store, opened_desk, opened_store, read_store
from peer_agent.errors import AgentError, LoginRefused, StateInUse, UsageError
from peer_agent.records import contact_info
from peer_agent.safety import weakest_suite

STATES = {
    ContactState.ASKED: "asked, no answer yet",
    ContactState.ASKING: "asks to be a contact",
    ContactState.ACCEPTED: "contact",
}

DIRECT = {
    DirectState.ASKED: "asked for direct links, no answer yet",
    DirectState.ASKING: "asks for direct links",
    DirectState.ACCEPTED: "direct links agreed",
    DirectState.UNSAFE: "direct links stopped: somebody stood between",
}


def register(options: Namespace, config: Config, output: Output) -> None:
    """Make an account on a server and log this device in."""
    require_way_for_recovery_code(options)
    username = sign_up.checked_name(options.user)
    with new_store(config) as store:
        account, code = load_account(store), sign_up.recovery_code(store)
        if account is None or load_tokens(store) is None:
            password, server = read_new_password(options), config.server or DEFAULT_SERVER
            account = run(
                sign_up.register(store, server, username, password, Clock(), invitation=options.invitation)
            )
            code = sign_up.recovery_code(store)
        elif code is None:
            raise UsageError(f"This state directory has an account already: {account.username}.")
        if code is not None:
            hand_over_recovery_code(options, account.username, code)
            sign_up.forget_recovery_code(store)
    run(fill_stocks(config))
    output.result("registered", f"Registered as {account.username}.", user=account.username)


def login(options: Namespace, config: Config, output: Output) -> None:
    """Log this device in again."""
    with opened_store(config) as store:
        account = run(sign_up.login(store, read_password(options)))
    output.result("logged_in", f"Logged in as {account.username}.", user=account.username)


async def logout(options: Namespace, config: Config, output: Output) -> None:
    """End this device's login."""
    with opened_store(config) as store:
        account = await sign_up.logout(store)
    output.result("logged_out", "Logged out. Keys and messages stay here.", user=account.username)


async def request(options: Namespace, config: Config, output: Output) -> None:
    """Ask a user to become a contact."""
    username = sign_up.checked_name(options.user)
    if len(require_text(options.greeting)) > MAX_GREETING_SIGNS:
        raise UsageError(f"A greeting has at most {MAX_GREETING_SIGNS} signs.")
    async with opened_desk(config) as desk:
        await desk.look_into_mailbox()
        contact = await desk.conversations.contacts.request(
            username, options.greeting, fingerprint=options.fingerprint
        )
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
    try:
        found = await _fresh_contacts(config)
    except (StateInUse, LoginRefused):
        # Whoever holds the directory minds the mailbox, too; without a login there is none to mind.
        with read_store(config) as store:
            found = open_books(store, require_account(store)).contacts.all()
    for contact in found:
        output.result(
            "contact",
            _line(contact),
            **contact_info(contact).to_json(),
        )
    if not found and not output.is_json:
        output.result("contacts", "No contacts yet: `mesa-peer request USER` asks somebody.")


async def _fresh_contacts(config: Config) -> list[Contact]:
    """All contacts, after a look into the mailbox if the server lets us have one."""
    async with opened_desk(config) as desk:
        try:
            await desk.look_into_mailbox()
        except AgentError as error:
            sys.stderr.write(f"mesa-peer: {error} This is what was known before.\n")
        return desk.conversations.books.contacts.all()


def _line(contact: Contact) -> str:
    parts = [STATES[contact.state]]
    if contact.has_to_be_asked:
        parts = [f"has to be asked again: `mesa-peer request {contact.username}`"]
    if contact.is_blocked:
        parts.append(f"blocked: `mesa-peer unblock {contact.username}`")
    elif contact.is_ignored:
        parts.append("ignored")
    if contact.is_verified:
        parts.append("verified")
    if contact.is_unsafe:
        parts.append(f"keys have changed, nothing is sent: `mesa-peer verify {contact.username}`")
    if contact.direct in DIRECT:
        parts.append(DIRECT[contact.direct])
    if weakest_suite(contact) is Suite.CLASSICAL:
        parts.append("not protected against future quantum computers")
    # A stranger's words stand beside the question only: behind "verified" they would look like ours.
    asks = contact.state is ContactState.ASKING
    greeting = f": {shown_text(contact.greeting)}" if asks and contact.greeting else ""
    return f"{contact.username}  {'; '.join(parts)}{greeting}"
