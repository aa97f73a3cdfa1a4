"""Versions of the protocol: whether a server speaks this agent's, and if not, who has to be updated.

Spec: docs/spec/agent.md, section "Other versions"
"""

import re
from collections.abc import Sequence

from p2p.protocol.limits import SUBPROTOCOL
from peer_agent.errors import AgentError, Refused, ServerUnreachable
from peer_agent.rest import NO_MESA_SERVER, Rest, items

SERVER = "/api/server/"
MESA = re.compile(r"mesa\.([0-9]{1,9})")


async def require_common(rest: Rest) -> None:
    """See that a server speaks this agent's version, before it is told anything.

    Raises:
        Refused: it does not; the sentence says who is older.
        ServerUnreachable
    """
    body = await rest.call("GET", SERVER, login=False)
    if body.get("name") != "mesa":
        raise ServerUnreachable(NO_MESA_SERVER)
    spoken = items(body, "protocols")
    if SUBPROTOCOL not in spoken:
        raise no_common_version(spoken)


async def why_refused(rest: Rest) -> Refused:
    """Find out why a server refused this agent's version."""
    try:
        spoken = items(await rest.call("GET", SERVER, login=False), "protocols")
    except AgentError:
        spoken = []
    return no_common_version(spoken)


def no_common_version(spoken: Sequence[object]) -> Refused:
    """Say what to do about a server that speaks these versions."""
    own = _number(SUBPROTOCOL)
    numbers = [number for each in spoken if (number := _number(each)) is not None]
    said = ", ".join(f"mesa.{number}" for number in sorted(numbers))
    if own is not None and numbers and min(numbers) > own:
        return Refused(f"The server speaks {said} and this agent {SUBPROTOCOL}: update this agent.")
    if own is not None and numbers and max(numbers) < own:
        return Refused(
            f"The server speaks {said} and this agent {SUBPROTOCOL}: the server is older, and its operator "
            "has to update it."
        )
    return Refused("This agent and the server share no version: update the agent.")


def _number(protocol: object) -> int | None:
    found = MESA.fullmatch(protocol) if isinstance(protocol, str) else None
    return None if found is None else int(found[1])
