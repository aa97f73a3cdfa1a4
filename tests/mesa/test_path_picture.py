"""The picture of the demo: what it draws and says from the first moment on."""

from typing import Any

import pytest
from rich.console import Console

from mesa.demo.path_picture import RECEIVER, SENDER, PathPicture

HOPS = ["h1", "h2", "h3", "h4"]


def progress(time: float, state: str, **more: object) -> dict[str, Any]:
    base = {"hops": [], "attempt": 0, "waits_for": None, "forwarders": None}
    return {"event": "message_progress", "time": time, "state": state, **base, **more}


def drawn(picture: PathPicture, *, width: int = 80) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(picture)
    return capture.get()


def chain(picture: PathPicture) -> list[str]:
    """The names of the drawn path in order."""
    line = next(line for line in drawn(picture).splitlines() if SENDER in line)
    return line.replace("━━▶", "──▷").strip("│ ").replace(" ", "").split("──▷")


def test_bo_stands_at_the_end_before_anything_is_known() -> None:
    assert chain(PathPicture()) == [SENDER, "?", "?", "?", RECEIVER]


def test_forwarder_is_named_in_its_place_when_it_speaks() -> None:
    picture = PathPicture()
    picture.hear(SENDER, progress(1.0, "path", hops=HOPS, attempt=1))

    picture.hear("f4", {"event": "hop_ready", "time": 1.1, "incoming": "h2", "outgoing": "h3"})

    assert chain(picture) == [SENDER, "?", "f4", "?", RECEIVER]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (progress(1.0, "waiting", waits_for="path"), "transaction started, waiting for a path"),
        (progress(1.0, "waiting", waits_for="contact"), "waiting: bo is not reachable yet"),
        (
            progress(1.0, "waiting", waits_for="forwarders", forwarders=2, attempt=2),
            "waiting for forwarders, 2 of 3, attempt 2",
        ),
        (progress(1.0, "delivered", attempt=1), "delivered: bo's receipt verified"),
    ],
)
def test_timeline_says_what_is_waited_for(event: dict[str, Any], said: str) -> None:
    picture = PathPicture()

    picture.hear(SENDER, event)

    assert [moment.what for moment in picture.timeline] == [said]


def test_picture_fits_into_fifty_columns() -> None:
    picture = PathPicture()
    picture.hear(SENDER, progress(1.0, "sent", hops=HOPS, attempt=1))
    for place, name in enumerate(("f1", "f2", "f3")):
        hop = {"incoming": HOPS[place], "outgoing": HOPS[place + 1]}
        picture.hear(name, {"event": "cells_passed", "time": 1.1 + place, **hop})

    lines = drawn(picture, width=50).splitlines()

    assert max(map(len, lines)) <= 50
    assert any(all(name in line for name in (SENDER, "f1", "f2", "f3", RECEIVER)) for line in lines)
