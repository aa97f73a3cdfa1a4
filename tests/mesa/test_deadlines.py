import uuid
from datetime import timedelta

import pytest

from mesa import deadlines, store
from tests.edges import FakeClock

SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("empty_store")


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "_kinds", {})
    deadlines.register("attempt", "p2p.expire_attempt")


def test_claim_takes_what_is_due_oldest_first(clock: FakeClock) -> None:
    deadlines.schedule("attempt", "late", clock.now + SECOND)
    deadlines.schedule("attempt", "second", clock.now)
    deadlines.schedule("attempt", "first", clock.now - SECOND)

    assert deadlines.claim(clock.now) == ["attempt:first", "attempt:second"]


def test_claimed_member_is_leased_and_comes_back_when_nobody_clears_it(clock: FakeClock) -> None:
    deadlines.schedule("attempt", "one", clock.now)
    deadlines.claim(clock.now)

    during = deadlines.claim(clock.advance(deadlines.LEASE - SECOND))
    after = deadlines.claim(clock.advance(SECOND))

    assert (during, after) == ([], ["attempt:one"])


def test_claim_is_bounded(clock: FakeClock) -> None:
    for _ in range(deadlines.CLAIM_LIMIT + 1):
        deadlines.schedule("attempt", uuid.uuid4(), clock.now)

    first, second = deadlines.claim(clock.now), deadlines.claim(clock.now)

    assert (len(first), len(second)) == (deadlines.CLAIM_LIMIT, 1)


def test_clear_needs_the_time_that_was_seen(clock: FakeClock) -> None:
    deadlines.schedule("attempt", "one", clock.now)
    seen = deadlines.due_at("attempt", "one")
    assert seen is not None
    deadlines.schedule("attempt", "one", clock.now + SECOND)

    assert not deadlines.clear("attempt", "one", expected=seen)
    assert deadlines.due_at("attempt", "one") == clock.now + SECOND
    assert deadlines.clear("attempt", "one", expected=clock.now + SECOND)
    assert deadlines.due_at("attempt", "one") is None


def test_reschedule_needs_the_time_that_was_seen(clock: FakeClock) -> None:
    deadlines.schedule("attempt", "one", clock.now)

    assert not deadlines.reschedule("attempt", "one", clock.now + SECOND, expected=clock.now - SECOND)
    assert deadlines.reschedule("attempt", "one", clock.now + SECOND, expected=clock.now)
    assert deadlines.due_at("attempt", "one") == clock.now + SECOND


def test_time_survives_the_store_to_the_microsecond(clock: FakeClock) -> None:
    moment = clock.now + timedelta(microseconds=123_457)
    deadlines.schedule("attempt", "one", moment)

    seen = deadlines.due_at("attempt", "one")

    assert seen == moment
    assert deadlines.clear("attempt", "one", expected=moment)


def test_cancel_forgets(clock: FakeClock) -> None:
    deadlines.schedule("attempt", "one", clock.now)

    deadlines.cancel("attempt", "one")

    assert deadlines.claim(clock.now) == []


def test_schedule_can_be_part_of_a_batch(clock: FakeClock) -> None:
    with store.client().pipeline() as batch:
        deadlines.schedule("attempt", "one", clock.now, batch=batch)
        assert deadlines.due_at("attempt", "one") is None
        batch.execute()

    assert deadlines.due_at("attempt", "one") == clock.now


async def test_socket_handler_schedules_alone_and_in_a_batch(
    async_store: store.AsyncClient, clock: FakeClock
) -> None:
    await deadlines.aschedule("attempt", "one", clock.now)
    async with async_store.pipeline() as batch:
        await deadlines.aschedule("attempt", "two", clock.now, batch=batch)
        await batch.execute()

    assert sorted(deadlines.claim(clock.now)) == ["attempt:one", "attempt:two"]


def test_periodic_kind_is_put_in_once_and_keeps_its_time(clock: FakeClock) -> None:
    deadlines.register("prune", "p2p.prune", every=timedelta(minutes=1))
    deadlines.keep_pace(clock.now)
    deadlines.keep_pace(clock.now + SECOND)

    assert deadlines.due_at("prune", "") == clock.now


def test_kind_can_not_be_registered_for_another_task() -> None:
    deadlines.register("attempt", "p2p.expire_attempt")

    with pytest.raises(ValueError, match="attempt"):
        deadlines.register("attempt", "p2p.something_else")
