"""Measures the web app in Chromium: what its page costs to load, and what a tab carries."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.app_chain import TabChain, tab_chain
from bench.app_pages import AppPages, app_pages
from mesa import releases
from mesa.scripts import needed_by
from tests.chromium import chromium

STATIC = Path(__file__).resolve().parent.parent / "static"
APP_PAGE = "mesa/app.js"
# About the time between two messages that somebody writes in haste; see `PACE_S` of the other rows.
PACE_S = 0.03


@dataclass(frozen=True)
class AppPlan:
    """How much is measured, per round; cells for memory and switches once."""

    rounds: int
    loads: int
    cells: int
    burst: int
    kept_cells: int
    switches: int

    @property
    def steps(self) -> int:
        """How often `advance` will be called."""
        return (
            self.rounds * (2 * self.loads + 2 * self.cells + 2 * self.burst) + self.kept_cells + self.switches
        )


WHOLE_APP = AppPlan(rounds=3, loads=5, cells=100, burst=500, kept_cells=1_000, switches=200)
QUICK_APP = AppPlan(rounds=1, loads=2, cells=30, burst=200, kept_cells=200, switches=20)


@dataclass
class AppTaken:
    """Times in seconds where they are not named otherwise; growth in bytes, sizes in bytes."""

    script_bytes: int = 0
    sent_script_bytes: int = 0
    first_loads_ms: list[tuple[float, float]] = field(default_factory=list)
    later_loads_ms: list[tuple[float, float]] = field(default_factory=list)
    cells_s: list[float] = field(default_factory=list)
    raw_cells_s: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    raw_rates: list[float] = field(default_factory=list)
    grown_by_cells: int = 0
    grown_by_switches: int = 0
    grown_by_later_switches: int = 0


def measure_app(plan: AppPlan, advance: Callable[[int], None]) -> AppTaken:
    """Take everything, the chain of tabs with and without Mesa's code in turn."""
    taken = AppTaken()
    contents = [releases.read_tree(STATIC)[name] for name in needed_by(STATIC, APP_PAGE)]
    taken.script_bytes = sum(map(len, contents))
    taken.sent_script_bytes = sum(len(releases.packed(each) or each) for each in contents)
    with chromium() as browser:
        with tab_chain(browser) as chain:
            _measure_chain(chain, plan, taken, advance)
        with app_pages(browser) as pages:
            _measure_pages(pages, plan, taken, advance)
    return taken


def _measure_chain(chain: TabChain, plan: AppPlan, taken: AppTaken, advance: Callable[[int], None]) -> None:
    for _ in range(plan.rounds):
        taken.raw_cells_s += chain.latencies_s(plan.cells, PACE_S, raw=True)
        taken.cells_s += chain.latencies_s(plan.cells, PACE_S, raw=False)
        advance(2 * plan.cells)
        taken.raw_rates.append(chain.rate(plan.burst, raw=True))
        taken.rates.append(chain.rate(plan.burst, raw=False))
        advance(2 * plan.burst)
    before = chain.heap_bytes()
    chain.rate(plan.kept_cells, raw=False)
    taken.grown_by_cells = chain.heap_bytes() - before
    advance(plan.kept_cells)


def _measure_pages(pages: AppPages, plan: AppPlan, taken: AppTaken, advance: Callable[[int], None]) -> None:
    for _ in range(plan.rounds * plan.loads):
        taken.first_loads_ms.append(pages.load(cached=False))
        taken.later_loads_ms.append(pages.load(cached=True))
        advance(2)
    # What is loaded and compiled with the first of them is no growth.
    pages.switch(2)
    before = pages.heap_bytes()
    earlier = plan.switches // 2
    pages.switch(earlier)
    halfway = pages.heap_bytes()
    pages.switch(plan.switches - earlier)
    taken.grown_by_switches = pages.heap_bytes() - before
    taken.grown_by_later_switches = pages.heap_bytes() - halfway
    advance(plan.switches)
