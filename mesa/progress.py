"""The lines that say how far a start has come: drawn on a terminal, plain text in a log."""

import time
from typing import IO

from rich.console import Console
from rich.text import Text


class Progress:
    """Prints one line per finished step, with the time since the start."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.console = Console(file=stream, highlight=False, soft_wrap=True)
        self.started_at = time.monotonic()

    def done(self, what: str, detail: str = "") -> None:
        """Say that a step is done."""
        self._line("✓" if self.console.is_terminal else "ok", "green", what, detail)

    def failed(self, what: str) -> None:
        """Say what stopped the start, or ended the run."""
        self._line("✗" if self.console.is_terminal else "failed", "red", what, "")

    def ready(self, url: str) -> None:
        """Print the readiness line: the word `ready` and the address."""
        self._line(
            "●" if self.console.is_terminal else "ready", "green", f"ready at {url}", "Ctrl-C stops it"
        )

    def _line(self, mark: str, style: str, what: str, detail: str) -> None:
        elapsed = f"{time.monotonic() - self.started_at:5.2f} s"
        line = Text.assemble(
            (f"{mark:<7}" if len(mark) > 1 else f"{mark} ", style), (elapsed, "dim"), f"  {what}"
        )
        if detail:
            line.append(f"  {detail}", style="dim")
        self.console.print(line)
