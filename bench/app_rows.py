"""Rows of the web app from what was taken in the browser."""

import statistics
from collections.abc import Iterator

from bench.app import AppTaken
from bench.results import Row

SENT_KB, CELL_MS, CELLS_PER_S = 250.0, 6.0, 1_200.0
# Flat: what a page may hold more than before, for caches that fill and the browser's own notes.
GROWTH_KB = 500.0


def app_rows(taken: AppTaken | None) -> Iterator[Row]:
    """Make the rows of the group `app`; none if it was not taken."""
    if taken is None:
        return
    sent_kb = taken.sent_script_bytes / 1_000
    yield Row("scripts of the app page, as sent", sent_kb, "kB", None, "≤ 250 kB", SENT_KB)
    yield Row("scripts of the app page, as they are in the repository", taken.script_bytes / 1_000, "kB")
    for when, loads in (("first", taken.first_loads_ms), ("cached", taken.later_loads_ms)):
        yield Row(
            f"first paint of the app page, {when} load", statistics.median(each for each, _ in loads), "ms"
        )
        yield Row(f"app page shows chats, {when} load", statistics.median(each for _, each in loads), "ms")
    took_ms, raw_ms = (1_000 * statistics.median(each) for each in (taken.cells_s, taken.raw_cells_s))
    yield Row("cell over tab, three tabs, tab", took_ms, "ms", raw_ms, "≤ 6 ms", CELL_MS)
    rate, raw = statistics.median(taken.rates), statistics.median(taken.raw_rates)
    name = "cells a second that a tab passes on"
    yield Row(name, rate, "1/s", raw, "≥ 1,200/s", CELLS_PER_S, at_least=True)
    goal = "≤ 500 kB"
    yield Row("growth of a tab by 1,000 cells", taken.grown_by_cells / 1_000, "kB", None, goal, GROWTH_KB)
    switched = taken.grown_by_switches / 1_000
    yield Row("growth of a tab by 200 changes of conversation", switched, "kB", None, goal, GROWTH_KB)
    later = taken.grown_by_later_switches / 1_000
    yield Row("of it: by the second half of them", later, "kB")
