"""A server whose parts die one by one, and come back alone: store, web and worker, and PostgreSQL or SQLite.

They are started as `mesa_up` starts them, but not watched by it: it ends all of them when one dies. So they
run in production, where something keeps each alive by itself.
"""

import http.client
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import redis

from mesa import embedded_store
from mesa.process_tree import ProcessTree, Program
from tests import servers
from tests.live_tree import ROOT
from tests.waiting import is_running, wait_for, wait_for_end

READY_LIMIT_S = 30.0
HOST = "127.0.0.1"
WORKER = ("-P", "threads", "-c", "4", "--without-gossip", "--without-mingle", "--without-heartbeat")
_STORE = embedded_store.find_server()
_URL = f"{servers.DATABASE}@/{servers.DATABASE}"

Row = tuple[object, ...]


class Part:
    """One process, which can be killed and started again. `answers`: it does its work."""

    def __init__(self, program: Program, answers: Callable[[], bool] = lambda: True) -> None:
        self._program = program
        self._answers = answers
        self._tree = ProcessTree()
        self._pid = 0

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if not self._pid or not is_running(self._pid):
            self._tree.stop()
            self._pid = self._tree.start(self._program)
        wait_for(self._answers, limit_s=READY_LIMIT_S)

    def kill(self) -> None:
        """End it as a power cut would, with the processes that it made."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        for pid in (self._pid, *map(int, children)):
            kill(pid)
        self._tree.stop()

    def stop(self) -> None:
        self._tree.stop()


def kill(pid: int) -> None:
    """Kill a process, unless it has just ended, and wait until it is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_for_end(pid)


class CrashServer:
    """All parts of one server, by name; `database` is one only with PostgreSQL."""

    def __init__(self, folder: Path, cluster: Path | None, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._cluster = cluster
        self._port, self._second_port = free_port(), free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MESA_")}
        self._environment = kept | {
            "DJANGO_SETTINGS_MODULE": "mesa.settings",
            "MESA_STATE_DIR": str(folder),
            "MESA_SECRET_KEY": "crashes-only-" + "x" * 40,
            "MESA_REDIS_URL": f"unix://{self._store_socket}",
            **({"MESA_DATABASE_URL": f"postgresql://{_URL}?host={cluster}"} if cluster else {}),
            **environment,
        }
        command = embedded_store.command(_STORE, self._store_socket)
        self.parts = {
            "store": self._part("store", command, lambda: embedded_store.answers(self._store_socket))
        }
        if cluster is not None:
            self.parts["database"] = self._part("database", postgres(cluster), self._is_database_ready)
        self.parts["web"] = self._web("web", self._port)
        # Runs only where a test starts it.
        self.second_web = self._web("second web", self._second_port)
        self.parts["worker"] = self._python("worker", "celery", "-q", "-A", "mesa", "worker", *WORKER)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def second_url(self) -> str:
        return f"http://{HOST}:{self._second_port}"

    def create(self) -> None:
        """Make the tables of an empty database; the store has to be there, too."""
        self.parts["store"].start()
        if self._cluster is not None:
            self.parts["database"].start()
            where = ("-h", str(self._cluster), "-U", servers.DATABASE)
            subprocess.run(program("createdb", *where, servers.DATABASE), check=True)
        migrate = (sys.executable, "manage.py", "migrate", "-v", "0")
        subprocess.run(migrate, check=True, cwd=ROOT, env=self._environment)

    def start(self) -> None:
        """Start whatever does not run, and wait until all of it does its work."""
        for part in self.parts.values():
            part.start()
        wait_for(self._is_ready, limit_s=READY_LIMIT_S)

    def stop(self) -> None:
        self.second_web.stop()
        for part in reversed(self.parts.values()):
            part.stop()

    def store(self) -> "redis.Redis[bytes]":
        return redis.Redis(unix_socket_path=str(self._store_socket))

    def rows(self, query: str) -> list[Row]:
        """Ask the database, past the server."""
        if self._cluster is not None:
            where = f"dbname={servers.DATABASE} user={servers.DATABASE} host={self._cluster}"
            with psycopg.connect(where) as connection:
                return connection.execute(query).fetchall()
        with closing(sqlite3.connect(self._folder / "mesa.sqlite3")) as database:
            return database.execute(query).fetchall()

    @property
    def _store_socket(self) -> Path:
        return self._folder / "store.sock"

    def _part(self, name: str, command: Sequence[str], answers: Callable[[], bool] = lambda: True) -> Part:
        log = self._folder / f"{name}.log"
        return Part(Program(name, command, self._environment, ROOT, output=log), answers)

    def _web(self, name: str, port: int) -> Part:
        where = ("-b", HOST, "-p", str(port), "-v", "0")
        words = ("mesa.web", *where, "mesa.asgi:application")
        return self._python(name, *words, answers=partial(is_listening, port))

    def _python(self, name: str, *words: str, answers: Callable[[], bool] = lambda: True) -> Part:
        return self._part(name, (sys.executable, "-m", *words), answers)

    def _is_database_ready(self) -> bool:
        command = program("pg_isready", "-q", "-h", str(self._cluster))
        return subprocess.run(command, check=False).returncode == 0

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=READY_LIMIT_S)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def is_listening(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), READY_LIMIT_S).close()
    except ConnectionRefusedError:
        return False
    return True


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def has_postgresql() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def program(name: str, *words: str) -> tuple[str, ...]:
    """The command line of one of PostgreSQL's programs."""
    folder = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return (str(folder / name), *words)


def as_owner() -> tuple[str, ...]:
    """What is put before a command for the user whose cluster it is, if that is not this one."""
    owner = servers.find_owner()
    if owner is None:
        return ()
    return ("setpriv", "--reuid", owner, "--regid", servers.owner_group(owner), "--clear-groups")


def make_cluster(folder: Path) -> None:
    owner = servers.find_owner()
    if owner is not None:
        shutil.chown(folder, owner)
    options = ("-A", "trust", "-U", servers.DATABASE, "--no-sync", "-D", str(folder / "data"))
    command = (*as_owner(), *program("initdb", *options))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)


def postgres(folder: Path) -> tuple[str, ...]:
    """The command of a server that forgets nothing it has answered for, when it is killed."""
    # A change of user clears the death signal that the tree asked for, so it is asked for again after it.
    tied = (*as_owner(), "--pdeathsig", "KILL") if as_owner() else ()
    where = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}")
    # The machine goes on, so nothing has to wait for the disk.
    return (*tied, *program("postgres", "-D", str(folder / "data"), *where, "-c", "fsync=off"))


@contextmanager
def running_server(environment: Mapping[str, str], *, postgresql: bool) -> Iterator[CrashServer]:
    """Run a new server."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory(prefix="mesa-"))) for _ in range(2)]
        cluster = folders[1] if postgresql else None
        if cluster is not None:
            make_cluster(cluster)
        server = CrashServer(folders[0], cluster, environment)
        stack.callback(server.stop)
        server.create()
        server.start()
        yield server
