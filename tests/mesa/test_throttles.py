from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from mesa import store, throttles
from mesa.outages import STORE_DOWN


@pytest.fixture(autouse=True)
def rates(settings: Any) -> None:
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {
        "DEFAULT_THROTTLE_RATES": {"few": "3/min", "hourly": "20/hour"}
    }


pytestmark = pytest.mark.usefixtures("empty_store")


def test_allowance_is_used_up_and_says_how_long_to_wait() -> None:
    waits = [throttles.take("few", "ada") for _ in range(4)]

    assert waits[:3] == [0, 0, 0]
    assert 19 < waits[3] <= 20


def test_allowance_is_per_caller_and_per_scope() -> None:
    for _ in range(4):
        throttles.take("few", "ada")

    assert throttles.take("few", "bo") == 0
    assert throttles.take("hourly", "ada") == 0


def test_parallel_requests_do_not_slip_through() -> None:
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: throttles.take("hourly", "ada"), range(60)))

    assert waits.count(0) == 20


def test_store_holds_neither_name_nor_endless_key(empty_store: store.Client) -> None:
    throttles.take("few", "ada")

    names = list(empty_store.scan_iter())

    assert not any("ada" in name for name in names)
    assert list(store.keys_without_ttl()) == []


def test_nobody_is_let_through_without_a_store(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/nothing.sock"

    with override_settings(STORE_URL=nowhere), pytest.raises(STORE_DOWN):
        throttles.take("few", "ada")
