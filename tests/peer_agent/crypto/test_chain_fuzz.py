"""Chains with errors of every sort: nothing is accepted that nobody signed, and nothing crashes."""

from hypothesis import strategies as st

from peer_agent.crypto.chain import pack_chain, split_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import Statement
from tests.fuzz_cases import Fuzz, fuzzed

from .edited_chains import CHAINS, PREFIXES, edited_chain


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


# Ten thousand together in the short tier.
CASES = {
    "edited": Fuzz(check_edited, 2_000),
    "arbitrary": Fuzz(check_arbitrary, 5_000, st.binary(max_size=330)),
    "packed": Fuzz(check_packed, 3_000, st.binary(max_size=60)),
}


@fuzzed(CASES)
def test_nothing_is_accepted_that_nobody_signed(case: Fuzz) -> None:
    case.run()


def test_statement_read_from_the_vectors_packs_to_the_same_bytes() -> None:
    for chain in CHAINS:
        previous = bytes(32)
        for number, raw in enumerate(chain):
            assert Statement.read(raw, number=number, previous=previous).pack() == raw
            previous = sha256(raw)
