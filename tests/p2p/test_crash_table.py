"""The crash table of docs/spec/transactions.md: each cell that promises something has a test."""

import ast
import re
from pathlib import Path

import pytest

from tests.p2p.crash_cases import CASES, Cell
from tests.p2p.peers import Network

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/spec/transactions.md"
EN_DASH = "\N{EN DASH}"
CRASHES = "tests/p2p/test_crashes.py::"
INBOX = "tests/peer_agent/test_inbox.py::"

# Cells whose outcome a test elsewhere shows; those of tests/peer_agent are commits of the agent's own.
ELSEWHERE: dict[Cell, str] = {
    ("web", "row"): CRASHES + "test_web_dies_after_the_record",
    ("web", "enqueue"): CRASHES + "test_web_dies_before_the_task_is_sent",
    ("worker", "find"): CRASHES + "test_worker_dies_while_it_finds",
    ("worker", "take, put"): CRASHES + "test_worker_dies_while_it_finds",
    ("worker", "frames"): CRASHES + "test_worker_dies_after_it_put_a_path",
    ("worker", "failure"): CRASHES + "test_worker_dies_after_an_attempt_was_taken_down",
    ("worker", "end"): CRASHES + "test_worker_dies_after_the_end_was_written_to_the_store",
    ("store", "start"): "tests/p2p/test_store_down.py::test_a_post_is_answered_503_and_begins_nothing",
    ("store", "rows"): CRASHES + "test_store_is_emptied_and_everybody_goes_on",
    ("database", "failure"): CRASHES + "test_worker_dies_after_an_attempt_was_taken_down",
    ("database", "end"): CRASHES + "test_worker_dies_after_the_end_was_written_to_the_store",
    ("sender", "find"): CRASHES + "test_sender_dies_after_the_post_and_comes_back",
    ("sender", "frames"): CRASHES + "test_sender_dies_with_an_open_path_and_sees_it_when_it_resumes",
    ("sender", "receipt"): "tests/p2p/test_receipts.py::test_receipts_wait_for_a_sender_that_is_away",
    ("receiver", "frames"): CRASHES + "test_receiver_dies_with_an_open_path_and_comes_back",
    ("receiver", "receipt"): INBOX + "test_receipt_survives_a_crash",
}


def promising_cells() -> list[Cell]:
    """The cells of the page that are not a dash, by part and by name of the step."""
    text = PAGE.read_text().split("\n## Crash table\n", 1)[1].split("\n## ", 1)[0]
    table = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", text, re.MULTILINE)
    ]
    head, _, *rows = table
    steps = [step.split(" ", 1)[-1] for step in head]
    return [(row[0], steps[at]) for row in rows for at in range(1, len(head)) if row[at] != EN_DASH]


def test_every_cell_of_the_table_has_exactly_one_case() -> None:
    cells = promising_cells()

    assert len(cells) > 30
    assert sorted([*CASES, *ELSEWHERE]) == sorted(cells)


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())))
def test_a_test_that_stands_for_a_cell_exists(test: str) -> None:
    path, _, name = test.partition("::")
    kinds = ast.FunctionDef | ast.AsyncFunctionDef

    assert name in [
        each.name for each in ast.parse((ROOT / path).read_text()).body if isinstance(each, kinds)
    ]


@pytest.mark.parametrize("cell", [pytest.param(cell, id=" dies at ".join(cell)) for cell in sorted(CASES)])
async def test_outcome_is_the_tables(network: Network, cell: Cell) -> None:
    await CASES[cell](network)
