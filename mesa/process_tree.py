"""Child processes that start together, are watched together, and stop in the reverse order of their start.

Each child has its own process group, so a Ctrl-C on the terminal reaches only the parent, which then stops
the children in order. On Linux each child also asks the kernel to be killed when the parent dies.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.05
STOP_LIMIT_S: Final = 8.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ChildDied(Exception):
    """A child ended by itself."""

    def __init__(self, name: str, returncode: int) -> None:
        super().__init__(name, returncode)
        self.name = name
        self.returncode = returncode

    def __str__(self) -> str:
        if self.returncode < 0:
            return f"{self.name} was killed by {signal.Signals(-self.returncode).name}"
        return f"{self.name} ended with exit code {self.returncode}"


class StopRequested(Exception):
    """A signal asked the tree to stop while it was still starting."""


class NotReady(Exception):
    """Something did not become ready within its limit; the message names it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a name for people, the command, its environment and the descriptors it inherits.

    What it prints goes to the parent's terminal, or into `output`, which starts empty each time.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    output: Path | None = None
    descriptors: Sequence[int] = ()


class ProcessTree:
    """Starts programs one after the other and keeps an eye on all of them."""

    def __init__(self, on_stop: Callable[[str], None] = lambda name: None) -> None:
        self.on_stop = on_stop
        self.children: list[tuple[str, subprocess.Popen[bytes]]] = []
        # A plain flag: a handler that runs while the main thread holds an event's lock would wait for itself.
        self.must_stop = False

    def listen_to_signals(self) -> None:
        """Take the stop signals of this process from now on."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_signal)

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self.must_stop = True

    def start(self, program: Program) -> int:
        """Start a program and give its pid. Main thread only: the death signal hangs on the thread."""
        with ExitStack() as stack:
            output = stack.enter_context(program.output.open("wb")) if program.output else None
            child = subprocess.Popen(
                program.command,
                env=dict(program.environment),
                cwd=program.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=program.descriptors,
                start_new_session=True,
                preexec_fn=tied_to_this_process(),
            )
        self.children.append((program.name, child))
        return child.pid

    def look(self) -> None:
        """Raise when a child is gone or a stop was asked for.

        Raises:
            ChildDied: a child ended by itself.
            StopRequested: one of STOP_SIGNALS came.
        """
        for name, child in self.children:
            if child.poll() is not None:
                raise ChildDied(name, child.returncode)
        if self.must_stop:
            raise StopRequested

    def wait_until(self, is_ready: Callable[[], bool], *, what: str, limit_s: float) -> None:
        """Wait for something that the children bring about.

        Raises:
            NotReady: the limit passed.
            ChildDied: a child ended by itself.
            StopRequested: one of STOP_SIGNALS came.
        """
        # A look may itself take seconds: the clock counts, not how often was looked.
        ends_at = time.monotonic() + limit_s
        while time.monotonic() < ends_at:
            self.look()
            if is_ready():
                return
            time.sleep(LOOK_EVERY_S)
        raise NotReady(f"{what} did not become ready within {limit_s:.0f} s")

    def watch(self) -> None:
        """Stay until a stop is asked for.

        Raises:
            ChildDied: a child ended by itself.
        """
        try:
            while True:
                self.look()
                time.sleep(LOOK_EVERY_S)
        except StopRequested:
            return

    def stop(self) -> None:
        """Stop what still runs, last started first; what does not end within STOP_LIMIT_S is killed."""
        while self.children:
            name, child = self.children.pop()
            if child.poll() is None:
                _end(child)
                self.on_stop(name)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def tied_to_this_process() -> Callable[[], None]:
    """Make the step between fork and exec that ties the child's life to this process's, on Linux."""
    parent = os.getpid()

    def tie() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            # The parent may have died before the line above.
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return tie
