"""What operators see first: counts, how far the work is behind, and what should be mended."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, Warning
from django.test import override_settings
from django.utils import timezone

from mesa import deadlines, overview, state_dir, store
from mesa.celery import HEARTBEAT
from mesa.overview import Section, rounded, show_work, take_overview
from p2p import tasks
from tests.factories import make_operator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_store")]


def figures(section: Section) -> dict[str, str]:
    return {figure.name: figure.value for figure in section.figures}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "fewer than 5"),
        (4, "fewer than 5"),
        (5, "about 5"),
        (7, "about 5"),
        (8, "about 10"),
        (101, "about 100"),
    ],
)
def test_people_are_told_in_fives(count: int, said: str) -> None:
    assert rounded(count) == said


def test_worker_that_beats_is_alive() -> None:
    before = figures(show_work(timezone.now()))["worker"]

    store.client().set(store.key(HEARTBEAT), "1", px=timedelta(seconds=5))

    assert (before, figures(show_work(timezone.now()))["worker"]) == ("not heard of", "alive")


def test_tasks_that_wait_are_counted() -> None:
    for _ in range(3):
        tasks.take_turn.delay()
    tasks.prune.delay()

    shown = figures(show_work(timezone.now()))

    assert (shown["queue path"], shown["queue maintenance"]) == ("3", "1")


def test_lag_is_that_of_the_oldest_deadline() -> None:
    now = timezone.now()
    deadlines.schedule("turns", "", now + timedelta(seconds=5))
    assert figures(show_work(now))["deadline lag"] == "0.0 s"

    deadlines.schedule("link", "x", now - timedelta(seconds=3))

    assert figures(show_work(now))["deadline lag"] == "3.0 s"


def test_overview_goes_on_without_the_store(tmp_path: Path) -> None:
    olga = make_operator()

    with override_settings(STORE_URL=state_dir.store_url(tmp_path)):
        page = olga.get("/admin/")

    text = page.content.decode()
    assert page.status_code == 200
    assert "the store does not answer" in text
    assert "Accounts" in text


def test_overview_shows_every_warning_and_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(now: object) -> list[CheckMessage]:
        return [Warning("The roof leaks.", hint="Get a ladder.", id="test.W001")]

    monkeypatch.setattr(overview, "_warners", [warn])

    with override_settings(ALLOWED_HOSTS=["mesa.example", "testserver"]):
        found = [message.id for message in take_overview(timezone.now()).warnings]
        page = make_operator().get("/admin/").content.decode()

    assert set(found) >= {"mesa.W001", "mesa.W004", "test.W001"}
    assert "The roof leaks." in page
    assert "Get a ladder." in page
