"""Work is done in turn: a job waits once, whoever asks for it how often, and accounts take turns.

Spec: docs/spec/transactions.md, section "Work in turn", whose numbers stand here as the page has them.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from mesa import deadlines, store
from mesa.celery import Sweeper
from p2p import limits, path_store, store_keys, tasks, turns
from p2p.path_store import NewTx
from p2p.records import DeviceKey, Tx, TxKey, UserKey
from tests.waiting import wait_for

NOW = datetime.now(UTC)
WAITED_LIMIT_S = 10
ADA, BO, MALLORY = UserKey("ada"), UserKey("bo"), UserKey("mallory")

pytestmark = pytest.mark.usefixtures("empty_store")


def tasks_sent() -> int:
    return store.client().llen("broker:path")


def take_one(now: datetime = NOW, *, is_first: bool = False) -> str | None:
    turn = turns.take(now=now, is_first=is_first)
    return None if turn is None else turn.job


def take_all() -> list[str]:
    return [job for job in iter(take_one, None) if job]


def start(name: str) -> TxKey:
    """A transaction that is due at once."""
    new = NewTx(TxKey(name), DeviceKey(f"device of {name}"), UserKey(f"user of {name}"), BO, "digest")
    path_store.start(new, now=NOW, due=NOW)
    return new.tx


def test_an_accounts_jobs_are_done_in_the_order_in_which_they_were_asked_for() -> None:
    for at, job in enumerate(("gone:c", "gone:a", "gone:b")):
        turns.ask(ADA, job, now=NOW + timedelta(seconds=at))

    assert take_all() == ["gone:c", "gone:a", "gone:b"]


def test_a_newcomer_waits_for_one_job_of_each_other_however_many_they_have() -> None:
    for at in range(200):
        turns.ask(MALLORY, f"gone:m{at}", now=NOW)
        turns.ask(BO, f"gone:b{at}", now=NOW)
    taken = [take_one() for _ in range(5)]

    turns.ask(ADA, "gone:ada", now=NOW)

    taken += [take_one() for _ in range(3)]
    assert taken.index("gone:ada") in (5, 6, 7)
    assert len(take_all()) == 400 - 7


def test_no_account_is_passed_over() -> None:
    users = [UserKey(f"user{at}") for at in range(20)]
    for user in users:
        for at in range(3):
            turns.ask(user, f"{user}:{at}", now=NOW)

    rounds = [[take_one() for _ in users] for _ in range(3)]

    assert [{str(job).partition(":")[0] for job in each} for each in rounds] == [set(users)] * 3


def test_a_job_that_waits_is_asked_for_once_and_sends_one_task() -> None:
    for _ in range(50):
        turns.ask(ADA, "gone:a", now=NOW)

    assert tasks_sent() == 1
    assert take_all() == ["gone:a"]


def test_a_job_that_was_taken_may_be_asked_for_again() -> None:
    for _ in range(2):
        turns.ask(ADA, "gone:a", now=NOW)
        assert take_all() == ["gone:a"]

    assert tasks_sent() == 2


@pytest.mark.parametrize("waits_s", [6, 60, 120])
def test_a_due_deadline_sends_one_task_however_long_that_waits(waits_s: int) -> None:
    names = ["one", "two", "three"]
    for name in names:
        start(name)
    sweeper = Sweeper(None)

    for tenths in range(waits_s * 10):
        now = NOW + timedelta(seconds=tenths / 10)
        for member in deadlines.claim(now):
            sweeper.dispatch(member, now)

    assert tasks_sent() == len(names)
    assert sorted(take_all()) == sorted(f"attempt:{name}" for name in names)


def test_a_deadline_whose_job_is_lost_asks_again() -> None:
    start("one")
    sweeper = Sweeper(None)

    for after_s in (0, deadlines.LEASE.total_seconds() + 1):
        now = NOW + timedelta(seconds=after_s)
        for member in deadlines.claim(now):
            sweeper.dispatch(member, now)
        assert take_one(now) == "attempt:one"


def test_waking_many_transactions_sends_a_few_tasks() -> None:
    turns.wake([start(f"number {at}") for at in range(30)], now=NOW)

    assert tasks_sent() == limits.MAX_TASKS
    assert len(take_all()) == 30


def test_waking_a_transaction_many_times_sends_one_task() -> None:
    tx_key = start("one")

    for _ in range(50):
        turns.wake([tx_key], now=NOW)

    assert tasks_sent() == 1


@pytest.mark.parametrize("state", ["open", "idle"])
def test_a_transaction_that_wants_no_path_is_not_woken(state: str) -> None:
    tx_key = start("one")
    assert path_store.change(tx_key, set_state(state))

    turns.wake([tx_key, TxKey("unknown")], now=NOW)

    assert tasks_sent() == 0
    tx = path_store.read(tx_key)
    assert tx is not None
    assert tx.state == state


def set_state(state: str) -> Callable[[Tx, store.Pipeline], bool]:
    def decide(tx: Tx, batch: store.Pipeline) -> bool:
        path_store.queue_fields(batch, tx.tx, {"state": state})
        return True

    return decide


def ask_many(jobs: int, *, now: datetime = NOW) -> None:
    for user in (ADA, BO, MALLORY):
        for at in range(jobs):
            turns.ask(user, f"gone:{user}{at}", now=now)


def jobs_waiting() -> int:
    return sum(turns.backlog(user).own for user in (ADA, BO, MALLORY))


def begin_task() -> None:
    """Do what a worker does with a task that waits."""
    assert store.client().lpop("broker:path") is not None
    tasks.take_turn()


def test_a_few_tasks_wait_for_many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p2p.limits.MAX_JOBS", 20)

    ask_many(30)

    assert turns.backlog(MALLORY) == turns.Backlog(accounts=3, own=20)
    assert tasks_sent() == 4


def test_tasks_go_on_until_no_job_is_left_and_none_of_them_for_long() -> None:
    ask_many(40)
    begun = 0

    while tasks_sent():
        before = jobs_waiting()
        begin_task()
        begun += 1
        assert before - jobs_waiting() <= 16

    assert jobs_waiting() == 0
    assert begun >= 120 / 16


def test_tasks_that_pass_on_do_not_add_up_while_jobs_keep_coming() -> None:
    for at in range(20):
        for job in range(20):
            turns.ask(MALLORY, f"gone:{at}.{job}", now=timezone.now())
        begin_task()

        assert tasks_sent() <= 4


def test_jobs_that_fail_leave_no_others_without_a_task() -> None:
    for at in range(limits.MAX_TASKS):
        turns.ask(UserKey(f"mallory{at}"), f"unknown:{at}", now=NOW)
    turns.ask(ADA, "gone:a", now=NOW)

    while tasks_sent():
        with suppress(KeyError):
            begin_task()

    assert jobs_waiting() == 0


def test_a_job_that_is_asked_for_while_all_tasks_are_at_work_gets_one() -> None:
    ask_many(2)
    for _ in range(limits.MAX_TASKS):
        store.client().lpop("broker:path")
        take_one(is_first=True)

    turns.ask(ADA, "gone:late", now=NOW)

    assert tasks_sent() == 1


def test_tasks_that_do_not_begin_in_time_are_made_up_for() -> None:
    ask_many(3)
    store.client().delete("broker:path")

    turns.ask(ADA, "gone:soon", now=NOW + timedelta(seconds=2) - timedelta(milliseconds=1))
    assert tasks_sent() == 0
    turns.ask(ADA, "gone:late", now=NOW + timedelta(seconds=2))

    assert tasks_sent() == 1


def test_jobs_whose_tasks_were_lost_are_done_all_the_same() -> None:
    ask_many(3)
    store.client().delete("broker:path")
    kind, _ = deadlines.kind_of("turns:")
    assert kind is not None
    assert (kind.call, kind.every) == (tasks.recover_turns.name, timedelta(seconds=1))

    for _ in range(3):
        tasks.recover_turns()
    assert tasks_sent() == 3
    while tasks_sent():
        begin_task()

    assert take_all() == []


def test_nothing_is_recovered_when_nothing_waits() -> None:
    tasks.recover_turns()

    assert tasks_sent() == 0


@contextmanager
def waiting_task(found: list[turns.Turn | None]) -> Iterator[threading.Thread]:
    """A task that waits for a job, and ends with what it found."""
    waiter = turns.Waiter()
    thread = threading.Thread(target=lambda: found.append(waiter.take(timezone.now)))
    before = store.client().zcard(store_keys.IDLE)
    thread.start()
    wait_for(lambda: store.client().zcard(store_keys.IDLE) > before or not thread.is_alive())
    try:
        yield thread
    finally:
        thread.join(WAITED_LIMIT_S)
        assert not thread.is_alive()


@pytest.fixture
def _for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not called would wait until its client gives up."""
    monkeypatch.setattr("p2p.limits.IDLE_FOR", timedelta(seconds=30))


