"""The rows of a run: what was measured, beside what, and whether the goal is met."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Row:
    """One line of the results, written as it is.

    limit: the goal as a number, in the row's unit: the most that is good, with `at_least` the least.
    baseline: the raw chain's median in the same run, None where there is nothing to compare with.
    goal: in words, None for a row that only informs.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    goal: str | None = None
    limit: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        return None if self.baseline is None else self.value / self.baseline

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def to_json(self) -> dict[str, str | float | bool | None]:
        """The object in the results file, its numbers with three decimals."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": _rounded(self.baseline),
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "met": self.met,
        }


def write(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """Write all rows of a run in place of those of the last one."""
    path.write_text(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False) + "\n")


def table(rows: Sequence[Row]) -> Table:
    """Lay the rows out for a terminal."""
    drawn = Table(title="Mesa, medians", title_justify="left")
    for heading in ("", "value", "raw", "ratio", "goal", "met"):
        drawn.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        drawn.add_row(
            row.name,
            f"{_number(row.value)} {row.unit}",
            _number(row.baseline),
            _number(row.ratio),
            "" if row.limit is None else f"{'≥' if row.at_least else '≤'} {_number(row.limit)}",
            {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[row.met],
        )
    return drawn


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
