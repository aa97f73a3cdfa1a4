"""The command `listen`: messages as they come."""

import sys
from argparse import Namespace

from peer_agent.cli_connection import Connection
from peer_agent.cli_direct import said_of_consent
from peer_agent.cli_output import Output, shown_text
from peer_agent.clock import local_time
from peer_agent.config import Config
from peer_agent.errors import AgentError
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    Event,
    MessageMissing,
    MessageReceived,
    TimedEvent,
)
from peer_agent.peer import Peer


async def listen(options: Namespace, config: Config, output: Output) -> None:
    """Print what comes, until stopped."""
    connection = Connection()
    async with Peer(config) as peer, peer.showing() as events:
        async for timed in events:
            # Written and flushed before the next event is asked for: only that makes a message shown.
            output.event(timed)
            _show(timed, output)
            connection.changes_by(timed.event)
            output.progress(connection.trouble or "listening")
            if options.echo and isinstance(timed.event, MessageReceived):
                _answer(peer, timed.event)


def _show(timed: TimedEvent, output: Output) -> None:
    event = timed.event
    if output.is_json:
        return
    if isinstance(event, MessageReceived):
        when = local_time(event.sent_at_ms, now_s=timed.time)
        output.result("", f"{when} {event.sender}: {shown_text(event.text)}")
    elif isinstance(event, MessageMissing):
        output.result("", f"(a message from {event.sender} is missing here)")
    elif sentence := _said_of_contact(event):
        output.result("", sentence)


def _said_of_contact(event: Event) -> str | None:
    """What a person reads when something becomes of a contact; None for other events."""
    if isinstance(event, ContactAsked):
        return f"{event.user} asks to be a contact: `mesa-peer accept {event.user}`"
    if isinstance(event, ContactAdded):
        return f"{event.user} is a contact now."
    if isinstance(event, ContactUnsafe):
        return f"Keys of {event.user} have changed: `mesa-peer verify {event.user}` tells more."
    if isinstance(event, ContactRenewed):
        return f"{event.user} has other devices: {event.added} came, {event.removed} went."
    return said_of_consent(event)


def _answer(peer: Peer, event: MessageReceived) -> None:
    try:
        peer.send(event.sender, event.text)
    except AgentError as error:
        sys.stderr.write(f"mesa-peer: {error}\n")
