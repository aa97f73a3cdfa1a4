"""The rows of the benchmark: their form, their goals, and that the page explains each."""

import json
import subprocess
import sys
from typing import Any

import pytest

from bench.app import AppTaken
from bench.bare.frames import path_frames
from bench.kills import Outcome
from bench.load import BARE, EMBEDDED, PRODUCTION, Carried, Load, carry
from bench.local_costs import LocalCosts
from bench.results import RESULTS, Row, write
from bench.rounds import QUICK, WHOLE, Plan, Taken
from bench.rows import GROUPS, rows
from bench.samples import Sample, samples
from p2p.protocol.limits import FRAME_STEP_BYTES
from tests.conventions.sources import ROOT

KEYS = ["name", "value", "unit", "baseline", "ratio", "goal", "met"]
PAGE = ROOT / "docs" / "how-to" / "measure.md"
COSTS = LocalCosts(
    message_ms=5.0,
    hot_message_ms=4.0,
    seal_ms=2.0,
    take_ms=2.0,
    peel_ms=0.1,
    wrap_ms=0.5,
    forwarder_cells_per_s=5_000,
)


def load(seconds: float, **processor_s: float) -> Carried:
    """A run of a hundred transactions, each of two frames of a kibibyte."""
    frames = {"to offer": 100, "from answer": 100}
    return Carried(100, seconds, [40.0], processor_s, frames, {name: 102_400 for name in frames})


OPEN = Sample(sent_at=0.0, received_at=0.008, posted_at=None, ordered_at=None, opened=0)
NEW = Sample(sent_at=0.0, received_at=0.08, posted_at=0.002, ordered_at=0.027, opened=0)
COLD = Sample(sent_at=0.0, received_at=0.12, posted_at=0.002, ordered_at=0.027, opened=8)
KILLS = Outcome(
    written={"one": 1.0, "two": 2.0},
    shown=[("one", 1.5), ("two", 3.5)],
    carried={(1, ("a",)), (1, ("b",)), (2, ("b",))},
)
APP = AppTaken(
    script_bytes=600_000,
    sent_script_bytes=251_000,
    first_loads_ms=[(100.0, 300.0), (200.0, 400.0), (900.0, 950.0)],
    later_loads_ms=[(50.0, 150.0)],
    cells_s=[0.004, 0.005, 0.006],
    raw_cells_s=[0.002],
    rates=[1_300.0],
    raw_rates=[2_600.0],
    grown_by_cells=1_000,
    grown_by_switches=600_000,
)
TAKEN = Taken(
    costs=COSTS,
    raw_frames=[0.002],
    raw_paced_frames=[0.004],
    raw_colds=[0.05],
    raw_repaired_colds=[0.03],
    on_open_path=[OPEN],
    hot_on_open_path=[OPEN],
    over_new_path=[NEW],
    cold=[COLD],
    rates=[100.0],
    kills=KILLS,
    app=APP,
    raw_rates=[400.0],
    processor_ms={"ada": [4.0], "bo": [3.0], "forwarder": [1.0]},
    loads={
        EMBEDDED: [load(0.8, web=0.4, worker=0.3, store=0.1)],
        PRODUCTION: [load(2.0, **{"web": 0.2, "web 2": 0.2, "worker": 0.3, "Redis": 0.1})],
    },
    raw_loads={
        EMBEDDED: [load(0.4, web=0.2, worker=0.1, store=0.1)],
        PRODUCTION: [load(0.5, **{"web": 0.1, "web 2": 0.1, "worker": 0.1, "Redis": 0.1})],
    },
)
HOPS = ["one", "two", "three", "four"]


def by_name(taken: Taken) -> dict[str, Row]:
    return {row.name: row for row in rows(taken)}


def event(name: str, time: float, **values: Any) -> dict[str, Any]:
    return {"event": name, "time": time, **values}


def progress(time: float, state: str, hops: list[str]) -> dict[str, Any]:
    return event("message_progress", time, number=7, state=state, hops=hops)


def orders(times: list[float]) -> dict[str, list[dict[str, Any]]]:
    """One order to each peer of the path, in the order of the path."""
    incoming, outgoing = ["filler", *HOPS], [*HOPS, "other filler"]
    names = ["ada", "f1", "f2", "f3", "bo"]
    return {
        name: [event("hop_ready", time, incoming=incoming[at], outgoing=outgoing[at])]
        for at, (name, time) in enumerate(zip(names, times, strict=False))
    }


def assert_form(found: list[dict[str, Any]]) -> None:
    assert found
    for row in found:
        assert list(row) == KEYS
        assert type(row["name"]) is type(row["unit"]) is str
        assert type(row["value"]) in (int, float)
        assert type(row["baseline"]) in (int, float, type(None))
        assert (row["ratio"] is None) == (row["baseline"] is None)
        assert (row["goal"] is None) == (row["met"] is None)


def test_results_have_their_form(tmp_path: Any) -> None:
    path = tmp_path / "results.json"

    write(list(rows(TAKEN)), path)

    assert_form(json.loads(path.read_text()))


def test_results_of_the_last_run_have_their_form() -> None:
    # A checkout in which nothing was measured has none.
    for path in RESULTS.parent.glob(RESULTS.name):
        assert_form(json.loads(path.read_text()))


def test_quick_run_leaves_the_results_alone() -> None:
    before = RESULTS.read_bytes() if RESULTS.exists() else None

    quick = [sys.executable, "-m", "bench", "crypto", "--quick"]
    subprocess.run(quick, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=60)

    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == before


def test_open_path_may_cost_twice_raw_and_crypto_and_commit() -> None:
    found = by_name(TAKEN)
    row = found["message on an open path"]

    assert row.baseline == pytest.approx(4.0)
    assert row.limit == pytest.approx(13.0)
    assert row.met is True
    hot = found["message on an open path, without a pause"]
    assert hot.baseline == pytest.approx(2.0)
    assert hot.limit == pytest.approx(2 * 2.0 + 4.0)


