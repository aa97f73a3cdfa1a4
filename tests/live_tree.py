"""A real `mesa_up` in a state directory of its own, for tests that need the whole server."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_LIMIT_S = 60
STOP_LIMIT_S = 30
ADDRESS = re.compile(r"(http://\S+:(\d+))/")
STARTED = re.compile(r"(store|worker|web(?: \d+)?) started\s+pid (\d+)")


class NeverReady(Exception):
    """The tree ended, or took too long, before it said that it is ready; the message is its output."""


class LiveTree:
    """Starts and stops one process tree, and remembers all that it printed."""

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        environment: dict[str, str] | None = None,
        host: str = "127.0.0.1",
        inside: Sequence[str] = (),
        options: Sequence[str] = (),
        apart: bool = False,
    ) -> None:
        """Prepare a tree that listens at `host`; `inside` is put before its command, to run it elsewhere.

        apart: in a session of its own, which Ctrl-C on a terminal does not reach.
        """
        self.state_dir = state_dir
        self.port = port
        self.host = host
        self.inside = inside
        self.options = options
        self.apart = apart
        self.more_environment = environment or {}
        self.lines: list[str] = []
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        """Everything printed so far, by every process of the tree, over all restarts."""
        return "".join(self.lines)

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the latest start, by name."""
        return {name: int(pid) for name, pid in STARTED.findall(self.output)}

    @property
    def environment(self) -> dict[str, str]:
        """What a process beside the tree needs to use its database and store: production's settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
        mine = {"MESA_STATE_DIR": str(self.state_dir), "DJANGO_SETTINGS_MODULE": "mesa.settings"}
        return kept | mine | {"PYTHONUNBUFFERED": "1"} | self.more_environment

    def launch(self, *options: str) -> None:
        """Start the tree without waiting for it."""
        where = ("--host", self.host, "--port", str(self.port), *self.options)
        self.process = subprocess.Popen(
            [*self.inside, sys.executable, "manage.py", "mesa_up", *where, *options],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=self.apart,
        )
        self.has_ended = False
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def start(self) -> None:
        """Start the tree and wait for its readiness line."""
        seen = len(self.lines)
        self.launch()
        line = self.wait_for_line("ready ", since=seen)
        found = ADDRESS.search(line)
        if found is None:
            self.stop()
            raise NeverReady(self.output)
        self.port = int(found[2])

    def wait_for_line(self, words: str, *, since: int = 0, limit_s: float = READY_LIMIT_S) -> str:
        """Wait for a printed line with these words; empty when none came."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.has_ended or any(words in line for line in self.lines[since:]),
                limit_s,
            )
            return next((line for line in self.lines[since:] if words in line), "")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop the tree in order; gives its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the tree to end by itself; gives its exit code."""
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(STOP_LIMIT_S)
        return code

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                with self.changed:
                    self.lines.append(line)
                    self.changed.notify_all()
        with self.changed:
            self.has_ended = True
            self.changed.notify_all()
