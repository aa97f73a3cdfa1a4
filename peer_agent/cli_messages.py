"""Commands that carry messages: send and listen."""

import asyncio
import sys
from argparse import Namespace

from peer_agent.cli_output import Output, shown_text
from peer_agent.config import Config
from peer_agent.errors import AgentError, ContactBlocked, NotDelivered, UsageError
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactUnsafe,
    Event,
    EventStream,
    MessageProgress,
    MessageReceived,
    Online,
)
from peer_agent.peer import Peer
from peer_agent.progress import MessageState, WaitsFor


async def send(options: Namespace, config: Config, output: Output) -> None:
    """Send one message, or each line of standard input, and wait for the verified receipts."""
    texts = _texts(options)
    async with Peer(config) as peer, peer.events() as events:
        waiting = {peer.send(options.user, text) for text in texts}
        count = len(waiting)
        try:
            async with asyncio.timeout(options.timeout):
                await _until_delivered(events, waiting, output)
        except TimeoutError:
            raise NotDelivered(
                f"{len(waiting)} of {count} not delivered in {options.timeout:g} s. "
                "What is left stays in the outbox and goes with the next run."
            ) from None
    output.result("delivered", "Delivered." if count == 1 else f"Delivered {count} messages.", count=count)


async def listen(options: Namespace, config: Config, output: Output) -> None:
    """Print what comes, until stopped."""
    async with Peer(config) as peer, peer.events() as events:
        async for timed in events:
            output.event(timed)
            _show(timed.event, output)
            if options.echo and isinstance(timed.event, MessageReceived):
                _answer(peer, timed.event)


async def _until_delivered(events: EventStream, waiting: set[int], output: Output) -> None:
    async for timed in events:
        output.event(timed)
        event = timed.event
        if isinstance(event, MessageProgress) and event.number in waiting:
            output.progress(_phrase(event))
            if event.state == MessageState.DELIVERED:
                waiting.discard(event.number)
            elif event.state == MessageState.BLOCKED:
                raise ContactBlocked(f"The keys of {event.to} have changed: nothing is sent.")
        if not waiting:
            return


def _texts(options: Namespace) -> list[str]:
    if options.lines:
        return [line for line in sys.stdin.read().splitlines() if line]
    if options.text is None:
        raise UsageError("There is no text to send.")
    return [sys.stdin.read() if options.text == "-" else options.text]


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
