"""The command `send`: messages into the outbox, and a wait for their receipts."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from p2p.protocol.limits import FORWARDERS
from peer_agent.cli_connection import Connection
from peer_agent.cli_guards import limit_sentence
from peer_agent.cli_history import says_what_waits
from peer_agent.cli_lines import read_all, read_lines, require_text
from peer_agent.cli_loop import run
from peer_agent.cli_output import Output, false_sentence
from peer_agent.config import Config
from peer_agent.contact_book import ContactState, folded
from peer_agent.delivery import why_not_direct
from peer_agent.desk import opened_desk
from peer_agent.errors import (
    AgentError,
    ContactBlocked,
    NoDirectLinks,
    NotDelivered,
    ServerUnreachable,
    UsageError,
)
from peer_agent.events import Event, EventStream, FalseClaim, GuardsLimit, MessageProgress
from peer_agent.peer import Peer
from peer_agent.progress import MessageState, WaitsFor
from peer_agent.tasks import Tasks


@dataclass(slots=True)
class _Sending:
    """The messages of one run of `send`: to whom, how many there are, and which have no receipt yet."""

    to: str
    waiting: set[int] = field(default_factory=set)
    count: int = 0
    latest: MessageProgress | None = None
    connection: Connection = field(default_factory=Connection)
    is_direct: bool = False
    all_read: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def has(self, event: Event) -> TypeGuard[MessageProgress]:
        """Tell whether one of them got on; others may, too, and numbers count for each contact."""
        return isinstance(event, MessageProgress) and event.to == self.to and event.number in self.waiting

    def look(self) -> None:
        """Notice the end."""
        if self.all_read.is_set() and not self.waiting:
            self.done.set()

    @property
    def stay(self) -> str:
        """Where the messages without a receipt are."""
        if len(self.waiting) == 1:
            return "The message stays in the outbox and goes with the next run."
        return f"{len(self.waiting)} messages stay in the outbox and go with the next run."


def send(options: Namespace, config: Config, output: Output) -> None:
    """Send one message, or each line of standard input, and wait for the verified receipts."""
    text = _one_text(options)
    run(_send(options, config, output, text))


def _one_text(options: Namespace) -> str | None:
    """The one message there is to send; None if each line of standard input is one."""
    if options.lines:
        if options.text is not None:
            raise UsageError("Give TEXT, or --lines for those of standard input, not both.")
        return None
    text = require_text(options.text or "")
    if text == "-":
        text = read_all(sys.stdin)
    if not text:
        raise UsageError("There is no text to send: give TEXT, or - for standard input.")
    if not text.strip():
        raise UsageError("There is nothing in the text but space.")
    return text


async def _send(options: Namespace, config: Config, output: Output, text: str | None) -> None:
    sending = _Sending(folded(options.user), is_direct=options.direct)
    await _require_contact(options.user, config, is_direct=options.direct)
    try:
        async with (
            Peer(config) as peer,
            says_what_waits(peer, output),
            peer.watching() as events,
            Tasks() as tasks,
        ):
            tasks.spawn(_follow(events, sending, output))
            tasks.spawn(_accept(peer, options.user, text, sending))
            tasks.spawn(_give_up(options.timeout, sending))
            await sending.done.wait()
    except asyncio.CancelledError:
        if sending.waiting and not output.is_json:
            output.note("", f"Interrupted. {sending.stay}")
        raise
    except (AgentError, BaseExceptionGroup) as error:
        if sending.waiting and not output.is_json and not _says_what_stays(error):
            output.note("", sending.stay)
        raise
    how = " directly" if sending.is_direct else ""
    sentence = f"Delivered{how}." if sending.count == 1 else f"Delivered {sending.count} messages{how}."
    output.result("delivered", sentence, count=sending.count)


def _says_what_stays(error: BaseException) -> bool:
    """Tell whether a failure says by itself where the messages are that were accepted."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_says_what_stays, error.exceptions))
    return isinstance(error, NotDelivered | ServerUnreachable | ContactBlocked | NoDirectLinks)


