"""Commands about people who are not welcome: ignore, block, unblock."""

from argparse import Namespace

from peer_agent.cli_output import Output
from peer_agent.config import Config
from peer_agent.contact_book import Contact, ContactState
from peer_agent.desk import opened_desk
from peer_agent.errors import ServerUnreachable


async def ignore(options: Namespace, config: Config, output: Output) -> None:
    """Leave a contact request without an answer; nobody is told."""
    async with opened_desk(config) as desk:
        contact = desk.conversations.blocking.ignore(options.user)
    sentence = (
        f"{contact.username} is ignored, and is not told. `mesa-peer accept {contact.username}` accepts."
    )
    output.result("ignored", sentence, user=contact.username)


async def block(options: Namespace, config: Config, output: Output) -> None:
    """Take nothing more from somebody, and send nothing; nobody is told."""
    async with opened_desk(config) as desk:
        try:
            contact = await desk.conversations.blocking.block(options.user)
        except ServerUnreachable as error:
            raise ServerUnreachable(
                f"Blocked here, so nothing more of {options.user} is taken in. The server does not answer: "
                "until it is told, with the next command, they may see this device online."
            ) from error
    sentence = f"{contact.username} is blocked, and is not told: for them you are offline."
    output.result("blocked", sentence, user=contact.username)


async def unblock(options: Namespace, config: Config, output: Output) -> None:
    """Let somebody in again who was blocked."""
    async with opened_desk(config) as desk:
        contact = await desk.conversations.blocking.unblock(options.user)
    output.result("unblocked", _sentence(contact), user=contact.username)


def _sentence(contact: Contact) -> str:
    name = contact.username
    if contact.is_unsafe:
        return f"{name} is not blocked any more, but keys have changed: `mesa-peer verify {name}` tells more."
    if contact.state is ContactState.ASKING:
        return f"{name} is not blocked any more and asks to be a contact: `mesa-peer accept {name}`."
    if contact.state is ContactState.ASKED:
        return f"{name} is not blocked any more: ask again with `mesa-peer request {name}`."
    return f"{name} is not blocked any more. Messages pass as soon as {name} has been online."
