"""Prekeys: uploads that verify, stock that is bounded, and nothing that comes back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Device, OneTimePrekey, PrekeyKind, StandingPrekey
from accounts.prekeys import MAX_STOCK, claim_one_time
from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto import prekeys as crypto
from tests.accounts.rest import Rest, code
from tests.factories import make_device, make_login, make_packed_prekey, make_prekeys, today

EMPTY: dict[str, Any] = {"signed_prekey": None, "last_resort": None, "one_time": [], "one_time_kem": []}
INVALID = (422, "statement_invalid")
Kind = crypto.PrekeyKind


def packed(device: Device, kind: crypto.PrekeyKind, prekey_id: int = 1, **options: Any) -> str:
    return b64_text(make_packed_prekey(device, kind, prekey_id, **options))


def test_device_without_prekeys_has_none() -> None:
    assert Rest(make_login()).get("prekeys/").json() == {
        "signed_prekey": None,
        "last_resort": None,
        "one_time": 0,
        "one_time_kem": 0,
    }


def test_uploaded_prekeys_are_counted() -> None:
    ada = make_login()

    response = Rest(ada).put("prekeys/", make_prekeys(ada.device, one_time=3))

    assert response.status_code == 204
    assert Rest(ada).get("prekeys/").json() == {
        "signed_prekey": 1,
        "last_resort": 2,
        "one_time": 3,
        "one_time_kem": 3,
    }


def test_prekeys_belong_to_the_device_of_the_login() -> None:
    ada, other = make_login(), make_login()
    Rest(ada).put("prekeys/", make_prekeys(ada.device))

    assert Rest(other).get("prekeys/").json()["one_time"] == 0


def test_null_keeps_what_is_there() -> None:
    ada = make_login()
    Rest(ada).put("prekeys/", make_prekeys(ada.device))

    Rest(ada).put("prekeys/", EMPTY)

    assert Rest(ada).get("prekeys/").json()["signed_prekey"] == 1


def test_newer_standing_prekey_replaces_the_older() -> None:
    ada = make_login()
    Rest(ada).put("prekeys/", make_prekeys(ada.device))

    Rest(ada).put("prekeys/", {**EMPTY, "signed_prekey": packed(ada.device, Kind.SIGNED, 9)})

    assert StandingPrekey.objects.get(kind=PrekeyKind.SIGNED).key_id == 9
    assert StandingPrekey.objects.count() == 2


def test_older_standing_prekey_does_not_come_back() -> None:
    ada = make_login()
    older = packed(ada.device, Kind.SIGNED, 3)
    Rest(ada).put("prekeys/", {**EMPTY, "signed_prekey": packed(ada.device, Kind.SIGNED, 9)})

    assert Rest(ada).put("prekeys/", {**EMPTY, "signed_prekey": older}).status_code == 204

    assert StandingPrekey.objects.get().key_id == 9


def test_repeated_upload_does_no_harm() -> None:
    ada = make_login()
    body = make_prekeys(ada.device, one_time=2)

    assert [Rest(ada).put("prekeys/", body).status_code for _ in range(2)] == [204, 204]
    assert OneTimePrekey.objects.count() == 4


def test_claimed_key_does_not_come_back_by_a_repeated_upload() -> None:
    ada = make_login()
    body = make_prekeys(ada.device)
    Rest(ada).put("prekeys/", body)
    claim_one_time(device_id=ada.device.pk, kind=PrekeyKind.ONE_TIME)

    Rest(ada).put("prekeys/", body)

    assert Rest(ada).get("prekeys/").json() == {
        "signed_prekey": 1,
        "last_resort": 2,
        "one_time": 0,
        "one_time_kem": 1,
    }


def test_stock_is_bounded() -> None:
    ada = make_login()

    def upload(first: int, count: int) -> Any:
        ids = range(first, first + count)
        return Rest(ada).put(
            "prekeys/", {**EMPTY, "one_time": [packed(ada.device, Kind.ONE_TIME, each) for each in ids]}
        )

    assert upload(1, MAX_STOCK).status_code == 204
    assert code(upload(MAX_STOCK + 1, 1)) == (409, "stock_full")
    claim_one_time(device_id=ada.device.pk, kind=PrekeyKind.ONE_TIME)
    assert upload(MAX_STOCK + 1, 1).status_code == 204


def test_full_upload_fits_the_body_limit() -> None:
    ada = make_login()
    body = make_prekeys(ada.device, one_time=MAX_STOCK)

    assert Rest(ada).put("prekeys/", body).status_code == 204


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("signed_prekey", Kind.LAST_RESORT_KEM),
        ("signed_prekey", Kind.ONE_TIME),
        ("last_resort", Kind.SIGNED),
        ("last_resort", Kind.ONE_TIME_KEM),
        ("one_time", Kind.ONE_TIME_KEM),
        ("one_time", Kind.SIGNED),
        ("one_time_kem", Kind.ONE_TIME),
        ("one_time_kem", Kind.LAST_RESORT_KEM),
    ],
)
def test_prekey_in_another_kinds_place_is_refused(place: str, kind: crypto.PrekeyKind) -> None:
    ada = make_login()
    misplaced = packed(ada.device, kind)
    body = {**EMPTY, place: misplaced if EMPTY[place] is None else [misplaced]}

    assert code(Rest(ada).put("prekeys/", body)) == INVALID


def test_prekey_of_another_device_is_refused() -> None:
    ada, mallory = make_login(), make_device()

    body = {**EMPTY, "signed_prekey": packed(mallory, Kind.SIGNED)}

    assert code(Rest(ada).put("prekeys/", body)) == INVALID


@pytest.mark.parametrize("kind", [Kind.SIGNED, Kind.LAST_RESORT_KEM])
def test_bad_signature_is_refused(kind: crypto.PrekeyKind) -> None:
    ada = make_login()
    raw = bytearray(b64_bytes(packed(ada.device, kind)))
    raw[-1] ^= 1
    place = "signed_prekey" if kind is Kind.SIGNED else "last_resort"

    assert code(Rest(ada).put("prekeys/", {**EMPTY, place: b64_text(bytes(raw))})) == INVALID


@pytest.mark.parametrize("days", [-3, 3])
def test_prekey_of_another_day_is_refused(days: int) -> None:
    ada = make_login()
    body = {**EMPTY, "signed_prekey": packed(ada.device, Kind.SIGNED, day=today() + days)}

    assert code(Rest(ada).put("prekeys/", body)) == INVALID


def test_same_id_twice_in_one_upload_is_refused() -> None:
    ada = make_login()
    body = {**EMPTY, "one_time": [packed(ada.device, Kind.ONE_TIME, 1), packed(ada.device, Kind.ONE_TIME, 1)]}

    assert code(Rest(ada).put("prekeys/", body)) == INVALID


def test_refused_upload_changes_nothing() -> None:
    ada = make_login()
    body = make_prekeys(ada.device)
    body["one_time_kem"] = [packed(make_device(), Kind.ONE_TIME_KEM, 5)]

    assert code(Rest(ada).put("prekeys/", body)) == INVALID

    assert not StandingPrekey.objects.exists()
    assert not OneTimePrekey.objects.exists()


def claimed_ids(device: Device) -> list[int]:
    """Claim until the stock is empty."""
    taken = iter(lambda: claim_one_time(device_id=device.pk, kind=PrekeyKind.ONE_TIME), None)
    return [int.from_bytes(raw[2:6], "big") for raw in taken]


def test_each_one_time_key_is_claimed_once_and_in_no_order() -> None:
    ada = make_login()
    ids = list(range(1, 31))
    keys = [packed(ada.device, Kind.ONE_TIME, each) for each in ids]
    Rest(ada).put("prekeys/", {**EMPTY, "one_time": keys})

    claimed = claimed_ids(ada.device)

    assert sorted(claimed) == ids
    assert claimed != ids


def test_ids_need_not_count_up() -> None:
    ada = make_login()

    for each in (2**32 - 1, 7, 70_000):
        body = {**EMPTY, "one_time": [packed(ada.device, Kind.ONE_TIME, each)]}
        assert Rest(ada).put("prekeys/", body).status_code == 204

    assert sorted(claimed_ids(ada.device)) == [7, 70_000, 2**32 - 1]


def test_claim_leaves_no_date_and_upload_only_a_month() -> None:
    ada = make_login()
    Rest(ada).put("prekeys/", make_prekeys(ada.device))
    before = OneTimePrekey.objects.get(kind=PrekeyKind.ONE_TIME)

    claim_one_time(device_id=ada.device.pk, kind=PrekeyKind.ONE_TIME)

    after = OneTimePrekey.objects.get(kind=PrekeyKind.ONE_TIME)
    assert (after.packed, after.forget_on) == (None, before.forget_on)
    assert after.forget_on.day == 1
    assert timedelta(days=90) < after.forget_on - timezone.now().date() <= timedelta(days=122)
