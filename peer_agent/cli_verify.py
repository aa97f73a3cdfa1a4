"""The command `verify`: safety numbers, and the user's decision about keys that changed."""

import sys
from argparse import Namespace

from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.cli_loop import run
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.contact_book import Contact, ContactState, folded
from peer_agent.crypto.identity import Identity, safety_number
from peer_agent.desk import opened_desk, opened_store, read_store
from peer_agent.errors import ContactBlocked, StateInUse, UsageError
from peer_agent.safety import are_digits_of, told_of, what_is_wrong
from peer_agent.verifying import accept_new_keys, find_contact, mark_verified

YES = ("y", "yes")


def verify(options: Namespace, config: Config, output: Output) -> None:
    """Compare the safety number with a contact, or decide about keys that changed."""
    try:
        _verify(options, config, output)
    except StateInUse as error:
        if options.accept_new or options.number is not None:
            raise
        with read_store(config) as store:
            account = require_account(store)
            contact, own = find_contact(open_books(store, account), options.user), account.identity
            if contact.is_unsafe:
                _warn(contact, own, output)
            _show(contact, own, output)
        if not output.is_json:
            output.note("", f"Only shown; to mark it as verified: {error}")


def _verify(options: Namespace, config: Config, output: Output) -> None:
    with opened_store(config) as store:
        account = require_account(store)
        books, own = open_books(store, account), account.identity
        contact = find_contact(books, options.user)
        if not options.accept_new:
            if contact.is_unsafe:
                _warn(contact, own, output)
            if _holds(options, contact, own, output):
                contact = mark_verified(books, contact)
            _show(contact, own, output)
            return
        _confirm(options, contact, own, output)
    contact = run(_accept(options, config, contact.shown))
    sentence = f"The new keys of {contact.username} are pinned."
    if contact.state is ContactState.ASKED:
        sentence += f" {contact.username} was asked to be a contact again, and has to accept."
    values = {"user": contact.username, "state": contact.state.value, "verified": contact.is_verified}
    output.result("new_keys_accepted", sentence, **values)


def _holds(options: Namespace, contact: Contact, own: Identity, output: Output) -> bool:
    """Tell whether somebody compared the safety number, and it is the same at the other end.

    Raises:
        ContactBlocked: it is not.
    """
    number = safety_number(own, contact.identity)
    if options.number is not None:
        if not are_digits_of(options.number, number):
            raise ContactBlocked(
                f"These are not the digits of your safety number with {contact.username}, {number}: "
                "somebody may stand between you."
            )
        return True
    if output.is_json or not sys.stdin.isatty():
        return False
    sys.stdout.write(f"Your safety number with {contact.username}:\n\n    {number}\n\n")
    return _says_yes(f"Does {contact.username} see the same? [yes/no] ")


def _show(contact: Contact, own: Identity, output: Output) -> None:
    told = told_of(contact, own)
    word = "verified" if contact.is_verified else "not verified: compare it over another way"
    sentence = f"Safety number with {contact.username}: {told['safety_number']} ({word})."
    output.result("verify", sentence, **told)


def _warn(contact: Contact, own: Identity, output: Output) -> None:
    """Say what is wrong with a contact, and end.

    Raises:
        ContactBlocked: always.
    """
    if output.is_json:
        _show(contact, own, output)
    raise ContactBlocked(
        f"{what_is_wrong(contact, own)} Ask {contact.username} over another way. If it is right, "
        f"`mesa-peer verify {contact.username} --accept-new` goes on with what is shown."
    )


def _confirm(options: Namespace, contact: Contact, own: Identity, output: Output) -> None:
    """Let a person on a terminal see once more what the decision is about.

    Raises:
        UsageError: there is nothing to decide, or the answer was no.
    """
    if not contact.is_unsafe:
        raise UsageError(f"Nothing is wrong with the keys of {contact.username}.")
    if output.is_json or options.number is not None or not sys.stdin.isatty():
        return
    sys.stdout.write(f"{what_is_wrong(contact, own)}\n")
    if not _says_yes("Go on with what is shown now? [yes/no] "):
        raise UsageError("Nothing was changed.")


def _says_yes(question: str) -> bool:
    try:
        return input(question).strip().casefold() in YES
    except EOFError:
        sys.stdout.write("\n")
        return False


async def _accept(options: Namespace, config: Config, seen: bytes) -> Contact:
    async with opened_desk(config) as desk:
        return await accept_new_keys(desk, folded(options.user), seen=seen, digits=options.number)
