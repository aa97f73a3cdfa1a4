"""How commands speak: sentences for people, or one JSON object a line.

Spec: docs/spec/agent.md, section "Events"
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from peer_agent.cli_pipes import SETTLE_S, LinesOut
from peer_agent.events import FalseClaim, FalseWord, TimedEvent

REPLACED = "\N{REPLACEMENT CHARACTER}"
# Before each line of a text but the first: a line of our own never begins so.
CONTINUED = "    "
TAB = "    "
# They make one sign of several, in families of emoji and in some scripts, and steer nothing else.
JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_CLEAR_LINE = "\r\x1b[K"


@dataclass(slots=True)
class Output:
    """Standard output for results, standard error for everything about them."""

    is_json: bool = False
    _has_progress: bool = False
    _lines: LinesOut | None = None

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Have `tell` write beside the event loop: what runs goes on while a reader does not read.

        A reader that is gone ends the block in order. On a terminal nothing is different: who stops that has
        stopped it all.
        """
        if not sys.stdout.isatty():
            self._lines = LinesOut(sys.stdout.fileno())
        try:
            with contextlib.suppress(BrokenPipeError):
                yield
        finally:
            if self._lines is not None:
                await self._lines.settle()
                self._lines = None

    async def tell(self, timed: TimedEvent, *sentences: str) -> None:
        """Print an event, or what people read of it; when this returns, it is written.

        Raises:
            BrokenPipeError: there is no reader any more.
        """
        for line in [json.dumps(timed.to_json(), separators=(",", ":"))] if self.is_json else sentences:
            await self._tell(line)

    async def tell_last(self, word: str, sentence: str, **values: Any) -> None:
        """Print a result at the end of a run; one that nobody reads by then is left out."""
        with contextlib.suppress(TimeoutError, BrokenPipeError):
            async with asyncio.timeout(SETTLE_S):
                await self._tell(self._result(word, sentence, values))

    async def _tell(self, line: str) -> None:
        self.clear_progress()
        if self._lines is None:
            _write_line(line)
        else:
            await self._lines.write(line.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))

    def event(self, timed: TimedEvent) -> None:
        """Print an event as JSON; people get sentences made for the command instead."""
        if self.is_json:
            _write_line(json.dumps(timed.to_json(), separators=(",", ":")))

    def result(self, word: str, sentence: str, **values: Any) -> None:
        """Print a result: the sentence, or the word and its values as an object."""
        self.clear_progress()
        _write_line(self._result(word, sentence, values))

    def _result(self, word: str, sentence: str, values: dict[str, Any]) -> str:
        if not self.is_json:
            return sentence
        body = {"event": word, "time": round(time.time(), 6), **values}
        return json.dumps(body, separators=(",", ":"))

    def note(self, word: str, sentence: str, **values: Any) -> None:
        """Print something beside the result: for people on standard error."""
        if self.is_json:
            self.result(word, sentence, **values)
        else:
            self.clear_progress()
            sys.stderr.write(f"mesa-peer: {sentence}\n")
            sys.stderr.flush()

    def progress(self, sentence: str) -> None:
        """Show what happens in one line that changes, on a terminal only."""
        if not self.is_json and sys.stderr.isatty():
            sys.stderr.write(f"{_CLEAR_LINE}{sentence}")
            sys.stderr.flush()
            self._has_progress = True

    def clear_progress(self) -> None:
        """Take the changing line away."""
        if self._has_progress:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
            self._has_progress = False

    def failure(self, sentence: str, exit_code: int) -> None:
        """Print why the command failed, in one line."""
        self.clear_progress()
        if self.is_json:
            self.result("error", "", exit_code=int(exit_code), why=sentence)
        sys.stderr.write(f"mesa-peer: {sentence}\n")
        sys.stderr.flush()


def false_sentence(event: FalseClaim) -> str:
    """Say what was claimed falsely, and that it does no harm."""
    if event.what is FalseWord.RECEIPT:
        claim = f"The server brought a receipt for message {event.number} to {event.to} that is false"
    elif event.what is FalseWord.PREKEYS:
        claim = f"The server hands out keys in the name of {event.to} that are not theirs"
    else:
        claim = f"The server says that all messages to {event.to} are delivered, which is not so"
    return f"{claim}: it does not count, and nothing is lost. A server that does this is not to be trusted."


def shown_text(text: str) -> str:
    """A text from another person, without signs that steer a terminal or lines that look like ours."""
    lines = ("".join(map(_shown_sign, line)) for line in text.split("\n"))
    return f"\n{CONTINUED}".join(lines)


def _shown_sign(sign: str) -> str:
    if sign == "\t":
        return TAB
    return sign if sign.isprintable() or sign in JOINERS else REPLACED


def _write_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
