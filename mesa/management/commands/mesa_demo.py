"""`manage.py mesa_demo [--once]`: one real message through three forwarders, on one command."""

import asyncio
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

from mesa.demo.agents import AgentFailed
from mesa.demo.story import DemoFailed, play


class Command(BaseCommand):
    """Start a server, six forwarders and an echo bot; send a message; show its path and what is left."""

    help = "Send one real message through three forwarders and show its path."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="exit after the message: 0 delivered, 1 not")

    def handle(self, *, once: bool, **_: Any) -> None:
        console = Console()
        try:
            # Short: the path of the store's socket may have 100 bytes.
            with tempfile.TemporaryDirectory(prefix="mesa-demo-") as folder:
                asyncio.run(play(Path(folder), console, once=once))
        except (DemoFailed, AgentFailed) as error:
            console.print(f"[bold red]The demo failed:[/] {error}")
            sys.exit(1)
        except KeyboardInterrupt:
            console.print("stopped")