@pytest.mark.usefixtures("_for_long")
def test_a_task_that_waits_is_called_and_no_other_is_sent() -> None:
    found: list[turns.Turn | None] = []

    with waiting_task(found):
        turns.ask(ADA, "gone:a", now=timezone.now())

    assert found == [turns.Turn("gone:a", is_last=True)]
    assert tasks_sent() == 0
    assert store.client().exists(store_keys.IDLE) == 0


@pytest.mark.usefixtures("_for_long")
def test_as_many_tasks_are_called_or_sent_as_there_are_jobs() -> None:
    found: list[turns.Turn | None] = []

    with waiting_task(found), waiting_task(found):
        turns.wake([start(f"number {at}") for at in range(3)], now=timezone.now())

    assert all(found)
    assert tasks_sent() == 1
    assert len(take_all()) == 1


def test_a_task_that_nobody_calls_ends_and_is_not_called_later() -> None:
    found: list[turns.Turn | None] = []
    with waiting_task(found):
        pass

    turns.ask(ADA, "gone:a", now=timezone.now())

    assert found == [None]
    assert tasks_sent() == 1


def test_a_task_that_died_while_it_waited_is_called_for_a_second_at_most() -> None:
    store.client().eval(
        "redis.call('ZADD', KEYS[1], ARGV[1], 'dead') redis.call('PEXPIRE', KEYS[1], 60000)",
        1,
        store_keys.IDLE,
        str((NOW + limits.IDLE_FOR).timestamp()),
    )

    turns.ask(ADA, "gone:a", now=NOW + limits.IDLE_FOR)

    assert tasks_sent() == 1


