from collections.abc import Callable

import pytest

from peer_agent.crypto.receipts import ReceiptKey, envelope_hash, is_receipt, make_receipt

from .cases.receipts import ENVELOPE, KEY
from .vector_files import Case, flipped, load, verdict


def _parts(case: Case) -> tuple[ReceiptKey, bytes]:
    return ReceiptKey(bytes.fromhex(case["receipt_key"])), envelope_hash(bytes.fromhex(case["envelope"]))


def _make(case: Case) -> None:
    key, hashed = _parts(case)
    assert hashed.hex() == case["hash"]
    assert make_receipt(key, hashed).hex() == case["entry"]


def _verify(case: Case) -> None:
    assert is_receipt(bytes.fromhex(case["entry"]), *_parts(case)) is case["valid"]


CHECKS: dict[str, Callable[[Case], None]] = {"make": _make, "verify": _verify}


@pytest.mark.parametrize("case", load("receipts"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_no_flipped_bit_of_a_receipt_passes() -> None:
    hashed = envelope_hash(ENVELOPE)
    entry = make_receipt(KEY, hashed)

    assert not any(is_receipt(flipped(entry, at // 8, at % 8), KEY, hashed) for at in range(256))
