"""Holds a process of Mesa at a named point of its code, so that a test can let something die there.

Python loads this file by itself where PYTHONPATH names its directory. Nothing of the product knows of it. A
point is armed when a socket with its name listens in CRASH_POINTS: who comes to it connects, waits for a
byte, and goes on; the connection ends with the piece of work. tests/network/crash_points.py is its other end.
"""

import contextlib
import functools
import importlib.abc
import inspect
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

FOLDER = os.environ.get("CRASH_POINTS", "")
LIMIT_S = 60.0
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]

PROGRAMS = {"mesa.web": "web", "celery": "worker", "peer_agent": "agent"}

# Connections that last until the present piece of work is over, by thread.
work = threading.local()


def hold(point: str) -> socket.socket:
    """Wait for a test that has armed this point in this kind of process; returns what is to be closed."""
    program = next((PROGRAMS[word] for word in sys.orig_argv if word in PROGRAMS), None)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(os.path.join(FOLDER, f"{program}.{point}"))
    except (FileNotFoundError, ConnectionRefusedError):
        return connection
    connection.settimeout(LIMIT_S)
    # Reset: somebody else came first, and the point is not armed any more.
    with contextlib.suppress(ConnectionResetError):
        connection.recv(1)
    return connection


def keep(connection: socket.socket) -> None:
    """Close a connection with the piece of work that it belongs to."""
    if hasattr(work, "connections"):
        work.connections.append(connection)
    else:
        connection.close()


def before(point: str) -> Wrap:
    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def held(*args: Any, **options: Any) -> Any:
            keep(hold(point))
            return function(*args, **options)

        @functools.wraps(function)
        async def held_coroutine(*args: Any, **options: Any) -> Any:
            with hold(point):
                return await function(*args, **options)

        return held_coroutine if inspect.iscoroutinefunction(function) else held

    return wrap


def half_way(point: str) -> Wrap:
    """Hold when half of a list has been worked on."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def held(items: Sequence[Any]) -> None:
            half = len(items) // 2
            function(items[:half])
            keep(hold(point))
            function(items[half:])

        return held

    return wrap


def piece_of_work(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the connections of what is held in it last to its end."""

    @functools.wraps(function)
    def done(*args: Any, **options: Any) -> Any:
        work.connections = []
        try:
            return function(*args, **options)
        finally:
            for connection in work.connections:
                connection.close()
            del work.connections

    return done


def begins(point: str) -> Wrap:
    """Hold before a piece of work; the connection ends with it."""
    return lambda function: piece_of_work(before(point)(function))


# By module: a name in it, and what is put around what it names. Steps are those of docs/spec/transactions.md.
POINTS: dict[str, dict[str, Wrap]] = {
    "p2p.services": {
        "start_transaction": begins("start"),
        "_note_start": before("row"),
        # Between the store's step and that of SQL, in the worker.
        "to_the_minute": before("end"),
    },
    "p2p.turns": {"ask": before("enqueue")},
    "p2p.jobs": {"do": piece_of_work},
    "p2p.finding": {
        "push_frames": half_way("frames"),
        "note_attempt": before("rows"),
    },
    "p2p.drawing": {"put": before("find")},
    # Right before the one step that takes offers and writes the path.
    "p2p.path_store": {"put": before("take, put")},
    "p2p.attempts": {"attend": before("job"), "_note_path_end": before("failure")},
    "p2p.handlers": {"credit": before("receipt")},
    "p2p.access": {"access_outgoing_hop": before("hop_failed"), "access_transaction": before("complete")},
    # After the commit of what came.
    "peer_agent.receiving": {"Receiving._queue": before("stored")},
}


class Finder(importlib.abc.MetaPathFinder):
    """Finds modules with points as Python does, and puts the points in when they are loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        points = POINTS.get(name)
        spec = PathFinder.find_spec(name, path, target) if points else None
        if points is None or spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_wrap(module: ModuleType) -> None:
            load(module)
            for dotted, wrap in points.items():
                *owners, last = dotted.split(".")
                owner = functools.reduce(getattr, owners, module)
                setattr(owner, last, wrap(getattr(owner, last)))

        spec.loader.exec_module = load_and_wrap  # type: ignore[method-assign]  # what is loaded is put around
        return spec


if FOLDER:
    sys.meta_path.insert(0, Finder())
