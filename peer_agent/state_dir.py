"""The directory that holds everything one device knows: private to its owner, and for one agent at a time.

Spec: docs/spec/agent.md, section "State directory"
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import platformdirs

from peer_agent.errors import StateInUse, UsageError

LOCK_NAME = "lock"
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


def default_state_dir() -> Path:
    """Where this platform keeps an application's data."""
    return Path(platformdirs.user_data_dir("mesa-peer", appauthor=False))


def prepare_state_dir(path: Path) -> Path:
    """Make the directory if it is missing, and close it to everybody else.

    Raises:
        UsageError: there is something else in its place, or it may not be made.
    """
    try:
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        path.chmod(DIRECTORY_MODE)
    except OSError as error:
        raise UsageError(f"The state directory {path} can not be used: {error.strerror}.") from error
    return path.resolve()


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises:
        FileExistsError: the file is there already.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def locked(path: Path, command: str = "") -> Iterator[None]:
    """Hold the directory for this process until the block ends, or the process does.

    Raises:
        StateInUse: another process holds it; the sentence names its id, and its command if it gave one.
    """
    descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT, FILE_MODE)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        if not _try_lock(file):
            raise StateInUse(
                f"The state directory {path} is in use by process {_holder(file)}. "
                "Stop it first: one agent works on a state directory at a time."
            )
        # What is written only helps to find the holder: a full disk keeps nobody from the directory.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n{command}".strip().encode("ascii") + b"\n")
        yield


def holder_of(path: Path) -> str:
    """Name the process that holds a directory, by its id and its command."""
    with (path / LOCK_NAME).open(encoding="ascii") as file:
        return _holder(file)


def _holder(file: IO[str]) -> str:
    process, _, command = file.read().strip().partition("\n")
    return f"{process or 'unknown'} ({command})" if command else process or "unknown"


if sys.platform == "win32":
    import msvcrt

    # Far behind the text, since a locked range can not be read by others there.
    _LOCK_OFFSET = 1_024

    def _try_lock(file: IO[str]) -> bool:
        file.seek(_LOCK_OFFSET)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            file.seek(0)
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
