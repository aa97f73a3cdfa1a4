"""Looks into everything that can be wrong with a peer, and tells it in the order in which it matters.

Spec: docs/spec/agent.md, section "Status"
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from p2p.protocol.limits import FORWARDERS
from peer_agent.account import Account
from peer_agent.api import Api, PrekeyStock
from peer_agent.books import Books
from peer_agent.clock import Clock
from peer_agent.crypto.chain import GOOD, Verdict
from peer_agent.desk import Desk
from peer_agent.errors import AgentError, LoginEnded, LoginRefused
from peer_agent.finding_local import (
    Running,
    contacts_finding,
    disk_finding,
    guards_finding,
    outbox_finding,
    undelivered,
)
from peer_agent.finding_network import NetworkFacts, network_finding
from peer_agent.finding_server import ask_server
from peer_agent.findings import About, Finding, Report
from peer_agent.history import Kept
from peer_agent.orphaned import FORGOTTEN, WHAT_STAYS, explained
from peer_agent.upkeep import REFILL_BELOW
from peer_agent.verifying import check_own_identity

OTHER_IDENTITY = "The server shows another identity of yours than this device has; others may see it, too."


@dataclass(frozen=True, slots=True)
class Place:
    """The device that is looked into. running: None if no agent runs; holder: another one that does."""

    state_dir: Path
    account: Account
    books: Books
    running: Running | None
    holder: str | None = None


async def diagnose_beside(place: Place, api: Api, clock: Clock) -> Report:
    """Look into a device on which another agent works: without its login, and without its place online."""
    asked = await ask_server(api.server, place.account.server, clock)
    return _report(place, list(asked.findings), None, asked.failure)


async def diagnose(
    place: Place, desk: Desk, clock: Clock, network: Callable[[], Awaitable[NetworkFacts]]
) -> Report:
    """Look into a device. network: finds out how it stands in the network."""
    asked = await ask_server(desk.api.server, place.account.server, clock)
    found, failure, verdict = list(asked.findings), asked.failure, None
    if failure is None:
        try:
            await desk.api.accounts.me()
            found.append(Finding(About.LOGIN, True, "This device is logged in."))
            verdict = await check_own_identity(desk)
            found.append(_identity_finding(verdict))
            found.append(network_finding(await network()))
            found.append(_forwarders_finding(await desk.api.server.forwarders_at_least()))
            found.append(_prekeys_finding(await desk.api.keys.prekey_stock()))
        except LoginRefused as error:
            found = [each for each in found if each.about is not About.LOGIN]
            finding, failure = await _login_finding(place.account, error)
            found.append(finding)
        except AgentError as error:
            found.append(Finding(About.SERVER, False, str(error), "Try again later."))
            failure = error
    return _report(place, found, verdict, failure)


async def _login_finding(account: Account, error: LoginRefused) -> tuple[Finding, LoginRefused]:
    """Tell a login that can be had again from a device that the server has forgotten."""
    told = await explained(account, error) if isinstance(error, LoginEnded) else error
    if told is error:
        return Finding(About.LOGIN, False, str(error), "It asks for the password. Nothing is lost."), error
    return Finding(About.LOGIN, False, FORGOTTEN.format(account.server), WHAT_STAYS), told


def _report(
    place: Place, found: list[Finding], verdict: Verdict | None, failure: AgentError | None
) -> Report:
    books = place.books
    found = [
        *_directory_findings(place),
        disk_finding(place.state_dir),
        *found,
        guards_finding(books),
        contacts_finding(books),
        outbox_finding(books, place.running),
    ]
    order = list(About)
    return Report(
        place.account,
        undelivered(books),
        books.history.count(Kept.READY),
        tuple(sorted(found, key=lambda each: order.index(each.about))),
        verdict,
        failure,
    )


def _directory_findings(place: Place) -> list[Finding]:
    if place.holder is None:
        return []
    why = f"Process {place.holder} works on the state directory: it has the login and the connection."
    help_ = "Stop it before you run another command that goes online."
    return [Finding(About.DIRECTORY, True, why, help_, {"holder": place.holder})]


def _identity_finding(verdict: Verdict) -> Finding:
    values = {"verdict": verdict}
    if verdict in GOOD:
        return Finding(About.IDENTITY, True, "The server shows your identity as it is.", values=values)
    return Finding(
        About.IDENTITY,
        False,
        OTHER_IDENTITY,
        "Tell your contacts over another way, and ask them to compare safety numbers.",
        values,
    )


def _forwarders_finding(at_least: int | None) -> Finding:
    values = {"at_least": at_least, "needed": FORWARDERS}
    if at_least is None:
        return Finding(About.FORWARDERS, True, "The server does not say how many forward.", values=values)
    if at_least >= FORWARDERS:
        return Finding(About.FORWARDERS, True, f"At least {at_least} peers forward.", values=values)
    return Finding(
        About.FORWARDERS,
        False,
        f"Fewer than {FORWARDERS} peers forward: messages wait for forwarders.",
        f"A path needs {FORWARDERS} of accounts that are neither end's. `mesa-peer forward`, left running "
        "with other accounts, helps; what waits goes by itself then.",
        values,
    )


def _prekeys_finding(stock: PrekeyStock) -> Finding:
    low = min(stock.one_time, stock.one_time_kem)
    values = {"one_time": stock.one_time, "one_time_kem": stock.one_time_kem}
    if None in (stock.signed_prekey, stock.last_resort):
        why = "The server has no prekeys of this device: nobody can write to it first."
    elif low < REFILL_BELOW:
        why = f"The server has few prekeys of this device left: {low}."
    else:
        return Finding(About.PREKEYS, True, "The server has enough prekeys of this device.", values=values)
    return Finding(
        About.PREKEYS,
        False,
        why,
        "`mesa-peer listen` and `forward` fill them up; so does `contacts`.",
        values,
    )
