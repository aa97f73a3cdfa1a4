"""Runs measurements, prints a table and writes bench/results.json.

usage: python -m bench [ROW …] [--quick]
"""

import argparse
import asyncio
import os
from collections.abc import Collection
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import local_costs, results
from bench.network import network
from bench.results import Row
from bench.rounds import QUICK, WHOLE, Plan, Rounds, Taken
from bench.rows import GROUPS, rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures Mesa on this machine.")
    listed = "; ".join(f"{name}: {what}" for name, what in GROUPS.items())
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *GROUPS], help=f"all, or {listed}")
    parser.add_argument("--quick", action="store_true", help="few samples: is everything in its place?")
    options = parser.parse_args()
    console = Console()
    console.print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the start")
    # The local costs are part of a goal, and cheap: they are always taken.
    wanted = {"crypto", *(options.rows or GROUPS)}
    with suppress(KeyboardInterrupt):
        measured = asyncio.run(_run(QUICK if options.quick else WHOLE, wanted, console))
        results.write(measured)
        console.print(results.table(measured))


async def _run(plan: Plan, wanted: Collection[str], console: Console) -> list[Row]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("in one process", total=plan.steps(wanted))
        costs = await local_costs.measure(messages=plan.messages, advance=lambda: progress.advance(task))
        taken = Taken()
        if set(wanted) - {"crypto"}:
            progress.update(task, description="starting a server and eight peers")
            async with network() as eight:
                progress.update(task, description="raw and Mesa in turn")
                taken = await Rounds(plan, eight, lambda steps: progress.advance(task, steps)).run(wanted)
        return list(rows(taken, costs))


if __name__ == "__main__":
    main()
