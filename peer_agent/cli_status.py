"""The command `status`: what is wrong, in plain words, and what to do about it."""

import contextlib
from argparse import Namespace

from peer_agent.account import require_account
from peer_agent.api import Api
from peer_agent.books import open_books
from peer_agent.cli_output import Output
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.desk import opened_desk, read_store
from peer_agent.diagnosis import Place, diagnose, diagnose_beside
from peer_agent.errors import StateInUse, StoreClosed
from peer_agent.finding_local import Running, disk_finding
from peer_agent.finding_network import NetworkFacts, probe_network
from peer_agent.findings import Finding, Report
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.rest import Rest
from peer_agent.state_dir import holder_of
from peer_agent.turn_only import is_turn_only

GOOD, BAD, INDENT = "  ", "! ", "    "


async def status(options: Namespace, config: Config, output: Output) -> None:
    """Say who this device is, and what is wrong, if anything is."""
    try:
        report = await _look(config)
    except StateInUse:
        report = await _look_beside(config)
    except StoreClosed as error:
        disk = disk_finding(config.state_dir)
        if disk.good:
            raise
        # Not even the store can be opened on a full disk, and that is the likely reason.
        raise StoreClosed(f"{error} {disk.why} {disk.help}") from error
    output.result("status", _text(report), **report.to_json())
    if report.failure is not None:
        raise report.failure


async def _look(config: Config) -> Report:
    apply_ice_patch()
    async with opened_desk(config) as desk:
        place = Place(config.state_dir, desk.account, desk.conversations.books, running=None)

        async def network() -> NetworkFacts:
            turn_only = is_turn_only(desk.store)
            return await probe_network(desk.account.server, desk.api.rest, turn_only=turn_only)

        return await diagnose(place, desk, Clock(), network)


async def _look_beside(config: Config) -> Report:
    """Look into a device on which another agent works; what is its own stays its own."""
    with read_store(config) as store:
        account = require_account(store)
        books, holder = open_books(store, account), holder_of(config.state_dir)
        place = Place(config.state_dir, account, books, Running(), holder)
        async with contextlib.aclosing(Rest(account.server)) as rest:
            return await diagnose_beside(place, Api(rest), Clock())


def _text(report: Report) -> str:
    bad = sum(not each.good for each in report.findings)
    word = "All is well." if not bad else "One thing is wrong." if bad == 1 else f"{bad} things are wrong."
    lines = [f"{report.account.username} at {report.account.server}. {word}"]
    for finding in report.findings:
        lines += _lines(finding)
    if report.unshown:
        lines.append(f"{GOOD}Messages not shown yet: {report.unshown}. `mesa-peer listen` shows them.")
    return "\n".join(lines)


def _lines(finding: Finding) -> list[str]:
    first = f"{GOOD if finding.good else BAD}{finding.why}"
    return [first, f"{INDENT}{finding.help}"] if finding.help else [first]
