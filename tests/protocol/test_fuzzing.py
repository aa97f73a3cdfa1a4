"""The fuzzing of other tests: as many inputs as promised, hardly two alike, and what fails is made small."""

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz_cases import Fuzz
from tests.fuzzing import BLOCK, DRAWN_BYTES, fuzz, pieces

TESTS = Path(__file__).resolve().parents[1]
FUZZED = (*TESTS.rglob("test_*_fuzz.py"), TESTS / "peer_agent" / "crypto" / "test_chains_agree.py")
SOME = 2_000


def all_cases() -> Iterator[Any]:
    for path in sorted(FUZZED):
        module = import_module(".".join(("tests", *path.relative_to(TESTS).with_suffix("").parts)))
        for name, case in module.CASES.items():
            yield pytest.param(case, id=f"{path.stem}, {name}")


def drawn_at_once() -> bytes:
    return hashlib.shake_128(b"what is drawn").digest(SOME * DRAWN_BYTES)


def test_there_are_as_many_inputs_as_promised_and_no_two_alike() -> None:
    made: list[bytes] = []

    fuzz(bytes, made.append, tries=10 * BLOCK, batch=2 * BLOCK)

    assert len(made) >= 10 * BLOCK
    assert len(set(made)) == len(made)


def test_inputs_that_come_again_are_not_enough() -> None:
    with pytest.raises(AssertionError, match="there before"):
        fuzz(lambda drawn: drawn[0] % 200, lambda _: None, tries=1_000, batch=500)


@pytest.mark.parametrize("case", list(all_cases()))
def test_inputs_differ_nearly_always(case: Fuzz) -> None:
    made = [repr(case.make(drawn)) for drawn in pieces(drawn_at_once())]

    assert len(made) == SOME
    assert len(set(made)) > 0.9 * SOME


def test_input_that_fails_is_made_small_and_shown() -> None:
    def check(made: int) -> None:
        assert made < 100

    case = Fuzz(lambda drawn: drawn[5], check, 1_000)

    with pytest.raises(AssertionError) as failed:
        case.run()

    notes = "\n".join(failed.value.__notes__)
    assert "Input: 100" in notes
    assert repr(bytes(5) + b"d" + bytes(10)) in notes


def test_failure_that_needs_what_came_before_is_not_lost() -> None:
    checked: list[bytes] = []

    def check(made: bytes) -> None:
        checked.append(made)
        assert len(checked) != 100

    with pytest.raises(AssertionError, match="only after other inputs"):
        fuzz(bytes, check, tries=1_000)
