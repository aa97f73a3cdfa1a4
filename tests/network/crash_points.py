"""Points in the code of other processes at which a test lets something die; crash_site is the other end."""

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SITE = Path(__file__).parent / "crash_site"
REACHED_LIMIT_S, DONE_LIMIT_S = 120.0, 60.0


def environment(folder: Path) -> dict[str, str]:
    """What a process, and those that it makes, need to know of the points that are armed in a folder."""
    found = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(found), "CRASH_POINTS": str(folder)}


class Armed:
    """A point that holds the next process that comes to it, once."""

    def __init__(self, listener: socket.socket, path: Path) -> None:
        self._listener = listener
        self._path = path
        self._held: socket.socket | None = None

    def wait(self) -> None:
        """Wait until a process is held there; those that come later pass."""
        self._held, _ = self._listener.accept()
        self._held.settimeout(DONE_LIMIT_S)
        self.disarm()

    def let_go_on(self) -> None:
        """Let the held process do the rest of its piece of work, and wait for the end of that, or its own."""
        assert self._held is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._held.sendall(b".")
            self._held.recv(1)

    def disarm(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener.close()

    def close(self) -> None:
        self.disarm()
        if self._held is not None:
            self._held.close()


@contextmanager
def armed(folder: Path, point: str) -> Iterator[Armed]:
    """Arm a point, `program.name`; whoever is held there goes on at the end of the block at the latest."""
    path = folder / point
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as stack:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(REACHED_LIMIT_S)
        made = Armed(listener, path)
        stack.callback(made.close)
        yield made
