"""Chains with errors of every sort: nothing is accepted that nobody signed, and nothing crashes."""

import pytest
from hypothesis import strategies as st

from peer_agent.crypto.chain import pack_chain, split_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import Statement
from tests.fuzzing import LONG, drawings, fuzz

from .edited_chains import CHAINS, PREFIXES, edited_chain

# Ten thousand together, of each sort as many as its price allows.
SHORT = {"edited": 2_000, "arbitrary": 5_000, "packed": 3_000}


def check_edited(drawn: bytes) -> None:
    chain = edited_chain(drawn)
    try:
        found = verify_chain(chain)
    except CryptoError:
        return
    assert chain in PREFIXES
    assert found.statements == chain


def check_arbitrary(raw: bytes) -> None:
    number = len(raw) % 2
    head = b"\x01" + raw[:1] + number.to_bytes(4, "big") + bytes(32)
    for text in (raw, head + raw[1:]):
        try:
            statement = Statement.read(text, number=number, previous=bytes(32))
        except CryptoError:
            continue
        assert statement.pack() == text


def check_packed(raw: bytes) -> None:
    for text in (raw, b"\x01" + raw):
        try:
            statements = split_chain(text)
        except CryptoError:
            continue
        assert pack_chain(statements) == text


CHECKS = {
    "edited": (check_edited, drawings),
    "arbitrary": (check_arbitrary, st.binary(max_size=330)),
    "packed": (check_packed, st.binary(max_size=60)),
}


@pytest.mark.parametrize("what", CHECKS)
def test_nothing_is_accepted_that_nobody_signed(what: str) -> None:
    check, inputs = CHECKS[what]
    fuzz(check, inputs, tries=SHORT[what])


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("what", CHECKS)
def test_nothing_is_accepted_that_nobody_signed_in_a_million_tries(what: str) -> None:
    check, inputs = CHECKS[what]
    fuzz(check, inputs, tries=LONG)


def test_statement_read_from_the_vectors_packs_to_the_same_bytes() -> None:
    for chain in CHAINS:
        previous = bytes(32)
        for number, raw in enumerate(chain):
            assert Statement.read(raw, number=number, previous=previous).pack() == raw
            previous = sha256(raw)
