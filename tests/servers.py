"""Runs a command on servers of its own: a new PostgreSQL cluster, a Redis, or both, gone afterwards.

Both listen on unix sockets only, in a temporary directory, as a user without rights when this one is root.

usage: python -m tests.servers [--postgresql] [--redis] -- command…
"""

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mesa import embedded_store
from mesa.process_tree import ProcessTree, Program

DATABASE = "mesa"
START_LIMIT_S = 30
# The database user that Debian made, or nobody's: PostgreSQL refuses to run as root.
OWNERS = ("postgres", "nobody")
# Nothing of a test is worth a wait for the disk.
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextmanager
def postgresql(directory: Path) -> Iterator[dict[str, str]]:
    """Run a new cluster; gives the variables that name it."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    data, owner = directory / "data", find_owner()
    if owner is not None:
        shutil.chown(directory, owner)
    as_owner = (
        ()
        if owner is None
        else ("setpriv", "--reuid", owner, "--regid", owner_group(owner), "--clear-groups")
    )
    initdb = (*as_owner, str(programs / "initdb"), "-A", "trust", "-U", DATABASE, "-E", "UTF8", "--no-sync")
    subprocess.run((*initdb, "-D", str(data)), check=True, stdout=subprocess.DEVNULL, cwd=directory)
    # A change of user clears the death signal that the tree asked for, so it is asked for again after it.
    tied = (*as_owner, "--pdeathsig", "KILL") if as_owner else ()
    listen = (
        "-c",
        "listen_addresses=",
        "-c",
        f"unix_socket_directories={directory}",
        "-c",
        "max_connections=100",
    )
    command = (*tied, str(programs / "postgres"), "-D", str(data), *listen, *FAST)
    is_ready = (str(programs / "pg_isready"), "-q", "-h", str(directory))
    tree = ProcessTree()
    tree.start(Program("PostgreSQL", command, os.environ, directory, output=directory / "log"))
    try:
        tree.wait_until(
            lambda: subprocess.run(is_ready, check=False).returncode == 0,
            what="PostgreSQL",
            limit_s=START_LIMIT_S,
        )
        create = (str(programs / "createdb"), "-h", str(directory), "-U", DATABASE, DATABASE)
        subprocess.run(create, check=True)
        yield {"MESA_DATABASE_URL": f"postgresql://{DATABASE}@/{DATABASE}?host={directory}"}
    finally:
        tree.stop()


@contextmanager
def redis(directory: Path) -> Iterator[dict[str, str]]:
    """Run the system's Redis; gives the variables that name it."""
    found = shutil.which("redis-server")
    if found is None:
        raise SystemExit("there is no redis-server on the path")
    socket = directory / "redis.sock"
    tree = ProcessTree()
    command = embedded_store.command(Path(found), socket)
    tree.start(Program("Redis", command, os.environ, directory, output=directory / "log"))
    try:
        tree.wait_until(lambda: embedded_store.answers(socket), what="Redis", limit_s=START_LIMIT_S)
        yield {"MESA_REDIS_URL": f"unix://{socket}"}
    finally:
        tree.stop()


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
    parser.add_argument("--postgresql", action="store_const", const=postgresql, dest="database")
    parser.add_argument("--redis", action="store_const", const=redis, dest="store")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with ExitStack() as stack:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        for server in filter(None, (options.database, options.store)):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mesa-")))
            environment |= stack.enter_context(server(directory))
        return subprocess.run(options.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
