import pytest

from peer_agent.crypto import errors

from .make_vectors import PAGES
from .vector_files import VECTORS, load, to_text


@pytest.mark.parametrize("page", PAGES)
def test_committed_vectors_are_what_the_code_makes(page: str) -> None:
    assert (VECTORS / f"{page}.json").read_text() == to_text(page, PAGES[page]())


@pytest.mark.parametrize("page", PAGES)
def test_every_case_has_its_own_name_and_a_known_outcome(page: str) -> None:
    cases = load(page)
    names = [case["name"] for case in cases]
    known = {"ok"} | {kind.name for kind in errors.CryptoError.__subclasses__()}

    assert len(set(names)) == len(names)
    assert {case["expect"] for case in cases} <= known


def test_every_refusal_that_a_page_names_has_a_failing_case() -> None:
    found = {each for page in PAGES for case in load(page) for each in _outcomes(case)}
    # A device that is not in the identity is refused by a look-up, not by a codec.
    known = {kind.name for kind in errors.CryptoError.__subclasses__()}

    assert known <= found


def _outcomes(case: dict[str, object]) -> list[str]:
    steps = case.get("steps", [])
    assert isinstance(steps, list)
    return [str(case["expect"]), *(step["expect"] for step in steps)]


def test_refusals_say_nothing_but_their_sentence() -> None:
    for kind in errors.CryptoError.__subclasses__():
        assert str(kind()) == kind.sentence
        assert kind.sentence.endswith(".")
