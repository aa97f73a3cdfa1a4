"""One process tree per state directory: a lock that the kernel drops when its holder dies, in any way."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunning(Exception):
    """Another process tree uses this state directory; `pid` is its own."""

    def __init__(self, pid: str) -> None:
        super().__init__(pid)
        self.pid = pid


class InstanceLock:
    """Holds the lock file for as long as it is entered."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> Self:
        self.descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.descriptor)
            raise AlreadyRunning(self.file.read_text().strip() or "unknown") from None
        os.ftruncate(self.descriptor, 0)
        os.write(self.descriptor, f"{os.getpid()}\n".encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The file stays: removing it would let two others lock two different files of the same name.
        os.close(self.descriptor)
