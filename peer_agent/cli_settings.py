"""Commands about the account at the server: settings, remove-account."""

import sys
from argparse import Namespace

from peer_agent import sign_up
from peer_agent.account import require_account
from peer_agent.cli_loop import run
from peer_agent.cli_output import Output
from peer_agent.cli_secrets import read_password
from peer_agent.config import Config
from peer_agent.contact_book import folded
from peer_agent.crypto.identity import Suite
from peer_agent.desk import opened_desk, opened_store
from peer_agent.errors import UsageError
from peer_agent.store import wipe

FINDERS = {
    "prefix": "whoever types its beginning",
    "exact": "whoever types all of it",
    "hidden": "nobody but who has your fingerprint, or is a contact",
}
VISIBILITIES = tuple(FINDERS)
REFUSE = "refuse"
SUITE_2_CHOICES = (REFUSE, "accept")


async def settings(options: Namespace, config: Config, output: Output) -> None:
    """Show what the server lets others know of this account, and what this device refuses, or change it."""
    async with opened_desk(config) as desk:
        sessions = desk.conversations.books.sessions
        if options.suite_2 is not None:
            sessions.refuse_suite_2(options.suite_2 == REFUSE)
        refuses = sessions.refuses(Suite.CLASSICAL)
        accounts = desk.api.accounts
        visibility = await accounts.visibility()
        if options.visibility is not None:
            await accounts.set_visibility(options.visibility)
            visibility = options.visibility
        account = desk.account
    finders = FINDERS.get(visibility, "in a way that this version does not know")
    fingerprint = account.identity.fingerprint.hex()
    output.result(
        "settings",
        f"The name {account.username} is found by {finders} ({visibility}). Fingerprint: {fingerprint}. "
        f"Devices without ML-KEM are {'refused' if refuses else 'accepted'}.",
        user=account.username,
        visibility=visibility,
        fingerprint=fingerprint,
        refuses_suite_2=refuses,
    )


def remove_account(options: Namespace, config: Config, output: Output) -> None:
    """Remove the account at the server, then everything in the state directory."""
    with opened_store(config) as store:
        account = require_account(store)
        _confirm(options, account.username, account.server)
        if not options.local_only:
            run(sign_up.remove(store, read_password(options)))
        store.close()
        wipe(config.state_dir)
    where = "" if options.local_only else f" at {account.server} and"
    sentence = f"{account.username} is removed{where} from this device."
    output.result("account_removed", sentence, user=account.username)


def _confirm(options: Namespace, username: str, server: str) -> None:
    """Have the user name typed by somebody who means it.

    Raises:
        UsageError: it was not.
    """
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to confirm on: --yes removes without a question.")
    what = (
        "all that is on this device"
        if options.local_only
        else f"{username} at {server}, and all that is here,"
    )
    sys.stdout.write(f"This removes {what} for good: keys, contacts and messages.\n")
    try:
        typed = input("Type the user name to confirm: ")
    except EOFError:
        sys.stdout.write("\n")
        typed = ""
    if folded(typed.strip()) != username:
        raise UsageError("Nothing was removed.")
