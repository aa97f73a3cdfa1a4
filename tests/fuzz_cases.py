"""What tests fuzz: each check as often as its price allows, and in the long tier a million times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzzing import LONG, drawings, fuzz


@dataclass(frozen=True)
class Fuzz:
    """A check, and how many inputs it is run on."""

    check: Callable[[Any], None]
    tries: int
    inputs: st.SearchStrategy[Any] = drawings

    def run(self) -> None:
        fuzz(self.check, self.inputs, tries=self.tries)


def fuzzed(cases: Mapping[str, Fuzz]) -> pytest.MarkDecorator:
    """Give a test each of these as its `case`, and in the long tier each with a million tries."""
    long = (pytest.mark.long, pytest.mark.timeout(0))
    short = [pytest.param(case, id=name) for name, case in cases.items()]
    a_million = [
        pytest.param(replace(case, tries=LONG), id=f"{name}, a million", marks=long)
        for name, case in cases.items()
    ]
    return pytest.mark.parametrize("case", [*short, *a_million])
