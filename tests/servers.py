"""PostgreSQL and Redis for tests: a new cluster and a new store, gone afterwards, stopped and held at will.

Both listen on unix sockets only, in a temporary directory, as a user without rights when this one is root. As
a program this runs a command with servers of its own.

usage: python -m tests.servers [--postgresql] [--redis] -- command…
"""

import argparse
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from mesa import embedded_store
from mesa.process_tree import ProcessTree, Program

DATABASE = "mesa"
START_LIMIT_S = 30
# The database user that Debian made, or nobody's: PostgreSQL refuses to run as root.
OWNERS = ("postgres", "nobody")
# Nothing of a test is worth a wait for the disk.
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


class Server:
    """One server process with its directory; it can be ended, held, and started again on the same address."""

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tree = ProcessTree()
        self.pid = 0

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that tell Mesa of it."""

    @abstractmethod
    def command(self) -> tuple[str, ...]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def start(self) -> None:
        """Start the process and wait until it answers."""
        log = self.directory / "log"
        self.pid = self.tree.start(Program(self.name, self.command(), os.environ, self.directory, output=log))
        self.tree.wait_until(self.answers, what=self.name, limit_s=START_LIMIT_S)

    def stop(self) -> None:
        """End it in order."""
        self.resume()
        self.tree.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.tree.stop()

    def pause(self) -> None:
        """Hold it: connections stay, and new ones are taken by the system, but nothing answers."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def pids(self) -> list[int]:
        """List the server's process and its children, it first."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except FileNotFoundError:
            return []
        return [self.pid, *map(int, children.split())]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class PostgreSQL(Server):
    """A new cluster with one empty database."""

    name = "PostgreSQL"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.data = directory / "data"
        self.owner = find_owner()

    @property
    def environment(self) -> dict[str, str]:
        return {"MESA_DATABASE_URL": f"postgresql://{DATABASE}@/{DATABASE}?host={self.directory}"}

    def start(self) -> None:
        is_new = not self.data.exists()
        if is_new:
            self.make_cluster()
        super().start()
        if is_new:
            where = ("-h", str(self.directory), "-U", DATABASE, DATABASE)
            subprocess.run((self.program("createdb"), *where), check=True)

    def make_cluster(self) -> None:
        if self.owner is not None:
            shutil.chown(self.directory, self.owner)
        options = ("-A", "trust", "-U", DATABASE, "-E", "UTF8", "--no-sync", "-D", str(self.data))
        subprocess.run(
            (*self.as_owner(), self.program("initdb"), *options),
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def command(self) -> tuple[str, ...]:
        # A change of user clears the death signal that the tree asked for, so it is asked for again after it.
        tied = (*self.as_owner(), "--pdeathsig", "KILL") if self.owner else ()
        where = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={self.directory}")
        server = (self.program("postgres"), "-D", str(self.data))
        return (*tied, *server, *where, "-c", "max_connections=100", *FAST)

    def answers(self) -> bool:
        asking = (self.program("pg_isready"), "-q", "-h", str(self.directory))
        return subprocess.run(asking, check=False).returncode == 0

    def stop(self) -> None:
        """End it in order, without waiting for its clients to leave."""
        if self.pids():
            os.kill(self.pid, signal.SIGINT)
        super().stop()

    def restart(self) -> None:
        """Stop it and start it again, as an operator does."""
        self.stop()
        self.start()

    def write_out(self) -> None:
        """Have all that it holds in memory written to its files."""
        self.execute("CHECKPOINT")

    def execute(self, statement: str) -> str:
        """Run SQL beside Mesa; returns what it answers, one row a line."""
        asking = (self.program("psql"), "-h", str(self.directory), "-U", DATABASE, "-d", DATABASE, "-qAtc")
        return subprocess.run((*asking, statement), check=True, capture_output=True, text=True).stdout

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Hold a lock on a table, which every other statement about it waits for."""
        asking = (self.program("psql"), "-h", str(self.directory), "-U", DATABASE, "-d", DATABASE, "-qAt")
        with subprocess.Popen(asking, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            holder.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "locked\n"
            yield
            holder.stdin.close()

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def as_owner(self) -> tuple[str, ...]:
        if self.owner is None:
            return ()
        return ("setpriv", "--reuid", self.owner, "--regid", owner_group(self.owner), "--clear-groups")


class Redis(Server):
    """The system's Redis, with nothing on disk."""

    name = "Redis"

    @property
    def socket(self) -> Path:
        return self.directory / "redis.sock"

    @property
    def environment(self) -> dict[str, str]:
        return {"MESA_REDIS_URL": f"unix://{self.socket}"}

    def command(self) -> tuple[str, ...]:
        found = shutil.which("redis-server")
        if found is None:
            raise SystemExit("there is no redis-server on the path")
        return tuple(embedded_store.command(Path(found), self.socket))

    def answers(self) -> bool:
        return embedded_store.answers(self.socket)


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """Run a server in a temporary directory, whose short path fits into the address of a socket."""
    with tempfile.TemporaryDirectory(prefix="mesa-") as directory, kind(Path(directory)) as server:
        yield server


def find_owner() -> str | None:
    """Choose the user that owns the cluster; None when this one may."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in OWNERS if name in known)


def owner_group(owner: str) -> str:
    return str(pwd.getpwnam(owner).pw_gid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", action="store_const", const=PostgreSQL, dest="database")
    parser.add_argument("--redis", action="store_const", const=Redis, dest="store")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with ExitStack() as stack:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        for kind in filter(None, (options.database, options.store)):
            environment |= stack.enter_context(running(kind)).environment
        return subprocess.run(options.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
