"""What `make demo` does, in order: server, accounts, forwarders, contact, message, and what is left of it."""

import asyncio
import secrets
import shlex
import sys
import time
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
from mesa.demo.server import Server, free_port
from mesa.dumps import Dump

FORWARDERS = tuple(f"f{number}" for number in range(1, 7))
EVERYBODY = (SENDER, RECEIVER, *FORWARDERS)
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
    server: Server
    picture: PathPicture = field(default_factory=PathPicture)
    agents: dict[str, Agent] = field(default_factory=dict)

    def home(self, name: str) -> Home:
        return Home(name, self.folder, self.server.url)

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
        DemoFailed, AgentFailed, ServerFailed: something did not come about; everything is stopped.
    """
    server = Server(folder / "server", free_port())
    stage = Stage(folder, console, server)
    async with _server(stage), _cast(stage):
        await _become_contacts(stage)
        before = await server.dump()
        await _send(stage)
        await _hear_echo(stage)
        traces = Traces(frozenset(stage.picture.all_hops), GREETING)
        leftovers = Leftovers(before, await _dump_when_ended(stage, before), traces)
        await stage.agents[SENDER].stop()
        console.print(leftovers)
        console.print(
            "One transaction is the message's, one the echo's. Nothing in them tells which is which."
        )
        if leftovers.unexpected:
            raise DemoFailed("database or store hold something about the message that they must not hold")
        if not once:
            await _stay(stage)


@asynccontextmanager
async def _server(stage: Stage) -> AsyncIterator[None]:
    status = stage.console.status("starting store, database, web and worker")
    with status:
        async with stage.server.running():
            status.stop()
            stage.console.print(
                f"[green]✓[/] server on {stage.server.url} (embedded store, SQLite, production settings)"
            )
            try:
                yield
            finally:
                status.update("stopping the server")
                status.start()


@asynccontextmanager
async def _cast(stage: Stage) -> AsyncIterator[None]:
    """Register everybody and start forwarders and bo; stop all of them in the end."""
    with stage.console.status("registering eight accounts with keys of their own"):
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
        with stage.console.status("stopping all agents"):
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
    with stage.console.status("ada asks bo, bo accepts, by sealed envelopes"):
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
    with stage.console.status("bo's echo waits until ada is back, and 2 to 10 s more"):
        agent = await stage.start(SENDER, "listen", "--no-forward")
        await agent.wait_for(event="message_received", sender=RECEIVER)
    stage.console.print("[green]✓[/] bo's echo came back over a path of its own")


async def _dump_when_ended(stage: Stage, before: Dump) -> Dump:
    """Wait until both transactions, the message's and the echo's, have ended; then look."""
    known = set(before["p2p_p2ptransaction"])
    limit = time.monotonic() + ENDED_LIMIT_S
    with stage.console.status("waiting until both transactions are over"):
        while time.monotonic() < limit:
            dump = await stage.server.dump()
            rows = dump["p2p_p2ptransaction"]
            states = {rows[name]["state"] for name in rows.keys() - known}
            if len(rows.keys() - known) > 1 and "open" not in states:
                return dump
            await asyncio.sleep(LOOK_EVERY_S)
    raise DemoFailed("the transactions did not come to an end")


async def _stay(stage: Stage) -> None:
    python, state = shlex.quote(sys.executable), shlex.quote(str(stage.home(SENDER).state))
    stage.console.print(
        f"\nThe server stays up on [bold]{stage.server.url}[/]. bo echoes what it gets.\n"
        "In another terminal:\n"
        f"  cd {shlex.quote(str(settings.BASE_DIR))}\n"
        f"  {python} -m peer_agent --state {state} send bo 'How are you?'\n"
        f"  {python} -m peer_agent --state {state} listen   # shows bo's echo\n"
        "Ctrl-C stops everything.",
        soft_wrap=True,
        highlight=False,
    )
    await asyncio.Event().wait()
