from collections.abc import Callable

import pytest

from peer_agent.crypto.direct import DirectKey, Party, agree, fingerprint_of, with_one_fingerprint

from .cases.direct import ANSWER, OFFER, line
from .vector_files import Case, load, verdict


def _bytes(case: Case, *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def _key(case: Case) -> None:
    parties = [
        Party(bytes.fromhex(part), bytes.fromhex(fingerprint))
        for part, fingerprint in zip(case["parts"], case["fingerprints"], strict=True)
    ]
    assert agree(*parties).raw.hex() == case["key"]


def _fingerprint(case: Case) -> None:
    assert fingerprint_of("\r\n".join(case["description"])).hex() == case["fingerprint"]


def _offer(case: Case) -> None:
    key, maker, offer, proof = _bytes(case, "key", "maker", "offer", "proof")
    assert DirectKey(key).proves_offer(proof, maker, offer) is case["valid"]


def _answer(case: Case) -> None:
    key, maker, offer, answer, proof = _bytes(case, "key", "maker", "offer", "answer", "proof")
    assert DirectKey(key).proves_answer(proof, maker, offer, answer) is case["valid"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "key": _key,
    "fingerprint": _fingerprint,
    "offer": _offer,
    "answer": _answer,
}


@pytest.mark.parametrize("case", load("direct"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_other_hashes_are_taken_out_of_a_description() -> None:
    lines = ["v=0", line(ANSWER * 2, "sha-512"), line(OFFER), line(ANSWER, "SHA-384"), "a=setup:actpass"]

    left = with_one_fingerprint("\r\n".join(lines)).splitlines()

    assert left == ["v=0", line(OFFER), "a=setup:actpass"]


def test_of_fingerprints_nothing_is_left_that_another_reader_may_understand_otherwise() -> None:
    odd = [f" {line(ANSWER)}", line(ANSWER).replace(" ", "  "), line(ANSWER).upper(), "a=fingerprint:"]

    assert with_one_fingerprint("\r\n".join([*odd, line(OFFER)])).splitlines() == [line(OFFER)]
