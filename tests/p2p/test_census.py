"""How many peers there are and forward; what users are told of it tells of no single peer."""

import re
import uuid
from datetime import datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from mesa import store
from p2p import store_keys
from p2p.census import STEPS, count_peers, forwarders_at_least
from p2p.protocol.limits import FORWARDERS
from tests.conventions.sources import ROOT
from tests.factories import make_client, make_login
from tests.p2p.peers import Network

pytestmark = pytest.mark.usefixtures("empty_store")


def come(count: int, at: datetime) -> None:
    for _ in range(count):
        store.client().zadd(store_keys.FORWARDERS, {str(uuid.uuid4()): at.timestamp()})


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, 0), (2, 0), (3, 3), (9, 3), (10, 10), (31, 30)])
def test_count_is_rounded_down(count: int, told: int) -> None:
    now = timezone.now()
    come(count, now)

    assert forwarders_at_least(now) == told


def test_who_has_not_refreshed_does_not_count() -> None:
    now = timezone.now()
    come(3, now - timedelta(seconds=121))

    assert forwarders_at_least(now) == 0


def test_steps_are_those_of_the_page_and_the_first_is_what_a_path_needs() -> None:
    page = (ROOT / "docs/spec/rest.md").read_text()
    said = re.search(r"rounded down to ([\d, ]+) or ([\d,]+):", page)

    assert said is not None
    numbers = [*said[1].split(", "), said[2]]
    assert [int(each.replace(",", "")) for each in numbers] == list(STEPS)
    assert STEPS[1] == FORWARDERS


def test_user_is_told(db: None) -> None:
    come(12, timezone.now())

    answer = make_client(make_login()).get("/api/p2p/forwarders/")

    assert (answer.status_code, answer.json()) == (200, {"at_least": 10})


@pytest.mark.django_db
async def test_peer_that_has_gone_counts_no_more(network: Network) -> None:
    ada = await network.online("ada")
    await network.online("bo")

    await ada.close()

    assert await sync_to_async(count_peers)() == 1
