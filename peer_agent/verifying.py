"""Keys that users have compared, and keys that a user takes in the place of others.

Spec: docs/spec/identity.md, section "Verdict", and docs/spec/agent.md, section "Mailbox and posts"
"""

from collections.abc import Sequence
from dataclasses import replace

from peer_agent.account import save_account
from peer_agent.books import Books
from peer_agent.contact_book import Contact, ContactState, folded
from peer_agent.crypto.chain import GOOD, Verdict, judge, pack_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import Identity, safety_number
from peer_agent.desk import Desk
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.safety import are_digits_of, shown_identity


def find_contact(books: Books, user: str) -> Contact:
    """Look up a contact, however far the acquaintance has come.

    Raises:
        UnknownUser: there is none of that name.
    """
    contact = books.contacts.find(folded(user))
    if contact is None:
        raise UnknownUser(f"{user} is no contact: run `mesa-peer request {user}` first.")
    return contact


def mark_verified(books: Books, contact: Contact) -> Contact:
    """Keep that the users have compared their safety number."""
    with books.store.transaction():
        return books.contacts.change(contact.number, is_verified=True)


async def check_own_identity(desk: Desk) -> Verdict:
    """Judge what the server shows as this user's own chain; one that goes on with this device is kept.

    Raises:
        LoginRefused, Refused, ServerUnreachable
    """
    account = desk.account
    try:
        shown = verify_chain(await desk.api.accounts.statements())
    except CryptoError:
        return Verdict.CHANGED
    verdict = judge(account.identity, shown)
    if verdict in GOOD and account.device.entry not in shown.devices:
        return Verdict.CHANGED
    if verdict in GOOD and verdict is not Verdict.SAME:
        save_account(desk.store, replace(account, chain=pack_chain(shown.statements)))
    return verdict


async def accept_new_keys(desk: Desk, username: str, *, seen: bytes, digits: str | None) -> Contact:
    """Pin what the server shows for a contact, if it is what the user has seen; a stranger is asked anew.

    digits: the safety number that the user was read; with it, the new keys count as verified.

    Raises:
        ContactBlocked: the server shows other keys by now, or the digits are others: nothing was changed.
        UsageError: the contact is blocked, or digits can not decide.
        UnknownUser, Refused, ServerUnreachable
    """
    parts, own = desk.conversations, desk.account.identity
    contact = find_contact(parts.books, username)
    if contact.is_blocked:
        raise UsageError(
            f"You have blocked {contact.username}: `mesa-peer unblock {contact.username}` first."
        )
    asked_for = shown_identity(contact) or contact.identity
    bundle = await desk.api.keys.claim_bundle(username, None, fingerprint=asked_for.fingerprint)
    shown = _identity(contact, bundle.statements)
    is_good = judge(contact.identity, shown) in GOOD
    if not is_good and pack_chain(bundle.statements) != seen:
        parts.pins.block(contact.number, pack_chain(bundle.statements))
        raise ContactBlocked(f"Other keys are shown for {username} by now: look at them first.")
    if digits is not None and not is_good and shown.fingerprint == contact.identity.fingerprint:
        # A thief of a device can write such a list, and it has the owner's number.
        raise UsageError(
            f"Both lists of {contact.username}'s devices have one safety number, which does not tell them "
            "apart. Leave `--number` out."
        )
    if digits is not None and not are_digits_of(digits, safety_number(own, shown)):
        raise ContactBlocked(f"These are not the digits of your new safety number with {username}.")
    contact = parts.pins.accept_new(contact.number, shown, is_verified=digits is not None)
    if contact.state is ContactState.ASKED:
        contact = await parts.contacts.request(username)
    return contact


def _identity(contact: Contact, statements: Sequence[bytes]) -> Identity:
    """The identity that the server shows, if it is one that could be pinned.

    Raises:
        ContactBlocked: it is not.
    """
    try:
        shown = verify_chain(statements)
    except CryptoError as error:
        raise ContactBlocked(f"The keys that are shown for {contact.username} do not verify.") from error
    if shown.user_name != contact.username:
        raise ContactBlocked(f"The server shows somebody else's keys for {contact.username}.")
    return shown
