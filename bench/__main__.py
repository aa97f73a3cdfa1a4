"""Runs measurements, prints a table and writes bench/results.json; with --quick it writes nothing.

usage: python -m bench [ROW …] [--quick]
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import results
from bench.app import measure_app
from bench.kills import measure
from bench.local_costs import local_measurement
from bench.network import network
from bench.results import Row
from bench.rounds import QUICK, WHOLE, Plan, Rounds
from bench.rows import GROUPS, rows

INTERRUPTED = 130


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Mesa on this machine.")
    listed = "; ".join(f"{name}: {what}" for name, what in GROUPS.items())
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *GROUPS], help=f"all, or {listed}")
    parser.add_argument(
        "--quick", action="store_true", help="few samples, nothing written: is everything in its place?"
    )
    options = parser.parse_args()
    console = Console()
    console.print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the start")
    # The local costs are part of a goal, and cheap: they are always taken.
    wanted = {"crypto", *(options.rows or GROUPS)}
    try:
        measured = asyncio.run(_run(QUICK if options.quick else WHOLE, wanted, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(INTERRUPTED)
    if not options.quick:
        results.write(measured)
    console.print(results.table(measured))


async def _run(plan: Plan, wanted: Collection[str], console: Console) -> list[Row]:
    myself = asyncio.current_task()
    assert myself is not None
    # The server is in a session of its own: it has to be told to stop.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, myself.cancel)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, local_measurement() as local:
        task = progress.add_task("starting a server and eight peers", total=plan.steps(wanted))
        async with AsyncExitStack() as stack:
            needs_network = not set(wanted) <= {"crypto", "kills", "load", "app"}
            eight = await stack.enter_async_context(network()) if needs_network else None
            progress.update(task, description="raw and Mesa in turn")
            rounds = Rounds(plan, local, eight, lambda steps: progress.advance(task, steps))
            taken = await rounds.run(wanted)
        if "app" in wanted:
            progress.update(task, description="the web app in Chromium")
            advance = partial(progress.advance, task)
            taken.app = await asyncio.to_thread(measure_app, plan.app, advance)
        if "kills" in wanted:
            progress.update(task, description="forwarders are killed")
            taken.kills = await measure(plan.under_kills, lambda: progress.advance(task))
        return list(rows(taken))


if __name__ == "__main__":
    main()