async def _require_contact(user: str, config: Config, *, is_direct: bool) -> None:
    """See to it that there is a contact of that name; the yes to our request may still lie in the mailbox.

    Raises:
        UnknownUser: there is none.
        NoDirectLinks: it is to go directly, and that was not agreed.
    """
    async with opened_desk(config) as desk:
        book = desk.conversations.books.contacts
        contact = book.find(folded(user))
        if contact is not None and contact.state is ContactState.ASKED:
            await desk.look_into_mailbox()
        contact = book.require(user)
        if is_direct and not contact.is_unsafe and not contact.allows_direct:
            raise NoDirectLinks(why_not_direct(contact))


async def _accept(peer: Peer, user: str, text: str | None, sending: _Sending) -> None:
    async for each in _texts(text):
        sending.waiting.add(peer.send(user, each, is_direct=sending.is_direct).number)
        sending.count += 1
    sending.all_read.set()
    sending.look()


async def _texts(text: str | None) -> AsyncIterator[str]:
    if text is not None:
        yield text
        return
    async for line in read_lines(sys.stdin):
        if line.strip():
            yield line


async def _give_up(timeout_s: float, sending: _Sending) -> None:
    await sending.all_read.wait()
    await asyncio.sleep(timeout_s)
    raise _failure(sending, timeout_s)


# What may come up while somebody waits for a receipt.
WARNINGS: dict[type[Event], Callable[[Any], str]] = {
    FalseClaim: false_sentence,
    GuardsLimit: limit_sentence,
}


async def _follow(events: EventStream, sending: _Sending, output: Output) -> None:
    async for timed in events:
        output.event(timed)
        event = timed.event
        if sending.connection.changes_by(event):
            output.progress(sending.connection.trouble or _phrase(sending.latest))
        if type(event) in WARNINGS and not output.is_json:
            output.note("", WARNINGS[type(event)](event))
        if sending.has(event):
            sending.latest = event
            output.progress(_phrase(event))
            if event.state == MessageState.BLOCKED and event.direct:
                raise NoDirectLinks(f"There are no direct links with {event.to} any more. {sending.stay}")
            if event.state == MessageState.BLOCKED:
                raise ContactBlocked(
                    f"Keys of {event.to} have changed. The message stays in the outbox. "
                    f"`mesa-peer verify {event.to}` tells more."
                )
            if event.state == MessageState.DELIVERED:
                sending.waiting.discard(event.number)
                sending.look()


def _phrase(event: MessageProgress | None) -> str:
    """A message's state in the words of the person who waits for it."""
    if event is None:
        return "looking for a path"
    if event.state == MessageState.DELIVERED:
        return "delivered"
    if event.state in (MessageState.PATH, MessageState.SENT):
        way = "on its way directly" if event.direct else "on its way"
        return way if event.attempt < 2 else f"{way}, attempt {event.attempt}"
    if event.direct:
        return f"waiting for {event.to} itself, no forwarder between"
    if event.waits_for == WaitsFor.FORWARDERS:
        return f"waiting for forwarders, {event.forwarders} of {FORWARDERS}"
    if event.waits_for == WaitsFor.CONTACT:
        return f"waiting for {event.to}"
    return "looking for a path"


def _failure(sending: _Sending, timeout_s: float) -> AgentError:
    """Why some messages have no receipt, as far as this side knows."""
    if not sending.connection.is_open:
        return ServerUnreachable(f"Not delivered: the server does not answer. {sending.stay}")
    return NotDelivered(f"Not delivered in {timeout_s:g} s: {_reason(sending.latest)}. {sending.stay}")


def _reason(latest: MessageProgress | None) -> str:
    if latest is None or latest.state == MessageState.DELIVERED:
        return "there was no path yet"
    if latest.state in (MessageState.PATH, MessageState.SENT):
        return "no receipt has come"
    if latest.waits_for == WaitsFor.FORWARDERS:
        return f"only {latest.forwarders} of {FORWARDERS} forwarders are there"
    if latest.waits_for == WaitsFor.CONTACT:
        # Whether somebody is online is not told; this is the likely reason for no path.
        return f"still waiting for {latest.to}"
    return "there was no path yet"
