"""What a person is told about the keys of a contact: numbers to compare, and why nothing is sent.

Spec: docs/spec/identity.md, sections "Verdict" and "Safety number"
"""

from enum import StrEnum
from typing import Any

from peer_agent.contact_book import Contact
from peer_agent.crypto.chain import Verdict, judge, read_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.identity import Identity, Suite, safety_number


class Danger(StrEnum):
    """Why nothing is sent to a contact."""

    OTHER_KEYS = "other_keys"
    ROLLED_BACK = "rolled_back"
    FORKED = "forked"
    UNREADABLE = "unreadable"
    WRONG_KEY = "wrong_key"


SENTENCES = {
    Danger.OTHER_KEYS: "The keys of {} have changed.",
    Danger.ROLLED_BACK: "The server shows an older state of {}'s devices than it did before.",
    Danger.FORKED: "Two lists of {}'s devices contradict each other.",
    Danger.UNREADABLE: "The keys that are shown for {} do not verify.",
    Danger.WRONG_KEY: "A key came in the name of {} that is not theirs.",
}


def danger_of(contact: Contact) -> Danger | None:
    """Tell why nothing is sent to a contact; None: nothing is wrong."""
    if not contact.is_unsafe:
        return None
    if not contact.shown:
        return Danger.WRONG_KEY
    shown = shown_identity(contact)
    if shown is None:
        return Danger.UNREADABLE
    if shown.fingerprint != contact.identity.fingerprint:
        return Danger.OTHER_KEYS
    is_older = judge(contact.identity, shown) is Verdict.ROLLED_BACK
    return Danger.ROLLED_BACK if is_older else Danger.FORKED


def shown_identity(contact: Contact) -> Identity | None:
    """What the chain says that stands against the pinned one, if it is one."""
    try:
        return read_chain(contact.shown)
    except CryptoError:
        return None


def what_is_wrong(contact: Contact, own: Identity) -> str:
    """Say why nothing is sent to a contact, with the safety numbers of before and now if they differ."""
    danger = danger_of(contact) or Danger.WRONG_KEY
    parts = [SENTENCES[danger].format(contact.username), "Nothing is sent to them."]
    shown = shown_identity(contact)
    if danger is Danger.OTHER_KEYS and shown is not None:
        parts.append(f"Safety number before: {safety_number(own, contact.identity)}.")
        parts.append(f"Safety number now: {safety_number(own, shown)}.")
    return " ".join(parts)


def told_of(contact: Contact, own: Identity) -> dict[str, Any]:
    """The keys of a `verify` result: the number to compare, and that of other keys that are shown."""
    danger, shown = danger_of(contact), None
    if danger is Danger.OTHER_KEYS:
        identity = shown_identity(contact)
        shown = None if identity is None else safety_number(own, identity)
    return {
        "user": contact.username,
        "safety_number": safety_number(own, contact.identity),
        "verified": contact.is_verified,
        "danger": danger,
        "shown_safety_number": shown,
    }


def are_digits_of(typed: str, number: str) -> bool:
    """Tell whether somebody typed a safety number, with spaces wherever they like."""
    return "".join(typed.split()) == number.replace(" ", "")


def weak_device(username: str) -> str:
    """Say why nothing is sealed for a device of suite 2 when the user refuses that."""
    return f"{username}'s device lacks ML-KEM, and your settings refuse such devices: nothing is sent to it."


def weakest_suite(contact: Contact) -> Suite:
    """The suite of the contact's device that agrees keys in the weakest way."""
    return max(device.suite for device in contact.devices)
