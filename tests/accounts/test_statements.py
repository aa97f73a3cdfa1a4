"""Every vector of the identity and prekey pages that the server has a reading of."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from accounts.layouts import Refused
from accounts.models import PrekeyKind
from accounts.statements import (
    CLOCK_TOLERANCE_DAYS,
    verify_first_statement,
    verify_login_proof,
    verify_prekey,
    verify_signature,
)

VECTORS = Path(__file__).parents[2] / "docs" / "spec" / "vectors"


def cases(page: str, *checks: str) -> list[Any]:
    found = [
        case
        for case in json.loads((VECTORS / f"{page}.json").read_text())["cases"]
        if case["check"] in checks
    ]
    assert found
    return [pytest.param(case, id=case["name"]) for case in found]


def outcome(check: Any, *args: Any, **kwargs: Any) -> str:
    try:
        check(*args, **kwargs)
    except Refused as refused:
        return refused.reason
    return "ok"


@pytest.mark.parametrize("case", cases("identity", "statement"))
def test_statement_is_read_as_it_was_written(case: Any) -> None:
    first = verify_first_statement(bytes.fromhex(case["statement"]))

    assert first.username == case["user_name"]
    assert first.device_id == uuid.UUID(bytes=bytes.fromhex(case["device_id"]))
    assert first.suite == case["suite"]


# Longer chains are for readers: the server takes one statement at a time.
@pytest.mark.parametrize(
    "case", [each for each in cases("identity", "chain") if len(each.values[0]["statements"]) == 1]
)
def test_chain_of_one_has_the_outcome_of_the_vector(case: Any) -> None:
    assert outcome(verify_first_statement, bytes.fromhex(case["statements"][0])) == case["expect"]


@pytest.mark.parametrize("case", cases("identity", "login-proof"))
def test_login_proof_has_the_outcome_of_the_vector(case: Any) -> None:
    result = outcome(
        verify_login_proof,
        signing_key=bytes.fromhex(case["public"]),
        device_id=uuid.UUID(bytes=bytes.fromhex(case["device_id"])),
        challenge=bytes.fromhex(case["challenge"]),
        proof=bytes.fromhex(case["signature"]),
    )

    assert result == case["expect"]


@pytest.mark.parametrize("case", cases("prekeys", "prekey"))
def test_prekey_has_the_outcome_of_the_vector(case: Any) -> None:
    entry, raw = bytes.fromhex(case["entry"]), bytes.fromhex(case["raw"])
    day = int.from_bytes(raw[6:10], "big")
    expected = case["expect"]
    if expected in {"ok", "not-valid-now"}:
        # Readers take a prekey for months; the server takes an upload from today.
        expected = "ok" if abs(day - case["today"]) <= CLOCK_TOLERANCE_DAYS else "not-valid-now"

    result = outcome(
        verify_prekey,
        raw,
        device_id=uuid.UUID(bytes=entry[:16]),
        signing_key=entry[16:48],
        today=case["today"],
    )

    assert result == expected


@pytest.mark.parametrize("days", [-3, -2, 2, 3])
def test_prekey_of_another_day_is_taken_within_the_tolerance(days: int) -> None:
    case = next(each.values[0] for each in cases("prekeys", "prekey") if each.values[0]["expect"] == "ok")
    entry, raw = bytes.fromhex(case["entry"]), bytes.fromhex(case["raw"])
    today = int.from_bytes(raw[6:10], "big") + days

    result = outcome(
        verify_prekey, raw, device_id=uuid.UUID(bytes=entry[:16]), signing_key=entry[16:48], today=today
    )

    assert result == ("ok" if abs(days) <= CLOCK_TOLERANCE_DAYS else "not-valid-now")


@pytest.mark.parametrize("case", cases("prekeys", "create"))
def test_prekey_kinds_are_numbered_as_in_the_spec(case: Any) -> None:
    kind = bytes.fromhex(case["public"])[1]

    assert case["name"].removeprefix("create ").replace(" ", "_").upper() in {
        PrekeyKind(kind).name,
        f"{PrekeyKind(kind).name}_KEM",
    }


# A weak key is refused when the statement is read, before anything is verified with it.
@pytest.mark.parametrize(
    "case", [each for each in cases("encoding", "verify") if each.values[0]["expect"] != "weak-key"]
)
def test_signature_has_the_outcome_of_the_vector(case: Any) -> None:
    result = outcome(
        verify_signature,
        bytes.fromhex(case["public"]),
        case["what"],
        bytes.fromhex(case["body"]),
        bytes.fromhex(case["signature"]),
    )

    assert result == case["expect"]
