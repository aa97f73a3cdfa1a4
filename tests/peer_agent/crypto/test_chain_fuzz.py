"""Chains with errors of every sort: nothing is accepted that nobody signed, and nothing crashes."""

from accounts import chains as on_server
from peer_agent.crypto.chain import MAX_STATEMENTS, pack_chain, split_chain, verify_chain
from peer_agent.crypto.errors import CryptoError
from peer_agent.crypto.primitives import sha256
from peer_agent.crypto.statements import Statement
from tests.fuzz_cases import Fuzz, fuzzed
from tests.fuzz_edits import Good, edited, how, picked

from .chains import Chain
from .edited_chains import (
    CHAINS,
    EIGHT_DEVICES,
    GOOD_STATEMENTS,
    PREFIXES,
    signed_chain,
    unsigned_chain,
)
from .second_reader import is_statement

_PACKED = [
    Good.of(pack_chain(chain), 1, 1, *(size for each in chain for size in (2, len(each))))
    for chain in (
        *CHAINS[:4],
        EIGHT_DEVICES,
        (b"",),
        (b"a", b"bc"),
        *(((b"",) * size) for size in (0, MAX_STATEMENTS, MAX_STATEMENTS + 1)),
    )
]


def check_unsigned(chain: Chain) -> None:
    try:
        found = verify_chain(chain)
    except CryptoError:
        assert chain not in PREFIXES
        return
    assert chain in PREFIXES
    assert found.statements == chain


def check_signed(chain: Chain) -> None:
    """What is accepted the server's own reader accepts, too, and there is one way to write it."""
    try:
        found = verify_chain(chain)
    except CryptoError:
        assert chain not in PREFIXES
        return
    by_server = on_server.verify_chain(chain)
    assert found.user_name == by_server.username
    assert [each.device_id for each in found.devices] == list(by_server.devices)
    previous = bytes(32) if len(chain) == 1 else sha256(chain[-2])
    assert Statement.read(chain[-1], number=len(chain) - 1, previous=previous).pack() == chain[-1]


def statement(drawn: bytes) -> tuple[bytes, int, bytes]:
    """A statement with errors, and where it is said to stand."""
    good = picked(GOOD_STATEMENTS, drawn)
    number, previous = int.from_bytes(good.raw[2:6], "big"), good.raw[6:38]
    return edited(good, drawn), number + (how(drawn, 16) == 1), previous


def check_statement(made: tuple[bytes, int, bytes]) -> None:
    raw, number, previous = made
    try:
        found = Statement.read(raw, number=number, previous=previous)
    except CryptoError:
        assert not is_statement(raw, number, previous)
        return
    assert is_statement(raw, number, previous)
    assert found.pack() == raw


def check_packed(raw: bytes) -> None:
    try:
        statements = split_chain(raw)
    except CryptoError:
        return
    assert 1 <= len(statements) <= MAX_STATEMENTS
    assert pack_chain(statements) == raw


# Chains together ten thousand in the short tier: their signatures take time.
CASES = {
    "unsigned": Fuzz(unsigned_chain, check_unsigned, 6_000),
    "signed": Fuzz(signed_chain, check_signed, 4_000),
    "statement": Fuzz(statement, check_statement),
    "packed": Fuzz(lambda drawn: edited(picked(_PACKED, drawn), drawn), check_packed),
}


@fuzzed(CASES)
def test_nothing_is_accepted_that_nobody_signed(case: Fuzz) -> None:
    case.run()


def test_statement_that_is_good_packs_to_the_same_bytes() -> None:
    for chain in CHAINS:
        previous = bytes(32)
        for number, raw in enumerate(chain):
            assert Statement.read(raw, number=number, previous=previous).pack() == raw
            previous = sha256(raw)