def test_goal_that_is_missed_is_said_to_be() -> None:
    assert by_name(TAKEN)["first message over a new path, links open"].met is False


def test_goal_that_is_a_least_is_met_from_there_on() -> None:
    found = by_name(TAKEN)

    assert found["messages a second on an open path, 64 in flight"].met is False
    assert found[f"transactions a second, {EMBEDDED}"].met is True
    assert found[f"transactions a second, {PRODUCTION}"].met is False


def test_load_stands_beside_that_of_the_bare_server() -> None:
    found = by_name(TAKEN)

    assert found[f"transactions a second, {EMBEDDED}"].ratio == pytest.approx(0.5)
    assert found[f"processor time a transaction, {PRODUCTION}: worker"].ratio == pytest.approx(3.0)
    assert found[f"bytes of these frames, {EMBEDDED}"].value == pytest.approx(2.0)


def test_bare_server_carries_a_transaction_with_frames_of_every_type() -> None:
    both_ways = {f"{way} {name}" for way in ("to", "from") for name in ("answer", "receipt")}
    to_server = {"to POST", "to link_up", "to offer", "to complete"}
    from_server = {"from ready_to_receive", "from path_ready", "from transaction_ended"}

    ran = carry(EMBEDDED, Load(devices=8, at_once=4, warm_up=4, transactions=12), BARE)

    assert set(ran.frames) == both_ways | to_server | from_server
    assert ran.frames["from ready_to_receive"] == 5 * 12
    assert ran.cost_ms("web") > 0


def test_bare_server_sends_orders_as_long_as_mesas_to_five_peers() -> None:
    sent = [(device, json.loads(text), len(text)) for device, text in path_frames("tx", 3, devices=8)]
    orders = [frame for _, frame, _ in sent if frame["type"] == "ready_to_receive"]

    assert len({device for device, frame, _ in sent if frame in orders}) == 5
    assert {size for _, frame, size in sent if frame in orders} == {FRAME_STEP_BYTES}
    assert sent[0][0] == sent[-1][0] == 3
    assert sent[-1][1]["hops"][-1] == "3/tx"


def test_processes_of_a_kind_cost_together() -> None:
    found, name = by_name(TAKEN), f"processor time a transaction, {PRODUCTION}"

    assert found[f"{name}: web"].value == pytest.approx(4.0)
    assert found[f"{name}: whole server"].value == pytest.approx(8.0)


def test_rows_that_were_not_taken_are_left_out() -> None:
    assert all("path" not in name for name in by_name(Taken(costs=COSTS)))


def test_rows_of_the_app_stand_beside_raw_tabs_and_their_goals() -> None:
    found = by_name(TAKEN)

    assert found["scripts of the app page, as sent"].met is False
    assert found["first paint of the app page, first load"].value == pytest.approx(200)
    assert found["app page shows chats, cached load"].value == pytest.approx(150)
    assert found["cell over tab, three tabs, tab"].ratio == pytest.approx(2.5)
    assert found["cells a second that a tab passes on"].met is True
    assert found["growth of a tab by 1,000 cells"].met is True
    assert found["growth of a tab by 200 changes of conversation"].met is False


def test_times_under_kills_are_those_of_all_messages() -> None:
    found = by_name(TAKEN)

    assert found["message while forwarders are killed, p50"].value == pytest.approx(1_000)
    assert found["message while forwarders are killed, p99"].value == pytest.approx(1_490)
    assert found["paths a message goes over while forwarders are killed"].value == pytest.approx(1.5)


def test_every_row_and_every_word_is_explained() -> None:
    page = PAGE.read_text()

    assert [name for name in by_name(TAKEN) if f"| {name} |" not in page] == []
    assert [group for group in GROUPS if f"| `{group}` |" not in page] == []


@pytest.mark.parametrize("plan", [QUICK, WHOLE])
def test_every_group_has_its_steps(plan: Plan) -> None:
    assert all(plan.steps([group]) > 0 for group in GROUPS)


def test_orders_are_timed_from_the_request_to_the_last_of_five() -> None:
    told = orders([1.020, 1.022, 1.030, 1.021, 1.024])
    told["ada"] += [progress(1.002, "waiting", []), progress(1.025, "path", HOPS)]
    told["f4"] = [event("hop_ready", 1.090, incoming="another", outgoing="path")]
    told["bo"].append(event("message_received", 1.050, text="hello"))

    (sample,) = samples([{"at": 1.0, "number": 7, "text": "hello"}], told, sender="ada", receiver="bo")

    assert sample.orders_s == pytest.approx(0.028)
    assert sample.took_s == pytest.approx(0.050)


def test_orders_are_not_timed_when_one_is_missing() -> None:
    told = orders([1.020, 1.022, 1.030, 1.021])
    told["ada"] += [progress(1.002, "waiting", []), progress(1.025, "path", HOPS)]
    told["bo"] = [event("message_received", 1.050, text="hello")]

    (sample,) = samples([{"at": 1.0, "number": 7, "text": "hello"}], told, sender="ada", receiver="bo")

    assert sample.orders_s is None


def test_links_opened_on_the_way_are_counted() -> None:
    sent = {"at": 1.0, "number": 7, "text": "hello"}
    told = {
        "ada": [progress(1.0, "sent", []), event("link_opened", 0.9), event("link_opened", 1.01)],
        "bo": [event("message_received", 1.05, text="hello"), event("link_opened", 1.1)],
    }

    (sample,) = samples([sent], told, sender="ada", receiver="bo")

    assert sample.opened == 1
