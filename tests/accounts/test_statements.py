"""Every vector of the identity and prekey pages that the server has a reading of."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from accounts.chains import DeviceEntry, judge, verify_chain
from accounts.days import TOLERANCE_DAYS
from accounts.layouts import Refused
from accounts.models import PrekeyKind
from accounts.statements import (
    verify_login_proof,
    verify_prekey,
    verify_recovery_proof,
    verify_signature,
)

VECTORS = Path(__file__).parents[2] / "docs" / "spec" / "vectors"


@pytest.fixture(autouse=True)
def empty_world() -> None:
    """Bytes are read without database and store, so on every kind of them alike."""


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


def statements(case: Any, key: str = "statements") -> list[bytes]:
    return [bytes.fromhex(each) for each in case[key]]


@pytest.mark.parametrize("case", cases("identity", "statement"))
def test_first_statement_is_read_as_it_was_written(case: Any) -> None:
    found = verify_chain([bytes.fromhex(case["statement"])])

    (device,) = found.devices.values()
    assert found.username == case["user_name"]
    assert device.device_id == uuid.UUID(bytes=bytes.fromhex(case["device_id"]))
    assert (device.suite, found.day) == (case["suite"], case["day"])


@pytest.mark.parametrize("case", cases("identity", "chain"))
def test_chain_has_the_outcome_of_the_vector(case: Any) -> None:
    assert outcome(verify_chain, statements(case)) == case["expect"]


@pytest.mark.parametrize("case", [each for each in cases("identity", "chain") if "head" in each.values[0]])
def test_chain_says_what_the_vector_says(case: Any) -> None:
    found = verify_chain(statements(case))

    assert (found.username, found.number) == (case["user_name"], case["number"])
    assert (found.fingerprint.hex(), found.head.hex()) == (case["fingerprint"], case["head"])
    assert found.recovery_key.hex() == case["recovery"]
    assert [packed(device) for device in found.devices.values()] == case["devices"]


def packed(device: DeviceEntry) -> str:
    raw = device.device_id.bytes + device.signing_key + device.exchange_key + bytes([device.suite])
    return raw.hex()


@pytest.mark.parametrize("case", cases("identity", "next-statement"))
def test_next_statement_follows_on_the_chain(case: Any) -> None:
    found = verify_chain([*statements(case), bytes.fromhex(case["statement"])])

    assert (found.kind, found.day) == (case["kind"], case["day"])


@pytest.mark.parametrize("case", cases("identity", "judge"))
def test_verdict_is_that_of_the_vector(case: Any) -> None:
    held, shown = (verify_chain(statements(case, side)) for side in ("pinned", "shown"))

    assert judge(held, shown) == case["verdict"]


@pytest.mark.parametrize("case", cases("identity", "recovery-proof"))
def test_recovery_proof_has_the_outcome_of_the_vector(case: Any) -> None:
    result = outcome(
        verify_recovery_proof,
        recovery_key=bytes.fromhex(case["public"]),
        fingerprint=bytes.fromhex(case["fingerprint"]),
        challenge=bytes.fromhex(case["challenge"]),
        proof=bytes.fromhex(case["signature"]),
    )

    assert result == case["expect"]


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
        expected = "ok" if abs(day - case["today"]) <= TOLERANCE_DAYS else "not-valid-now"

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

    assert result == ("ok" if abs(days) <= TOLERANCE_DAYS else "not-valid-now")


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
