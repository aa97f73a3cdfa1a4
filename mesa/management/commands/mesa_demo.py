"""`manage.py mesa_demo [--once]`: one real message through three forwarders, on one command."""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

from mesa.demo.agents import AgentFailed
from mesa.demo.server import ServerFailed
from mesa.demo.story import DemoFailed, play
from mesa.process_tree import STOP_SIGNALS, StopRequested
from mesa.progress import open_console

INTERRUPTED = 130


class Command(BaseCommand):
    """Start a server, six forwarders and an echo bot; send a message; show its path and what is left."""

    help = "Send one real message through three forwarders and show its path."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="exit after the message: 0 delivered, 1 not")

    def handle(self, *, once: bool, **_: Any) -> None:
        console = open_console()
        try:
            # Short: the path of the store's socket may have 100 bytes.
            with tempfile.TemporaryDirectory(prefix="mesa-demo-") as folder:
                asyncio.run(until_stopped(play(Path(folder), console, once=once), console))
        except (DemoFailed, AgentFailed, ServerFailed) as error:
            console.print(f"[bold red]The demo failed:[/] {error}")
            sys.exit(1)
        except StopRequested:
            console.print("stopped")
            # To stay until Ctrl-C is what it is for; `once` was cut short.
            sys.exit(INTERRUPTED if once else 0)


async def until_stopped(story: Coroutine[Any, Any, None], console: Console) -> None:
    """Play to the end, or until a stop signal; one that follows does not cut the stopping short.

    Raises:
        StopRequested: one of STOP_SIGNALS came, and all that ran has ended.
    """
    playing = asyncio.create_task(story)
    stopping = asyncio.Event()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            console.print("stopping")
            playing.cancel()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await playing
    except asyncio.CancelledError:
        raise StopRequested from None