def test_only_a_few_tasks_wait() -> None:
    found: list[turns.Turn | None] = []

    with ExitStack() as stack:
        for _ in range(limits.MAX_IDLE):
            stack.enter_context(waiting_task(found))
        with waiting_task(found):
            pass
        assert found == [None]
        assert list(store.keys_without_ttl()) == []


@contextmanager
def sent_task() -> Iterator[None]:
    """Have what is done inside be done by a task of a worker."""
    tasks.take_turn.push_request(called_directly=False)  # type: ignore[call-arg]  # the stub lacks all it takes
    try:
        yield
    finally:
        tasks.take_turn.pop_request()


def is_waiting() -> bool:
    return store.client().zcard(store_keys.IDLE) == 1


@pytest.mark.usefixtures("_for_long")
def test_a_task_waits_for_the_next_job_until_its_worker_is_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        with sent_task():
            tasks.take_turn.run()

    thread = threading.Thread(target=work, daemon=True)
    turns.ask(ADA, "gone:a", now=NOW)
    thread.start()
    for job in ("gone:b", "gone:c"):
        wait_for(is_waiting)
        turns.ask(ADA, job, now=timezone.now())
    wait_for(is_waiting)
    monkeypatch.setattr("celery.worker.state.should_stop", 0)
    turns.ask(ADA, "gone:d", now=timezone.now())

    thread.join(WAITED_LIMIT_S)
    assert not thread.is_alive()
    assert not is_waiting()
    assert jobs_waiting() == 0
    assert tasks_sent() == 1


@pytest.mark.usefixtures("_for_long")
def test_a_task_of_a_worker_that_is_to_stop_waits_for_no_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("celery.worker.state.should_stop", 0)
    turns.ask(ADA, "gone:a", now=NOW)

    with sent_task():
        tasks.take_turn.run()
        tasks.take_turn.run()

    # Who waits for what nobody asks for gives up with a word.
    assert caplog.records == []
    assert jobs_waiting() == 0


def test_no_key_of_the_jobs_stays_for_ever() -> None:
    turns.ask(ADA, "gone:a", now=NOW)
    turns.wake([start("one")], now=NOW)

    assert list(store.keys_without_ttl()) == []
    assert store.client().zcard(store_keys.TURNS) == 2


def test_an_account_that_was_not_served_for_long_leaves_the_ring_but_not_its_jobs() -> None:
    turns.ask(MALLORY, "gone:m", now=NOW - store_keys.JOBS_TTL - timedelta(seconds=1))

    turns.ask(ADA, "gone:a", now=NOW)
    assert store.client().zrange(store_keys.TURNS, 0, -1) == [ADA]
    turns.ask(MALLORY, "gone:m", now=NOW)

    assert take_all() == ["gone:a", "gone:m"]
