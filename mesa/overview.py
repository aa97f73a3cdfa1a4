"""What an operator sees first: figures and warnings, each from the app that knows. Nobody is named in any.

Who is online is told in fives: exact numbers would show when one person comes and goes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from celery import current_app
from django.core.checks import CheckMessage

from mesa import checks, deadlines, store
from mesa.celery import HEARTBEAT
from mesa.outages import STORE_DOWN

STEP: Final = 5
QUEUES: Final = ("path", "maintenance")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what is counted, how many, and what that means."""

    name: str
    value: str
    means: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures under one title."""

    title: str
    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Overview:
    """All sections, and what is wrong."""

    sections: Sequence[Section]
    warnings: Sequence[CheckMessage]


Source = Callable[[datetime], Section]
Warner = Callable[[datetime], Sequence[CheckMessage]]
_sources: dict[str, Source] = {}
_warners: list[Warner] = []


def register(title: str, source: Source) -> None:
    """Have a section shown, in the order of registration; from `AppConfig.ready`."""
    _sources[title] = source


def register_warner(warner: Warner) -> None:
    """Have warnings shown that only a running server can know; from `AppConfig.ready`."""
    if warner not in _warners:
        _warners.append(warner)


def rounded(count: int) -> str:
    """Say a number of people in fives."""
    return f"about {round(count / STEP) * STEP}" if count >= STEP else f"fewer than {STEP}"


def take_overview(now: datetime) -> Overview:
    """Ask every app; a part that needs the store says so when that is down."""
    sections = [_section(title, source, now) for title, source in _sources.items()]
    try:
        running = [warning for warner in _warners for warning in warner(now)]
    except STORE_DOWN:
        # The checks of the store say it already.
        running = []
    return Overview(sections, [*checks.find_warnings(), *running])


def _section(title: str, source: Source, now: datetime) -> Section:
    try:
        return source(now)
    except STORE_DOWN:
        return Section(title, [Figure("not known", "", "the store does not answer")])


def show_work(now: datetime) -> Section:
    """Show how far the workers are behind."""
    lag_s = deadline_lag_s(now)
    is_alive = bool(store.client().exists(store.key(HEARTBEAT)))
    waiting = [
        Figure(f"queue {name}", str(count), "tasks that wait") for name, count in queue_lengths().items()
    ]
    return Section(
        "Work",
        [
            Figure("worker", "alive" if is_alive else "not heard of", "without one nothing is delivered"),
            *waiting,
            Figure("deadline lag", f"{lag_s:.1f} s", "how late the oldest deadline is; under 1 s is well"),
        ],
    )


def queue_lengths() -> dict[str, int]:
    """Count the tasks that wait, by queue."""
    connection: Any
    with current_app.pool.acquire(block=True) as connection:
        broker = connection.default_channel.client
        return {name: int(broker.llen(name)) for name in QUEUES}


def deadline_lag_s(now: datetime) -> float:
    """Tell how many seconds ago the oldest deadline was due; 0 when none is late."""
    oldest = store.client().zrange(deadlines.KEY, 0, 0, withscores=True)
    return max(0.0, now.timestamp() - float(oldest[0][1])) if oldest else 0.0
