"""Limits: each scope has its rate, callers share none, and nobody passes when they can not be counted."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client, override_settings

from accounts.models import DeviceLogin
from accounts.quotas import Quota, spend
from mesa import store
from tests.accounts.rest import Rest, code
from tests.factories import PASSWORD, keys_of, make_device, make_login, make_user

THROTTLED = (429, "throttled")
RATES = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]


@pytest.fixture
def one_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scope allows one request a minute."""
    for scope in RATES:
        monkeypatch.setitem(RATES, scope, "1/min")


@pytest.fixture
def no_store() -> Iterator[None]:
    """A store that nobody can reach."""
    nowhere = f"unix://{settings.STATE_DIR}/nowhere.sock"
    with override_settings(
        STORE_URL=nowhere,
        CACHES={"default": {**settings.CACHES["default"], "LOCATION": nowhere}},
        CHANNEL_LAYERS={"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": {"hosts": [nowhere]}}},
    ):
        yield


def calls(rest: Rest) -> dict[str, Any]:
    """One call of each route, whatever it answers."""
    return {
        "register": lambda: rest.post("register/", {}),
        "challenges": lambda: rest.post("challenges/", {}),
        "login": lambda: rest.post("login/", {}),
        "known": lambda: rest.post("known/", {}),
        "refresh": lambda: rest.post("refresh/", {}),
        "password": lambda: rest.post("password/", {}),
        "statements": lambda: rest.post("statements/", {}),
        "recovery": lambda: rest.post("recovery/", {}),
        "recover": lambda: rest.post("recover/", {}),
        "me": lambda: rest.get("me/"),
        "removal": lambda: rest.delete("me/", {}),
        "settings": lambda: rest.get("settings/"),
        "search": lambda: rest.get("users/", prefix="bo2"),
        "bundles": lambda: rest.post("bundles/", {}),
        "prekeys": lambda: rest.put("prekeys/", {}),
        "tokens": lambda: rest.post("tokens/", {}),
        "mailbox": lambda: rest.post("mailbox/", {}),
        "logout": lambda: rest.post("logout/", {"more": 1}),
    }


ROUTES = list(calls(Rest.__new__(Rest)))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.usefixtures("one_a_minute")
def test_second_call_is_throttled(route: str) -> None:
    rest = Rest(make_login())
    call = calls(rest)[route]

    first, second = call(), call()

    assert first.status_code != 429
    assert code(second) == THROTTLED
    assert 1 <= int(second.headers["Retry-After"]) <= 60


@pytest.mark.usefixtures("one_a_minute")
def test_callers_do_not_share_a_limit() -> None:
    ada, bo = Rest(make_login()), Rest(make_login())
    ada.get("users/", prefix="bo2")

    assert bo.get("users/", prefix="bo2").status_code == 200


@pytest.mark.usefixtures("one_a_minute")
def test_two_devices_of_a_user_share_a_limit() -> None:
    ada = make_login()
    second = make_login(device=make_device(user=ada.device.user))
    Rest(ada).get("users/", prefix="bo2")

    assert code(Rest(second).get("users/", prefix="bo2")) == THROTTLED


@pytest.mark.parametrize(
    ("scope", "rate"),
    [
        ("register", "20/hour"),
        ("login", "30/min"),
        ("challenges", "30/min"),
        ("recovery", "20/hour"),
        ("password", "20/hour"),
        ("search", "60/min"),
        ("bundles", "60/min"),
        ("mailbox", "120/min"),
        ("user", "600/min"),
    ],
)
def test_rates_are_those_of_the_page(scope: str, rate: str) -> None:
    assert RATES[scope] == rate


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.usefixtures("no_store")
def test_nobody_passes_when_the_store_is_down(route: str) -> None:
    response = calls(Rest(make_login()))[route]()

    assert code(response) == (503, "unavailable")
    assert response.headers["Retry-After"]


@pytest.mark.usefixtures("one_a_minute")
def test_nobody_logs_in_when_wrong_passwords_can_not_be_counted() -> None:
    ada = make_device(username="ada")
    nowhere = {**settings.CACHES["default"], "LOCATION": f"unix://{settings.STATE_DIR}/nowhere.sock"}
    with override_settings(CACHES={"default": nowhere}):
        # django-axes opens its cache once in a process.
        AxesProxyHandler.get_implementation(force=True)
        response = Rest().log_in(keys_of(ada), ada.pk, "ada")
    AxesProxyHandler.get_implementation(force=True)

    assert code(response) == (503, "unavailable")
    assert not DeviceLogin.objects.exists()


@pytest.mark.usefixtures("one_a_minute")
def test_counters_name_nobody(empty_store: store.Client) -> None:
    ada = make_login(username="ada-who-asks")
    for call in calls(Rest(ada)).values():
        call()
    Rest(ada).post("bundles/", {"username": "bo-as-target", "token": None})

    kept = " ".join(f"{key} {empty_store.get(key)}" for key in empty_store.scan_iter())
    for secret in ("ada-who", "bo-as", str(ada.device.user_id), ada.device.user_id.hex, "127.0.0.1"):
        assert secret not in kept


def test_quota_counter_is_a_count_that_ends_with_its_stretch(empty_store: store.Client) -> None:
    spend(Quota("test", 5, timedelta(hours=1)), "ada")

    (key,) = empty_store.scan_iter(match="*quota*")
    assert empty_store.get(key) == "1"
    ends_at = time.time() + empty_store.pttl(key) / 1_000
    assert abs(ends_at / 3_600 - round(ends_at / 3_600)) * 3_600 < 2


def test_nobody_logs_in_when_the_database_is_down() -> None:
    ada = make_device(username="ada")
    challenge = Rest().challenge()

    def refuse(*_: Any) -> None:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        response = Rest().log_in(keys_of(ada), ada.pk, "ada", challenge=challenge)

    assert code(response) == (503, "unavailable")
    assert response.headers["Retry-After"]


@pytest.mark.usefixtures("one_a_minute")
def test_operators_login_page_takes_from_the_allowance_of_login(client: Client) -> None:
    """Also for names that nobody has: each costs a hash, and few are made at a time."""
    olga = {"username": make_user("olga", is_staff=True).username, "password": PASSWORD}
    client.post("/admin/login/", {"username": "nobody", "password": "at all"})

    refused = client.post("/admin/login/", olga)

    assert b"Too many tries from this address" in refused.content
    assert "_auth_user_id" not in client.session
    assert code(Rest().post("login/", {})) == THROTTLED
