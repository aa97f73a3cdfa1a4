"""Every part of the network is killed at every step of a transaction: the outcome is that of the crash table.

Real processes: one that comes to the step is held there while a part is killed, and goes on without it; then
the part comes back.
Spec: docs/spec/transactions.md, section "Crash table"
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any, Final

import pytest

from tests.network.crash_points import armed
from tests.network.crash_scene import ADA, BO, FORWARDERS, Scene, build_scene
from tests.network.crash_server import has_postgresql
from tests.waiting import TooLate, wait_for

SETTLED_LIMIT_S = 30.0

# Where a step is, by its name in the table: program and name of a point in crash_site.
POINTS: Final = {
    "start": "web.start",
    "row": "web.row",
    "enqueue": "web.enqueue",
    "find": "worker.find",
    "take, put": "worker.take, put",
    "frames": "worker.frames",
    "rows": "worker.rows",
    "receipt": "web.receipt",
    "failure": "worker.failure",
    "end": "worker.end",
}
# What the table means by a step that another process begins, or ends.
OTHER_POINTS: Final = {
    ("worker", "enqueue"): "worker.job",
    # Before its questions to the database.
    ("database", "find"): "worker.job",
    ("receiver", "receipt"): "agent.stored",
    ("web", "failure"): "web.hop_failed",
    ("web", "end"): "web.complete",
    ("store", "end"): "web.complete",
    ("flush", "end"): "web.complete",
}
# Rows of the table; flush is the store's, emptied and not killed.
PARTS: Final = ("web", "worker", "store", "flush", "sender", "receiver")
AGENTS: Final = {"sender": ADA, "receiver": BO}

# The states that the message's transactions end in. Lost: the row is open, and the store knows nothing of it.
ONE, FORGOTTEN = ("completed",), ("lost",)
ANOTHER_ID, AFTER_A_LOSS = ("completed", "completed"), ("completed", "lost")
TWO_AFTER_A_LOSS = ("completed", "completed", "lost")
Outcomes = tuple[tuple[str, ...], ...]

OUTCOMES: Final[dict[tuple[str, str], Outcomes]] = {
    # The client has no answer, or a bad one, and takes another id; what was begun is ended when it is seen.
    ("web", "row"): (ANOTHER_ID,),
    ("web", "enqueue"): (ANOTHER_ID,),
    ("database", "row"): (ANOTHER_ID,),
    # The path may be looked for before the client has its answer.
    ("web", "find"): (ONE, ANOTHER_ID),
    ("web", "take, put"): (ONE, ANOTHER_ID),
    ("web", "frames"): (ONE, ANOTHER_ID),
    # It was begun in the store that is empty, perhaps before its sender knew that.
    ("flush", "start"): (ONE, ANOTHER_ID),
    ("store", "start"): (ONE, ANOTHER_ID),
    ("store", "row"): (AFTER_A_LOSS, TWO_AFTER_A_LOSS),
    ("store", "enqueue"): (AFTER_A_LOSS, TWO_AFTER_A_LOSS),
    ("sender", "end"): (ONE,),
    ("worker", "end"): (FORGOTTEN,),
    ("database", "end"): (FORGOTTEN,),
    # The message needs no database from here on, so the end may find none.
    ("database", "take, put"): (ONE, FORGOTTEN),
    ("database", "frames"): (ONE, FORGOTTEN),
    ("database", "rows"): (ONE, FORGOTTEN),
    ("database", "receipt"): (ONE, FORGOTTEN),
    ("store", "end"): (FORGOTTEN,),
    ("flush", "end"): (FORGOTTEN,),
}
BY_PART: Final[dict[str, Outcomes]] = {
    "store": (AFTER_A_LOSS,),
    "flush": (AFTER_A_LOSS,),
    "sender": (ANOTHER_ID,),
}
# By which attempt the message came, where the table says it.
ATTEMPTS: Final = {("worker", "find"): 1, ("worker", "take, put"): 1, ("worker", "frames"): 2}

SHORT: Final = {
    ("web", "end"),
    ("worker", "take, put"),
    ("store", "receipt"),
    ("sender", "frames"),
    ("receiver", "receipt"),
}


def cells(*parts: str) -> list[Any]:
    """Some parts at every step; all but one for most parts are for the long tier."""
    return [
        pytest.param(*cell, id=" dies at ".join(cell), marks=() if cell in SHORT else pytest.mark.long)
        for cell in product(parts, POINTS)
    ]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with build_scene(tmp_path_factory.mktemp("crash"), postgresql=False) as made:
        yield made


@pytest.fixture(scope="module")
def scene_on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if not has_postgresql():
        pytest.skip("PostgreSQL is not installed")
    with build_scene(tmp_path_factory.mktemp("crash"), postgresql=True) as made:
        yield made


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("part", "step"), cells(*PARTS))
def test_message_comes_once_and_its_transactions_end_as_the_table_says(
    scene: Scene, part: str, step: str
) -> None:
    assert_outcome(scene, part, step)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("part", "step"), cells("database"))
def test_the_same_when_postgresql_dies(scene_on_postgresql: Scene, part: str, step: str) -> None:
    assert_outcome(scene_on_postgresql, part, step)


def assert_outcome(scene: Scene, part: str, step: str) -> None:
    scene.begin()
    known = scene.transactions().keys()
    text = f"{part} dies at {step}"

    kill_at(scene, part, step, text)

    scene.wait_for_delivery()
    if (part, step) == ("web", "end"):
        # Else the server would wait for 120 s.
        scene.renew(ADA)
    assert scene.texts().count(text) == 1
    expected = OUTCOMES.get((part, step)) or BY_PART.get(part, (ONE,))

    def ended() -> tuple[str, ...]:
        return tuple(sorted(tx.state for key, tx in scene.transactions().items() if key not in known))

    with suppress(TooLate):
        wait_for(lambda: ended() in expected, limit_s=SETTLED_LIMIT_S)
    assert ended() in expected
    if (part, step) in ATTEMPTS:
        (tx,) = (tx for key, tx in scene.transactions().items() if key not in known)
        # Else the agents know why: a link may be too slow to open, or a forwarder silent, without any death.
        events = {name: agent.events for name, agent in scene.agents.items()}
        assert tx.attempts == ATTEMPTS[part, step], events


def kill_at(scene: Scene, part: str, step: str, text: str) -> None:
    """Send a text, kill a part when a process is at the step, and start it again when that has gone on."""
    begin = failing_path if step == "failure" else sent
    with armed(scene.points, OTHER_POINTS.get((part, step), POINTS[step])) as point:
        with begin(scene, text):
            point.wait()
            scene.kill(AGENTS.get(part, part))
            point.let_go_on()
        scene.start(AGENTS.get(part, part))


@contextmanager
def sent(scene: Scene, text: str) -> Iterator[None]:
    scene.send(text)
    yield


@contextmanager
def failing_path(scene: Scene, text: str) -> Iterator[None]:
    """Send a text over a path with a forwarder that gets no order, opens no link, and dies at the end."""
    silent = FORWARDERS[0]
    scene.renew(silent)
    with armed(scene.points, POINTS["take, put"]) as drawn:
        scene.send(text)
        drawn.wait()
        with scene.silent(silent):
            drawn.let_go_on()
            yield
