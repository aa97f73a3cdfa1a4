"""The command `direct`: asks a contact for links without forwarders, accepts such a wish, or ends it."""

import asyncio
from argparse import Namespace
from typing import Final

from peer_agent.cli_history import says_what_waits
from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.contact_book import DirectState, folded
from peer_agent.errors import NotDelivered
from peer_agent.events import (
    DirectAgreed,
    DirectEnded,
    DirectUnsafe,
    DirectWish,
    Event,
    EventStream,
    MessageProgress,
)
from peer_agent.peer import Peer
from peer_agent.progress import MessageState

COST: Final = "each of you learns the other's network address"
STATES: Final = {
    DirectState.NONE: "There are no direct links with {}.",
    DirectState.ASKED: f"Asked {{}} for direct links. They have to agree: with them {COST}.",
    DirectState.ASKING: f"{{}} asks for direct links, over which {COST}: `--accept` agrees.",
    DirectState.ACCEPTED: f"You and {{}} agreed to direct links: over one {COST}. `send --direct` uses them.",
    DirectState.UNSAFE: "Somebody stood between on the way to a direct link with {}.",
}


async def direct(options: Namespace, config: Config, output: Output) -> None:
    """Ask a contact for direct links, agree to such a wish, or end them."""
    async with Peer(config) as peer, says_what_waits(peer, output), peer.watching() as events:
        say = peer.accept_direct if options.accept else peer.end_direct if options.end else peer.ask_direct
        number = say(options.user)
        if number is not None:
            await _delivered(events, number, options, output)
        contact = next(each for each in peer.contacts() if each.user == folded(options.user))
    sentence = STATES[contact.direct].format(contact.user)
    output.result("direct", sentence, user=contact.user, state=contact.direct.value)


async def _delivered(events: EventStream, number: int, options: Namespace, output: Output) -> None:
    """Wait until the contact's device has the message.

    Raises:
        NotDelivered: not in time. What was decided holds all the same, on this side.
    """
    try:
        async with asyncio.timeout(options.timeout):
            async for timed in events:
                output.event(timed)
                event = timed.event
                if isinstance(event, MessageProgress) and (event.to, event.number) == (
                    folded(options.user),
                    number,
                ):
                    output.progress(f"telling {event.to}")
                    if event.state == MessageState.DELIVERED:
                        return
    except TimeoutError:
        raise NotDelivered(
            f"{options.user} could not be told in {options.timeout:g} s. "
            "The message stays in the outbox and goes with the next run."
        ) from None


def said_of_consent(event: Event) -> str | None:
    """What a person reads of direct links while listening; None for other events."""
    if isinstance(event, DirectWish):
        user = event.user
        return f"{user} asks for direct links, over which {COST}: `mesa-peer direct {user} --accept`"
    if isinstance(event, DirectAgreed):
        return f"{event.user} agreed to direct links: over one {COST}."
    if isinstance(event, DirectEnded):
        return f"{event.user} wants no direct links."
    if isinstance(event, DirectUnsafe):
        return f"Somebody stood between on the way to a direct link with {event.user}. Nothing went over it."
    return None
