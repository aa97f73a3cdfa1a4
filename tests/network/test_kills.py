"""Forwarders are killed one after the other in mid-traffic: all messages arrive, once and in order."""

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import cycle

import pytest

from bench.kills import KILL_EVERY_S, PER_SECOND, Cast, Ordeal, Outcome
from tests.live_tree import LiveTree
from tests.network.agents import do, register
from tests.network.conftest import Town
from tests.progress import Progress

MORE_FORWARDERS = ("f7-x", "f8-x")
MESSAGES, MANY_MESSAGES = 300, 3_000
OUTAGE_EVERY_S, OUTAGES = 45.0, 5


@pytest.fixture(scope="module")
def cast(town: Town) -> Cast:
    """ada, bo and eight forwarders, all offline."""
    town.stop()
    more = {name: register(town.tree.url, name, town.ada.folder) for name in MORE_FORWARDERS}
    return Cast(town.ada, town.bo, [*town.forwarders.values(), *more.values()])


def assert_all_exactly_once(outcome: Outcome, messages: int) -> None:
    assert len(outcome.written) == messages
    assert [text for text, _ in outcome.shown] == list(outcome.written)


@pytest.mark.timeout(200)
def test_all_arrive_once_while_forwarders_are_killed(cast: Cast) -> None:
    outcome = do(Ordeal(cast, random.Random(1)).run(MESSAGES))

    assert_all_exactly_once(outcome, MESSAGES)
    assert outcome.kills >= MESSAGES / PER_SECOND // KILL_EVERY_S
    # Some of those that were killed were on the path.
    assert outcome.attempts > 1


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_all_arrive_once_while_worker_and_store_die_too(cast: Cast, town: Town) -> None:
    with ThreadPoolExecutor(1) as pool:
        progress = Progress("messages", MANY_MESSAGES)
        ordeal = pool.submit(do, Ordeal(cast, random.Random(2), progress.advance).run(MANY_MESSAGES))
        outages = sum(1 for _ in break_parts(town.tree, ordeal))

    assert_all_exactly_once(ordeal.result(), MANY_MESSAGES)
    assert outages >= OUTAGES


def break_parts(tree: LiveTree, until: Future[Outcome]) -> Iterator[str]:
    """Kill worker and store in turn, which ends the whole tree, and start it again; gives each name."""
    for name in cycle(("worker", "store")):
        if wait([until], OUTAGE_EVERY_S).done:
            return
        os.kill(tree.pids[name], signal.SIGKILL)
        tree.wait()
        tree.start()
        yield name
