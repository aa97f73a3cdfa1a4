"""Why a server can not be talked to, and how far its clock is from ours.

Spec: docs/spec/agent.md, section "Status"
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from p2p.protocol.limits import SUPPORTED_SUBPROTOCOLS
from peer_agent.api import ServerRoutes
from peer_agent.clock import MS_PER_S, Clock, spoken
from peer_agent.errors import AgentError, Refused, ServerUnreachable
from peer_agent.findings import About, Finding
from peer_agent.rest import NO_MESA_SERVER, Json

# Onion keys, prekeys and TURN logins are dated; less than this does no harm.
CLOCK_TOLERANCE_S = 60.0
# OpenSSL's numbers for what is wrong with a certificate.
EXPIRED, NOT_YET_VALID, OTHER_NAME = 10, 9, (62, 64)


class Trouble(StrEnum):
    """What keeps this device from talking to the server."""

    NO_ANSWER = "no_answer"
    NOBODY_LISTENS = "nobody_listens"
    UNKNOWN_HOST = "unknown_host"
    CERTIFICATE = "certificate"
    NO_TLS = "no_tls"
    NOT_MESA = "not_mesa"
    BUSY = "busy"
    OTHER_VERSION = "other_version"


SENTENCES = {
    Trouble.NO_ANSWER: "{} does not answer.",
    Trouble.NOBODY_LISTENS: "Nobody listens at {}.",
    Trouble.UNKNOWN_HOST: "The name of {} leads nowhere.",
    Trouble.NO_TLS: "{} does not speak TLS.",
    Trouble.NOT_MESA: "{} does not answer like a Mesa server.",
    Trouble.BUSY: "{} can not serve at the moment.",
    Trouble.OTHER_VERSION: "{} speaks no version that this agent speaks.",
}
HELP = {
    Trouble.NO_ANSWER: "Is this machine online, and is a firewall in between? Messages wait.",
    Trouble.NOBODY_LISTENS: "The server is down, or its port is another. Messages wait.",
    Trouble.UNKNOWN_HOST: "Is this machine online? Else the server has moved: ask who runs it.",
    Trouble.CERTIFICATE: "Do not go on past it: somebody may stand between. Ask who runs the server.",
    Trouble.NO_TLS: "Ask who runs the server whether its address is right.",
    Trouble.NOT_MESA: "Ask who runs the server whether its address is right.",
    Trouble.BUSY: "Its database, store or worker may be down. Messages wait; try later.",
    Trouble.OTHER_VERSION: "Update the agent; if it is the newest, the server has to be updated.",
}


@dataclass(frozen=True, slots=True)
class ServerFindings:
    """What the server's own page gave; failure: why it gave none that can be used."""

    findings: tuple[Finding, ...]
    failure: AgentError | None = None


async def ask_server(routes: ServerRoutes, address: str, clock: Clock) -> ServerFindings:
    """Ask a server what it is."""
    began = clock.unix()
    try:
        answer = await routes.about()
    except AgentError as error:
        return _failed(address, trouble_of(error), error)
    middle_s = (began + clock.unix()) / 2
    if answer.get("name") != "mesa":
        return _failed(address, Trouble.NOT_MESA, ServerUnreachable(NO_MESA_SERVER))
    protocols = answer.get("protocols")
    if not isinstance(protocols, list) or not set(map(str, protocols)) & set(SUPPORTED_SUBPROTOCOLS):
        sentence = SENTENCES[Trouble.OTHER_VERSION].format(address)
        return _failed(address, Trouble.OTHER_VERSION, Refused(sentence, code="version"))
    version = str(answer.get("version"))
    values = {"trouble": None, "version": version}
    server = Finding(About.SERVER, True, f"{address} answers.", values=values)
    return ServerFindings((server, *_clock_finding(answer, middle_s)))


def trouble_of(error: AgentError) -> Trouble:
    """Tell what is behind a failure, by the exceptions it came from."""
    causes = list(_causes(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return Trouble.CERTIFICATE
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return Trouble.NO_TLS
    if any(isinstance(each, socket.gaierror) for each in causes):
        return Trouble.UNKNOWN_HOST
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return Trouble.NOBODY_LISTENS
    if len(causes) > 1:
        return Trouble.NO_ANSWER
    is_busy = isinstance(error, ServerUnreachable) and str(error) != NO_MESA_SERVER
    return Trouble.BUSY if is_busy or error.retry_after_s is not None else Trouble.NOT_MESA


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that led to it."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        # Also past `from None`: the pool below httpx raises with it what it was told.
        error = error.__cause__ or error.__context__


def _failed(address: str, trouble: Trouble, error: AgentError) -> ServerFindings:
    why = SENTENCES[trouble].format(address) if trouble in SENTENCES else _certificate(address, error)
    values = {"trouble": trouble, "version": None}
    return ServerFindings((Finding(About.SERVER, False, why, HELP[trouble], values),), error)


def _certificate(address: str, error: AgentError) -> str:
    """Say what is wrong with a server's certificate."""
    found = next(each for each in _causes(error) if isinstance(each, ssl.SSLCertVerificationError))
    if found.verify_code == EXPIRED:
        return f"The certificate of {address} has expired, or this machine's clock is ahead."
    if found.verify_code == NOT_YET_VALID:
        return f"The certificate of {address} is not valid yet, or this machine's clock is behind."
    if found.verify_code in OTHER_NAME:
        return f"The certificate of {address} is for another name."
    return f"The certificate of {address} is of nobody this machine trusts."


def _clock_finding(answer: Json, now_s: float) -> Iterator[Finding]:
    time_ms = answer.get("time_ms")
    if type(time_ms) is not int:
        return
    ahead_s = now_s - time_ms / MS_PER_S
    values = {"ahead_s": round(ahead_s, 1)}
    if abs(ahead_s) <= CLOCK_TOLERANCE_S:
        yield Finding(About.CLOCK, True, "This machine's clock and the server's agree.", values=values)
        return
    side = "ahead of" if ahead_s > 0 else "behind"
    why = f"This machine's clock is {spoken(int(abs(ahead_s)))} {side} the server's."
    yield Finding(
        About.CLOCK,
        False,
        why,
        "Set it by a time server. Keys and logins are dated: others refuse what is not of today.",
        values,
    )
