"""What `make demo` does, in order: server, accounts, forwarders, contact, message, and what is left of it."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from rich.console import Console
from rich.live import Live

from mesa.demo.agents import Agent, Event, Home, run_once
from mesa.demo.leftovers import Leftovers, Traces
from mesa.demo.path_picture import RECEIVER, SENDER, PathPicture
from mesa.dumps import Dump

FORWARDERS = tuple(f"f{number}" for number in range(1, 7))
EVERYBODY = (SENDER, RECEIVER, *FORWARDERS)
USUAL_PORT = 8000
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
ENDED_LIMIT_S = 30.0
LOOK_EVERY_S = 0.5
GREETING = "Hello bo, this went through three forwarders."
# Argon2 and the agent's start are work for a processor: more at a time is not faster.
REGISTER_AT_ONCE = 2


class DemoFailed(Exception):
    """The demo can not go on; the message says why."""


@dataclass
class Stage:
    """Everything that runs, to be told and to be stopped."""

    folder: Path
    console: Console
    port: int
    picture: PathPicture = field(default_factory=PathPicture)
    agents: dict[str, Agent] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def home(self, name: str) -> Home:
        return Home(name, self.folder, self.url)

    def hear(self, name: str, event: Event) -> None:
        self.picture.hear(name, event)

    async def start(self, name: str, *words: str) -> Agent:
        agent = Agent(self.home(name), self.hear)
        await agent.start(*words)
        self.agents[name] = agent
        return agent


async def play(folder: Path, console: Console, *, once: bool) -> None:
    """Show one message from ada to bo; then stay up, unless `once`.

    Raises:
        DemoFailed, AgentFailed: something did not come about; everything is stopped.
    """
    stage = Stage(folder, console, _free_port())
    async with _server(stage), _cast(stage):
        await _become_contacts(stage)
        before = await _dump(stage)
        await _send(stage)
        await _hear_echo(stage)
        traces = Traces(SENDER, RECEIVER, frozenset(stage.picture.all_hops), GREETING)
        leftovers = Leftovers(before, await _dump_when_ended(stage, before), traces)
        await stage.agents[SENDER].stop()
        console.print(leftovers)
        if leftovers.unexpected:
            raise DemoFailed("database or store hold something about the message that they must not hold")
        if not once:
            await _stay(stage)


@asynccontextmanager
async def _server(stage: Stage) -> AsyncIterator[None]:
    with stage.console.status("starting the server (store, database, web, worker)"):
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "manage.py",
            "mesa_up",
            "--port",
            str(stage.port),
            cwd=settings.BASE_DIR,
            env=_environment(stage),
            stdout=PIPE,
            start_new_session=True,
        )
        await _until_ready(server)
    stage.console.print(f"[green]✓[/] server on {stage.url}: embedded store, SQLite, production settings")
    try:
        yield
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_LIMIT_S):
            await server.wait()


async def _until_ready(server: Process) -> None:
    said: list[str] = []
    try:
        async with asyncio.timeout(READY_LIMIT_S):
            while server.stdout is not None and (line := await server.stdout.readline()):
                said.append(line.decode().rstrip())
                if said[-1].startswith("ready"):
                    return
    except TimeoutError:
        server.send_signal(signal.SIGTERM)
    raise DemoFailed(f"the server did not start: {' / '.join(said[-3:])}")


@asynccontextmanager
async def _cast(stage: Stage) -> AsyncIterator[None]:
    """Register everybody and start forwarders and bo; stop all of them in the end."""
    with stage.console.status("registering eight accounts, each with its own device keys"):
        turns = asyncio.Semaphore(REGISTER_AT_ONCE)
        await asyncio.gather(*(_register(stage, name, turns) for name in EVERYBODY))
    stage.console.print(f"[green]✓[/] accounts {', '.join(EVERYBODY)}")
    try:
        with stage.console.status("starting six forwarders and bo"):
            for name in FORWARDERS:
                await stage.start(name, "forward")
            await stage.start(RECEIVER, "listen", "--echo", "--accept-all")
            await asyncio.gather(*(agent.wait_for(event="online") for agent in stage.agents.values()))
        stage.console.print(f"[green]✓[/] forwarders {', '.join(FORWARDERS)}, each a process of its own")
        yield
    finally:
        await asyncio.gather(*(agent.stop() for agent in stage.agents.values()))


async def _register(stage: Stage, name: str, turns: asyncio.Semaphore) -> None:
    home = stage.home(name)
    home.password_file.write_text(secrets.token_urlsafe(18))
    home.password_file.chmod(0o600)
    async with turns:
        recovery = str(stage.folder / f"{name}.recovery")
        await run_once(
            home, "register", name, "--password-file", str(home.password_file), "--recovery-file", recovery
        )


async def _become_contacts(stage: Stage) -> None:
    with stage.console.status("ada asks bo, bo accepts: sealed envelopes through the mailbox"):
        await run_once(stage.home(SENDER), "request", RECEIVER)
        agent = await stage.start(SENDER, "listen", "--no-forward")
        await agent.wait_for(event="contact_added", user=RECEIVER)
        await agent.stop()
    stage.console.print(
        "[green]✓[/] ada and bo are contacts; the server stored neither name beside the other"
    )


async def _send(stage: Stage) -> None:
    with Live(stage.picture, console=stage.console, refresh_per_second=20):
        agent = await stage.start(SENDER, "send", RECEIVER, GREETING)
        await agent.finish()
    stage.console.print()
    if not stage.picture.delivered:
        raise DemoFailed("no verified receipt came")
    if len(set(stage.picture.forwarders)) != len(FORWARDERS) // 2:
        raise DemoFailed("the path does not have three distinct forwarders")
    who = ", ".join(f"{name} (process {stage.agents[name].pid})" for name in stage.picture.forwarders)
    stage.console.print(f"[green]✓[/] delivered; the receipt was checked by ada alone. Forwarders: {who}")


async def _hear_echo(stage: Stage) -> None:
    with stage.console.status(
        "bo's echo waits for ada to come back online, a random 2 to 10 s after she does"
    ):
        agent = await stage.start(SENDER, "listen", "--no-forward")
        await agent.wait_for(event="message_received", sender=RECEIVER)
    stage.console.print("[green]✓[/] bo's echo came back over a path of its own")


async def _dump_when_ended(stage: Stage, before: Dump) -> Dump:
    """Wait until both transactions, the message's and the echo's, have ended; then look."""
    known = set(before["p2p_p2ptransaction"])
    limit = time.monotonic() + ENDED_LIMIT_S
    while time.monotonic() < limit:
        dump = await _dump(stage)
        rows = dump["p2p_p2ptransaction"]
        states = {rows[name]["state"] for name in rows.keys() - known}
        if len(rows.keys() - known) > 1 and "open" not in states:
            return dump
        await asyncio.sleep(LOOK_EVERY_S)
    raise DemoFailed("the transactions did not come to an end")


async def _dump(stage: Stage) -> Dump:
    dumper = await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "mesa_dump", cwd=settings.BASE_DIR, env=_environment(stage), stdout=PIPE
    )
    said, _ = await dumper.communicate()
    if dumper.returncode != 0:
        raise DemoFailed("the dump of database and store failed")
    dump: Dump = json.loads(said)
    return dump


async def _stay(stage: Stage) -> None:
    state = stage.home(SENDER).state
    stage.console.print(
        f"\nThe server stays up on [bold]{stage.url}[/]. bo echoes what it gets. In another terminal:\n"
        f"  .venv/bin/python -m peer_agent --state {state} send bo 'How are you?'\n"
        "Ctrl-C stops everything.",
        soft_wrap=True,
    )
    await asyncio.Event().wait()


def _environment(stage: Stage) -> dict[str, str]:
    """Nothing but where the state is: no setting differs from production."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
    return inherited | {"MESA_STATE_DIR": str(stage.folder / "server"), "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    """Take the usual port, or any when somebody has it."""
    for port in (USUAL_PORT, 0):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoFailed("no port is free")
