"""What tests fuzz: each check as often as its price allows, and in the long tier a million times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.fuzzing import LONG, fuzz

SHORT = 10_000


@dataclass(frozen=True)
class Fuzz:
    """How drawn bytes become an input, what must hold of it, and how many inputs that is shown for."""

    make: Callable[[bytes], Any]
    check: Callable[[Any], None]
    tries: int = SHORT

    def run(self) -> None:
        fuzz(self.make, self.check, tries=self.tries)


def fuzzed(cases: Mapping[str, Fuzz]) -> pytest.MarkDecorator:
    """Give a test each of these as its `case`, and in the long tier each with a million tries."""
    long = (pytest.mark.long, pytest.mark.timeout(0))
    short = [pytest.param(case, id=name) for name, case in cases.items()]
    a_million = [
        pytest.param(replace(case, tries=LONG), id=f"{name}, a million", marks=long)
        for name, case in cases.items()
    ]
    return pytest.mark.parametrize("case", [*short, *a_million])
