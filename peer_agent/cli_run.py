"""The command `run`: a peer that a program in any language steers by JSON lines.

Spec: docs/spec/agent.md, section "Programs"
"""

import asyncio
import contextlib
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from typing import Any

from peer_agent import commands
from peer_agent.cli_output import Output
from peer_agent.cli_pipes import LinesOut, read_raw_lines
from peer_agent.commands import BadCommand, Command, CommandId, read_command
from peer_agent.config import Config
from peer_agent.contact_book import folded
from peer_agent.errors import AgentError, ExitCode, LoginRefused, UsageError
from peer_agent.events import EventsLost, TimedEvent
from peer_agent.peer import Peer
from peer_agent.tasks import Tasks

ASKING_AT_ONCE = 8
# They ask the server, which may take a while: others do not wait for them.
ASKS_SERVER = (commands.Request, commands.Accept, commands.Block, commands.Unblock, commands.Status)


async def run(options: Namespace, config: Config, output: Output) -> None:
    """Obey commands as JSON lines on standard input, and tell what happens; for programs."""
    if not output.is_json:
        raise UsageError("`run` speaks to programs: give --json.")
    if sys.stdin is None or sys.stdout is None:
        # Their numbers may be those of other files by now.
        raise UsageError("`run` needs standard input and standard output.")
    lines = read_raw_lines(sys.stdin.fileno(), commands.LINE_BYTES)
    out = LinesOut(sys.stdout.fileno())
    try:
        async with contextlib.aclosing(lines), Peer(config) as peer:
            # A reader that is gone ends it like an input that is.
            with contextlib.suppress(BrokenPipeError):
                await _serve(peer, lines, out)
    finally:
        await out.settle()


async def _serve(peer: Peer, lines: AsyncIterator[bytes], out: LinesOut) -> None:
    identity = {"user": peer.user, "server": peer.server, "fingerprint": peer.fingerprint}
    await out.say(_line("running", **identity))
    async with Tasks() as telling, Tasks() as asking:
        telling.spawn(_tell(peer, out))
        turns = asyncio.Semaphore(ASKING_AT_ONCE)
        async for line in lines:
            try:
                command_id, command = read_command(line)
            except BadCommand as error:
                await out.say(_refusal(error.command_id, ExitCode.USAGE, str(error)))
                continue
            if isinstance(command, commands.Stop):
                await _all_done(turns)
                await out.say(_answer(command_id, {}))
                return
            if isinstance(command, ASKS_SERVER):
                await turns.acquire()
                asking.spawn(_obey_beside(peer, command_id, command, out, turns))
            else:
                await _obey(peer, command_id, command, out)
        await _all_done(turns)


async def _tell(peer: Peer, out: LinesOut) -> None:
    """Write every event; a message counts as shown when its line was written."""
    async with peer.showing() as events:
        await _tell_requests(peer, out)
        async for timed in events:
            await out.say(timed.to_json())
            if isinstance(timed.event, EventsLost):
                await _tell_requests(peer, out)


async def _tell_requests(peer: Peer, out: LinesOut) -> None:
    for event in peer.known.unanswered():
        await out.say(TimedEvent(time.time(), event).to_json())


async def _obey_beside(
    peer: Peer, command_id: CommandId, command: Command, out: LinesOut, turns: asyncio.Semaphore
) -> None:
    try:
        await _obey(peer, command_id, command, out)
    finally:
        turns.release()


async def _all_done(turns: asyncio.Semaphore) -> None:
    """Wait for the commands that ask the server: each ends by a limit of its own."""
    for _ in range(ASKING_AT_ONCE):
        await turns.acquire()


async def _obey(peer: Peer, command_id: CommandId, command: Command, out: LinesOut) -> None:
    """Carry out a command, and answer it.

    Raises:
        LoginRefused: the login has ended; nothing more can be done.
    """
    try:
        answer = _answer(command_id, await _result(peer, command))
    except LoginRefused:
        raise
    except AgentError as error:
        answer = _refusal(command_id, error.exit_code, str(error), error.retry_after_s)
    await out.say(answer)


async def _result(peer: Peer, command: Command) -> dict[str, Any]:
    if isinstance(command, commands.OfDirect):
        return _directly(peer, command)
    match command:
        case commands.Request(user=user, greeting=greeting):
            return (await peer.request(user, greeting)).to_json()
        case commands.Accept(user=user):
            return (await peer.accept(user)).to_json()
        case commands.Block(user=user):
            return (await peer.block(user)).to_json()
        case commands.Unblock(user=user):
            return (await peer.unblock(user)).to_json()
        case commands.Status():
            return (await peer.status()).to_json()
        case _:
            return _at_once(peer, command)


def _at_once(peer: Peer, command: Command) -> dict[str, Any]:
    match command:
        case commands.Send(user=user, text=text):
            sent = peer.send(user, text)
            return {"user": sent.to, "number": sent.number}
        case commands.Ignore(user=user):
            return peer.ignore(user).to_json()
        case commands.Contacts():
            return {"contacts": [each.to_json() for each in peer.contacts()]}
        case commands.History(user=user, last=last):
            return {"messages": [each.to_json() for each in peer.history(user, last=last)]}
        case commands.Verify(user=user):
            return peer.known.safety(user)
        case _:
            return {}


def _directly(peer: Peer, command: commands.OfDirect) -> dict[str, Any]:
    number: int | None
    match command:
        case commands.AskDirect(user=user):
            number = peer.ask_direct(user)
        case commands.AcceptDirect(user=user):
            number = peer.accept_direct(user)
        case commands.EndDirect(user=user):
            number = peer.end_direct(user)
        case commands.SendDirect(user=user, text=text):
            number = peer.send(user, text, is_direct=True).number
    return {"user": folded(command.user), "number": number}


def _answer(command_id: CommandId, result: dict[str, Any]) -> dict[str, Any]:
    return _line("answer", id=command_id, result=result, error=None)


def _refusal(
    command_id: CommandId | None, code: ExitCode, why: str, retry_after_s: float | None = None
) -> dict[str, Any]:
    error = {"exit_code": int(code), "why": why, "retry_after_s": retry_after_s}
    return _line("answer", id=command_id, result=None, error=error)


def _line(word: str, **values: Any) -> dict[str, Any]:
    return {"event": word, "time": round(time.time(), 6), **values}
