"""Starts and stops the bare server, with as many processes as Mesa's."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.bare import WORKER_IS_READY
from mesa import embedded_store
from mesa.process_tree import ProcessTree, Program

ROOT = Path(__file__).resolve().parents[2]
UP_WITHIN_S = 30.0
ASK_TIMEOUT_S = 1.0
BACKLOG = 1_024
THREADS = "4"


@dataclass
class BareServer:
    """A process tree in a state directory of its own; `pids` by the names that Mesa's processes have.

    given: the environment that names a database and a store; with neither it has its own.
    """

    state_dir: Path
    given: Mapping[str, str]
    devices: int
    web_processes: int
    port: int = 0
    pids: dict[str, int] = field(default_factory=dict)
    tree: ProcessTree = field(default_factory=ProcessTree)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What its processes, and the one that seeds, find their database and store by."""
        store_url = self.given.get("MESA_REDIS_URL", f"unix://{self.state_dir / 'store.sock'}")
        return dict(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "bench.bare.settings",
            "BARE_STATE_DIR": str(self.state_dir),
            "BARE_STORE_URL": store_url,
            "BARE_DATABASE_URL": self.given.get("MESA_DATABASE_URL", ""),
            "BARE_DEVICES": str(self.devices),
        }

    def start(self) -> None:
        """Start everything and wait until web server and worker are there."""
        self.state_dir.mkdir()
        if "MESA_REDIS_URL" not in self.given:
            self._start_store()
        migrate = (sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
        subprocess.run(migrate, cwd=ROOT, env=self.environment, check=True)
        with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
            self.port = listener.getsockname()[1]
            for number in range(1, self.web_processes + 1):
                name = "web" if number == 1 else f"web {number}"
                where = ("--fd", str(listener.fileno()), "-v", "0", "bench.bare.asgi:application")
                self._start_python(name, "bench.bare.web", *where, descriptor=listener.fileno())
        pool = ("worker", "-P", "threads", "-c", THREADS)
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
        self._start_python("worker", "celery", "-q", "-A", "bench.bare.worker", *pool, *quiet)
        is_ready = self.state_dir / WORKER_IS_READY
        self.tree.wait_until(is_ready.exists, what="the bare worker", limit_s=UP_WITHIN_S)
        self.tree.wait_until(self._answers, what="the bare web server", limit_s=UP_WITHIN_S)

    def stop(self) -> None:
        self.tree.stop()

    def _start_store(self) -> None:
        path = self.state_dir / "store.sock"
        command = embedded_store.command(embedded_store.find_server(), path)
        log = self.state_dir / "store.log"
        self.pids["store"] = self.tree.start(Program("store", command, os.environ, self.state_dir, log))
        self.tree.wait_until(lambda: embedded_store.answers(path), what="the store", limit_s=UP_WITHIN_S)

    def _start_python(self, name: str, module: str, *arguments: str, descriptor: int | None = None) -> None:
        command = (sys.executable, "-m", module, *arguments)
        descriptors = () if descriptor is None else (descriptor,)
        log = self.state_dir / f"{name}.log"
        program = Program(name, command, self.environment, ROOT, output=log, descriptors=descriptors)
        self.pids[name] = self.tree.start(program)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_TIMEOUT_S)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True


@contextmanager
def bare_server(
    state_dir: Path, given: Mapping[str, str], devices: int, web_processes: int
) -> Iterator[BareServer]:
    """Run the bare server."""
    server = BareServer(state_dir, given, devices, web_processes)
    try:
        server.start()
        yield server
    finally:
        server.stop()
