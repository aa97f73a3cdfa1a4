"""A program on a terminal of its own: types into it, and reads what a person would see."""

import os
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import wait_for

LIMIT_S = 60.0
READ_BYTES = 65_536
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """One program with a terminal as its standard input, output and error."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (50, 80),
    ) -> None:
        self._master, inside = os.openpty()
        termios.tcsetwinsize(inside, size)
        self.raw = b""
        self._seen = 0
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=None if environment is None else dict(environment),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            # The terminal is the program's own: Ctrl-C, and a prompt without echo, work as for a person.
            preexec_fn=lambda: os.login_tty(0),
        )
        os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT_S)
        self.close()

    @property
    def text(self) -> str:
        """All that was written so far, without what only steers the terminal."""
        return STEERING.sub("", self.raw.decode(errors="replace")).replace("\r\n", "\n").replace("\r", "\n")

    def wait_for(self, words: str, *, limit_s: float = LIMIT_S) -> None:
        """Read until these words have come after those waited for before."""
        ends_at = time.monotonic() + limit_s
        while words not in self.text[self._seen :]:
            assert time.monotonic() < ends_at, f"{words!r} never came:\n{self.text[-2_000:]}"
            assert self._read(ends_at - time.monotonic()), f"{words!r} never came:\n{self.text[-2_000:]}"
        self._seen = self.text.index(words, self._seen) + len(words)

    def type(self, text: str) -> None:
        """Type, once the program waits for it: `\\x03` for Ctrl-C and `\\x04` for Ctrl-D included."""
        looks = [""]

        def waits() -> bool:
            # A program that has just written its prompt may lose a signal until it reads.
            looks.append(Path(f"/proc/{self.process.pid}/status").read_text())
            return looks[-1] == looks[-2] and "State:\tS" in looks[-1]

        wait_for(waits, limit_s=LIMIT_S)
        os.write(self._master, text.encode())

    def wait(self, *, limit_s: float = LIMIT_S) -> int:
        """Read until the program has ended; returns its exit code."""
        ends_at = time.monotonic() + limit_s
        while self._read(ends_at - time.monotonic()):
            assert time.monotonic() < ends_at, f"it goes on:\n{self.text[-2_000:]}"
        return self.process.wait(max(0.1, ends_at - time.monotonic()))

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        """Take the terminal away, as who closes its window does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _read(self, limit_s: float) -> bool:
        """Read what comes next; False at the end."""
        if self._master < 0 or not select.select([self._master], [], [], max(0.0, limit_s))[0]:
            return False
        try:
            raw = os.read(self._master, READ_BYTES)
        except OSError:
            # Linux says so when nobody holds the other side.
            return False
        self.raw += raw
        return bool(raw)
