"""Commands that carry messages: send and listen."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from peer_agent.cli_history import says_what_waits
from peer_agent.cli_lines import read_lines
from peer_agent.cli_output import Output, shown_text
from peer_agent.config import Config
from peer_agent.errors import AgentError, ContactBlocked, NotDelivered, UsageError
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactUnsafe,
    Event,
    EventStream,
    MessageMissing,
    MessageProgress,
    MessageReceived,
    Online,
)
from peer_agent.peer import Peer
from peer_agent.progress import MessageState, WaitsFor
from peer_agent.tasks import Tasks


@dataclass(slots=True)
class _Sending:
    """The messages of one run of `send`: how many there are, and which have no receipt yet."""

    waiting: set[int] = field(default_factory=set)
    count: int = 0
    all_read: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self) -> None:
        """Notice the end."""
        if self.all_read.is_set() and not self.waiting:
            self.done.set()


async def send(options: Namespace, config: Config, output: Output) -> None:
    """Send one message, or each line of standard input, and wait for the verified receipts."""
    sending = _Sending()
    async with Peer(config) as peer, says_what_waits(peer, output), peer.events() as events, Tasks() as tasks:
        tasks.spawn(_follow(events, sending, output))
        tasks.spawn(_accept(peer, options, sending))
        tasks.spawn(_give_up(options, sending))
        await sending.done.wait()
    sentence = "Delivered." if sending.count == 1 else f"Delivered {sending.count} messages."
    output.result("delivered", sentence, count=sending.count)


async def _accept(peer: Peer, options: Namespace, sending: _Sending) -> None:
    async for text in _texts(options):
        sending.waiting.add(peer.send(options.user, text))
        sending.count += 1
    sending.all_read.set()
    sending.look()


async def _give_up(options: Namespace, sending: _Sending) -> None:
    await sending.all_read.wait()
    await asyncio.sleep(options.timeout)
    raise NotDelivered(
        f"{len(sending.waiting)} of {sending.count} not delivered in {options.timeout:g} s. "
        "What is left stays in the outbox and goes with the next run."
    )


async def listen(options: Namespace, config: Config, output: Output) -> None:
    """Print what comes, until stopped."""
    async with Peer(config) as peer, peer.showing() as events:
        async for timed in events:
            # Written and flushed before the next event is asked for: only that makes a message shown.
            output.event(timed)
            _show(timed.event, output)
            if options.echo and isinstance(timed.event, MessageReceived):
                _answer(peer, timed.event)


async def _follow(events: EventStream, sending: _Sending, output: Output) -> None:
    async for timed in events:
        output.event(timed)
        event = timed.event
        if isinstance(event, MessageProgress) and event.number in sending.waiting:
            output.progress(_phrase(event))
            if event.state == MessageState.BLOCKED:
                raise ContactBlocked(f"The keys of {event.to} have changed: nothing is sent.")
            if event.state == MessageState.DELIVERED:
                sending.waiting.discard(event.number)
                sending.look()


async def _texts(options: Namespace) -> AsyncIterator[str]:
    if options.lines:
        async for line in read_lines(sys.stdin):
            yield line
    elif options.text is None:
        raise UsageError("There is no text to send.")
    else:
        yield sys.stdin.read() if options.text == "-" else options.text


def _phrase(event: MessageProgress) -> str:
    """A message's state in the words of the person who waits for it."""
    if event.state == MessageState.DELIVERED:
        return "delivered"
    if event.state in (MessageState.PATH, MessageState.SENT):
        return "on its way" if event.attempt < 2 else f"on its way, attempt {event.attempt}"
    if event.waits_for == WaitsFor.FORWARDERS:
        return f"waiting for forwarders, {event.forwarders} of 3"
    if event.waits_for == WaitsFor.CONTACT:
        return f"waiting for {event.to}"
    return "looking for a path"


def _show(event: Event, output: Output) -> None:
    if output.is_json:
        return
    if isinstance(event, MessageReceived):
        output.result("", f"{event.sender}: {shown_text(event.text)}")
    elif isinstance(event, MessageMissing):
        output.result("", f"(a message from {event.sender} is missing here)")
    elif isinstance(event, ContactAsked):
        output.result("", f"{event.user} asks to be a contact: `mesa-peer accept {event.user}`")
    elif isinstance(event, ContactAdded):
        output.result("", f"{event.user} is a contact now.")
    elif isinstance(event, ContactUnsafe):
        output.result("", f"The keys of {event.user} have changed: nothing is sent to them.")
    elif isinstance(event, Online):
        output.progress("listening")


def _answer(peer: Peer, event: MessageReceived) -> None:
    try:
        peer.send(event.sender, event.text)
    except AgentError as error:
        sys.stderr.write(f"mesa-peer: {error}\n")
