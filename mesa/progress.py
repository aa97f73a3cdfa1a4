"""The lines that say how far a start has come: drawn on a terminal, plain text in a log."""

import contextlib
import sys
import time
from typing import IO, Any, cast

from rich.console import Console
from rich.text import Text


class LastingStream:
    """A stream that outlives its terminal: what is written once that has closed is lost, nothing fails."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_console(stream: IO[str] | None = None, **options: Any) -> Console:
    """Open a console whose lines no order of a stop has to wait for or to fail with."""
    return Console(file=cast("IO[str]", LastingStream(stream or sys.stdout)), **options)


class Progress:
    """Prints one line per finished step, with the time since the start."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.console = open_console(stream, highlight=False, soft_wrap=True)
        self.started_at = time.monotonic()

    def done(self, what: str, detail: str = "") -> None:
        """Say that a step is done."""
        self._line("✓" if self.console.is_terminal else "ok", "green", what, detail)

    def failed(self, what: str) -> None:
        """Say what stopped the start, or ended the run."""
        self._line("✗" if self.console.is_terminal else "failed", "red", what, "")

    def warned(self, what: str, way_out: str) -> None:
        """Say what works and should be mended, and how."""
        self._line("!" if self.console.is_terminal else "warning", "yellow", what, way_out)

    def ready(self, url: str, what_next: str) -> None:
        """Print the readiness line, the word `ready` and the address, and what can be done now."""
        self._line(
            "●" if self.console.is_terminal else "ready", "green", f"ready at {url}", "Ctrl-C stops it"
        )
        self.console.print(Text(what_next, style="dim"))

    def _line(self, mark: str, style: str, what: str, detail: str) -> None:
        elapsed = f"{time.monotonic() - self.started_at:5.2f} s"
        line = Text.assemble(
            (f"{mark:<7}" if len(mark) > 1 else f"{mark} ", style), (elapsed, "dim"), f"  {what}"
        )
        if detail:
            line.append(f"  {detail}", style="dim")
        self.console.print(line)
