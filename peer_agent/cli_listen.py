"""The command `listen`: messages as they come."""

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from peer_agent.cli_connection import Connection
from peer_agent.cli_direct import said_of_consent
from peer_agent.cli_guards import limit_sentence
from peer_agent.cli_output import Output, false_sentence, shown_text
from peer_agent.clock import local_time
from peer_agent.config import Config
from peer_agent.errors import AgentError
from peer_agent.events import (
    ContactAdded,
    ContactAsked,
    ContactRenewed,
    ContactUnsafe,
    DiskFull,
    Event,
    FalseClaim,
    GuardsLimit,
    MessageMissing,
    MessageReceived,
    TimedEvent,
)
from peer_agent.peer import Peer


async def listen(options: Namespace, config: Config, output: Output) -> None:
    """Print what comes, until stopped."""
    connection = Connection()
    async with Peer(config) as peer, output.beside(), peer.showing() as events:
        async for timed in events:
            # Written before the next event is asked for: only that makes a message shown.
            await output.tell(timed, *sentences_of(timed))
            if isinstance(timed.event, DiskFull) and not output.is_json:
                output.note("", "There is no space left on the disk: what comes waits with its sender.")
            connection.changes_by(timed.event)
            output.progress(connection.trouble or "listening")
            if options.echo and isinstance(timed.event, MessageReceived):
                _answer(peer, timed.event)


def sentences_of(timed: TimedEvent) -> list[str]:
    """What a person reads of an event: a message, or at most one sentence."""
    event = timed.event
    if isinstance(event, MessageReceived):
        when = local_time(event.sent_at_ms, now_s=timed.time)
        return [f"{when} {event.sender}: {shown_text(event.text)}"]
    sentence = sentence_of(event)
    return [] if sentence is None else [sentence]


def sentence_of(event: Event) -> str | None:
    """What a person reads of an event besides messages; None for one that needs no word."""
    write = SENTENCES.get(type(event), said_of_consent)
    return write(event)


SENTENCES: dict[type[Event], Callable[[Any], str]] = {
    MessageMissing: lambda event: f"(a message from {event.sender} is missing here)",
    ContactAsked: lambda event: f"{event.user} asks to be a contact: `mesa-peer accept {event.user}`",
    ContactAdded: lambda event: f"{event.user} is a contact now.",
    ContactUnsafe: lambda event: (
        f"Keys of {event.user} have changed: `mesa-peer verify {event.user}` tells more."
    ),
    ContactRenewed: lambda event: (
        f"{event.user} has other devices: {event.added} came, {event.removed} went."
    ),
    FalseClaim: false_sentence,
    GuardsLimit: limit_sentence,
}


def _answer(peer: Peer, event: MessageReceived) -> None:
    try:
        peer.send(event.sender, event.text)
    except AgentError as error:
        sys.stderr.write(f"mesa-peer: {error}\n")
