"""What a device finds on its own disk: space, contacts whose keys have changed, messages that wait.

Spec: docs/spec/agent.md, section "Status"
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from p2p.protocol.limits import FORWARDERS
from peer_agent.books import Books
from peer_agent.clock import local_time
from peer_agent.contact_book import Contact
from peer_agent.events import MessageProgress
from peer_agent.findings import About, Finding
from peer_agent.guards_words import summary, values
from peer_agent.history import WAITING
from peer_agent.progress import WaitsFor

# A message is a few KiB, and the database needs space to write a transaction twice.
LOW_SPACE_BYTES = 64 * 1_024 * 1_024
MB = 1_000_000


class Why(StrEnum):
    """Why messages for a contact have no receipt yet, as far as this side knows."""

    KEYS = "keys"
    FORWARDERS = "forwarders"
    CONTACT = "contact"
    UNDER_WAY = "under_way"
    SERVER = "server"
    NO_RUN = "no_run"


SENTENCES = {
    Why.KEYS: "keys of {} have changed",
    Why.FORWARDERS: "waiting for forwarders, {} of " + str(FORWARDERS),
    Why.CONTACT: "waiting for {}",
    Why.UNDER_WAY: "under way",
    Why.SERVER: "no connection to the server",
    Why.NO_RUN: "no agent runs; the next `mesa-peer listen`, `forward` or `send` sends what waits",
}


@dataclass(frozen=True, slots=True)
class Running:
    """What the agent at work knows of its messages, by contact; empty while another one has them."""

    is_online: bool = False
    latest: Mapping[str, MessageProgress] | None = None


def disk_finding(state_dir: Path) -> Finding:
    """Judge the space where the state directory is."""
    free = shutil.disk_usage(state_dir).free
    values = {"free_bytes": free}
    if free >= LOW_SPACE_BYTES:
        return Finding(About.DISK, True, "There is space on the disk.", values=values)
    why = f"Only {free // MB} MB are free where the state directory is."
    return Finding(
        About.DISK, False, why, "Make space: a message that can not be stored is not taken.", values
    )


def contacts_finding(books: Books) -> Finding:
    """Tell of the contacts to whom nothing is sent."""
    unsafe = [each.username for each in books.contacts.all() if each.is_unsafe]
    values = {"unsafe": unsafe}
    if not unsafe:
        return Finding(About.CONTACTS, True, "No contact's keys have changed.", values=values)
    why = f"Keys have changed, and nothing is sent to {', '.join(unsafe)}."
    what = "; ".join(f"`mesa-peer verify {each}`" for each in unsafe)
    return Finding(About.CONTACTS, False, why, f"See what has changed: {what}.", values)


def guards_finding(books: Books) -> Finding:
    """Tell of the forwarders that stand next to this device, and whether it waits for the user's word."""
    guards = books.guards.all()
    good = not guards.needs_word
    help_ = "" if good else "`mesa-peer guards --replace` gives your word, if you mean it."
    return Finding(About.GUARDS, good, summary(guards), help_, values(guards))


def outbox_finding(books: Books, running: Running | None) -> Finding:
    """Tell how many messages wait for a receipt, since when, and why. running: None if no agent runs."""
    waiting = list(_waiting(books, running))
    values = {"waiting": waiting}
    if not waiting:
        return Finding(About.OUTBOX, True, "No message waits.", values=values)
    why = " ".join(map(_sentence, waiting))
    return Finding(About.OUTBOX, False, why, "They are kept, and sent until there is a receipt.", values)


def undelivered(books: Books) -> int:
    """How many messages of ours have no receipt."""
    return sum(books.history.count(state) for state in WAITING)


def _waiting(books: Books, running: Running | None) -> Iterator[dict[str, Any]]:
    for number in {each for state in WAITING for each in books.history.contacts_with(state)}:
        contact = books.contacts.get(number)
        stored = [each for state in WAITING for each in books.history.undelivered(number, state)]
        why, forwarders = _why(contact, running)
        yield {
            "user": contact.username,
            "count": len(stored),
            "since_ms": min(each.message.sent_ms for each in stored),
            "why": why,
            "forwarders": forwarders,
        }


def _why(contact: Contact, running: Running | None) -> tuple[Why, int | None]:
    if contact.is_unsafe:
        return Why.KEYS, None
    if running is None:
        return Why.NO_RUN, None
    if running.latest is None:
        return Why.UNDER_WAY, None
    if not running.is_online:
        return Why.SERVER, None
    latest = running.latest.get(contact.username)
    if latest is not None and latest.waits_for == WaitsFor.FORWARDERS:
        return Why.FORWARDERS, latest.forwarders
    if latest is not None and latest.waits_for == WaitsFor.CONTACT:
        return Why.CONTACT, None
    return Why.UNDER_WAY, None


def _sentence(waiting: Mapping[str, Any]) -> str:
    count, user, why = waiting["count"], waiting["user"], waiting["why"]
    told = waiting["forwarders"] if why is Why.FORWARDERS else user
    messages = "1 message" if count == 1 else f"{count} messages"
    since = local_time(waiting["since_ms"])
    return f"{messages} for {user}, since {since}: {SENTENCES[why].format(told)}."
