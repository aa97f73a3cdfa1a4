"""Rows from what was taken: which median stands beside which, and what the goals are.

The goals are those of the project; docs/how-to/measure.md says what each row means.
"""

import statistics
from collections.abc import Iterable, Iterator, Sequence

from bench.app_rows import app_rows
from bench.kills import Outcome
from bench.load import EMBEDDED, PRODUCTION, Carried
from bench.local_costs import LocalCosts
from bench.network import RECEIVER, SENDER
from bench.results import Row
from bench.rounds import Taken
from bench.samples import Sample

# By the word that selects them on the command line.
GROUPS = {
    "crypto": "crypto and commit, in one process",
    "open-path": "a message on an open path",
    "new-path": "a message over a new path with links open, and the orders for that path",
    "cold": "a message over a new path with no link open",
    "rate": "messages a second on an open path, 64 in flight",
    "load": "transactions a second of a whole server, embedded and on PostgreSQL + Redis",
    "app": "the web app in Chromium: its page, and cells through tabs",
    "kills": "messages while forwarders are killed",
}
OPEN_PATH_FACTOR, COLD_FACTOR = 2.0, 3.0
NEW_PATH_MS, ORDERS_MS = 70.0, 30.0
RATE_FACTOR = 0.3
LOAD_GOALS = {EMBEDDED: 100.0, PRODUCTION: 70.0}
# What is shown of a server's processes, by the first words of their names.
STORES = ["store", "Redis", "PostgreSQL"]
COSTS = {
    "whole server": ["web", "worker", *STORES],
    "web": ["web"],
    "worker": ["worker"],
    "store and database": STORES,
}
WHOSE = {SENDER: "the sender", RECEIVER: "the receiver", "forwarder": "the busiest forwarder"}


def rows(taken: Taken) -> Iterator[Row]:
    """Make the rows of everything that was taken."""
    if taken.on_open_path and taken.costs is not None:
        yield from _open_path(taken, taken.costs)
    if taken.costs is not None:
        yield from _local(taken.costs)
    if taken.over_new_path:
        took_ms = _took_ms(taken.over_new_path)
        yield Row("first message over a new path, links open", took_ms, "ms", None, "≤ 70 ms", NEW_PATH_MS)
        orders_ms = _median_ms(each.orders_s for each in taken.over_new_path if each.orders_s is not None)
        yield Row("POST to the last of five orders", orders_ms, "ms", None, "≤ 30 ms", ORDERS_MS)
    if taken.cold:
        yield from _cold(taken)
    if taken.rates:
        yield from _rate(taken)
    for profile, carried in taken.loads.items():
        yield from _load(profile, _median_run(carried), _median_run(taken.raw_loads[profile]))
    yield from app_rows(taken.app)
    if taken.kills is not None:
        yield from _kills(taken.kills)


def _open_path(taken: Taken, costs: LocalCosts) -> Iterator[Row]:
    name, took_ms = "message on an open path", _took_ms(taken.on_open_path)
    goal, raw_ms = "≤ 2 · raw + crypto and commit", _median_ms(taken.raw_paced_frames)
    yield Row(name, took_ms, "ms", raw_ms, goal, OPEN_PATH_FACTOR * raw_ms + costs.message_ms)
    # The same without pauses on either side: processors and disk answer faster then.
    hot_ms, raw_hot_ms = _took_ms(taken.hot_on_open_path), _median_ms(taken.raw_frames)
    limit_ms = OPEN_PATH_FACTOR * raw_hot_ms + costs.hot_message_ms
    yield Row(f"{name}, without a pause", hot_ms, "ms", raw_hot_ms, goal, limit_ms)


def _local(costs: LocalCosts) -> Iterator[Row]:
    yield Row("crypto and commit of one message", costs.message_ms, "ms")
    yield Row("crypto and commit of one message, without a pause", costs.hot_message_ms, "ms")
    yield Row("of it: to the outbox (encrypt, one commit)", costs.seal_ms, "ms")
    yield Row("of it: to the inbox (decrypt, one commit)", costs.take_ms, "ms")
    yield Row("of it: wrap a cell in four layers", costs.wrap_ms, "ms")
    yield Row("of it: peel a layer of a cell", costs.peel_ms, "ms")
    yield Row("cells a second through a forwarder's code", costs.forwarder_cells_per_s, "1/s")


def _cold(taken: Taken) -> Iterator[Row]:
    name, took_ms = "message over a new path, no link open", _took_ms(taken.cold)
    raw_ms, repaired_ms = _median_ms(taken.raw_colds), _median_ms(taken.raw_repaired_colds)
    yield Row(name, took_ms, "ms", raw_ms, "≤ 3 · raw", COLD_FACTOR * raw_ms)
    yield Row(f"{name}, beside raw with Mesa's repair of ICE", took_ms, "ms", repaired_ms)


def _kills(outcome: Outcome) -> Iterator[Row]:
    percentiles = statistics.quantiles(outcome.latencies_s, n=100, method="inclusive")
    for percent in (50, 95, 99):
        name = f"message while forwarders are killed, p{percent}"
        yield Row(name, percentiles[percent - 1] * 1_000, "ms")
    yield Row("paths a message goes over while forwarders are killed", outcome.attempts, "paths")


def _rate(taken: Taken) -> Iterator[Row]:
    name, raw = "messages a second on an open path, 64 in flight", statistics.median(taken.raw_rates)
    least = RATE_FACTOR * raw
    yield Row(name, statistics.median(taken.rates), "1/s", raw, "≥ 0.3 · raw", least, at_least=True)
    for whose, each_ms in taken.processor_ms.items():
        yield Row(f"of it: processor time of {WHOSE[whose]}", statistics.median(each_ms), "ms")


def _load(profile: str, ran: Carried, raw: Carried) -> Iterator[Row]:
    goal = LOAD_GOALS[profile]
    name = f"transactions a second, {profile}"
    yield Row(name, ran.per_s, "1/s", raw.per_s, f"≥ {goal:.0f}/s", goal, at_least=True)
    took_ms, raw_ms = statistics.median(ran.paths_ms), statistics.median(raw.paths_ms)
    yield Row(f"POST to path, {profile}", took_ms, "ms", raw_ms)
    for what, names in COSTS.items():
        row = f"processor time a transaction, {profile}: {what}"
        yield Row(row, ran.cost_ms(*names), "ms", raw.cost_ms(*names))
    yield Row(f"frames a transaction, {profile}", ran.frames_each, "frames", raw.frames_each)
    yield Row(f"bytes of these frames, {profile}", ran.kib_each, "KiB", raw.kib_each)


def _median_run(carried: Sequence[Carried]) -> Carried:
    return sorted(carried, key=lambda each: each.per_s)[len(carried) // 2]


def _took_ms(samples: Iterable[Sample]) -> float:
    return _median_ms(sample.took_s for sample in samples)


def _median_ms(seconds: Iterable[float]) -> float:
    return statistics.median(seconds) * 1_000
