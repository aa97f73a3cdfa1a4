"""What a user wants of an agent that runs already: a command leaves it in the store, and the agent does it.

One agent works on a state directory at a time; so another process changes nothing else there.
Spec: docs/spec/agent.md, section "Beside a running agent"
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NoReturn

from peer_agent.blocking import Blocking
from peer_agent.clock import Clock
from peer_agent.contact_book import Contact
from peer_agent.errors import (
    AgentError,
    ExitCode,
    LoginRefused,
    ServerUnreachable,
    StateInUse,
    StoreFull,
    UsageError,
)
from peer_agent.store import Store

WISH, ANSWER = "wish", "wish_answer"
LOOK_EVERY_S: Final = 0.5
TAKEN_WITHIN_S: Final = 5.0
# Then it has asked the server, which has a limit of its own.
ANSWERED_WITHIN_S: Final = 90.0


class Wish(StrEnum):
    """What can be done about somebody who is not welcome."""

    IGNORE = "ignore"
    BLOCK = "block"
    UNBLOCK = "unblock"


async def carry_out(blocking: Blocking, wish: Wish, username: str) -> Contact:
    """Do what the user wants about somebody.

    Raises:
        AgentError: as `Blocking` does.
    """
    if wish is Wish.IGNORE:
        return blocking.ignore(username)
    if wish is Wish.UNBLOCK:
        return await blocking.unblock(username)
    try:
        return await blocking.block(username)
    except ServerUnreachable as error:
        raise ServerUnreachable(
            f"Blocked here, so nothing more of {username} is taken in. The server does not answer: "
            "until it is told, with the next command, they may see this device online."
        ) from error


class Wishes:
    """The running agent's end: takes what is wished, does it, and leaves an answer."""

    def __init__(self, store: Store, blocking: Blocking, clock: Clock) -> None:
        self._store = store
        self._blocking = blocking
        self._clock = clock

    async def mind(self) -> NoReturn:
        """Look for wishes again and again.

        Raises:
            LoginRefused: the login has ended, as one of them has shown.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            # Whoever wished waits in vain then, and is told so.
            with contextlib.suppress(StoreFull):
                await self._look()

    async def _look(self) -> None:
        left = self._taken()
        if left is None or self._clock.unix() > left["until_s"]:
            return
        try:
            await carry_out(self._blocking, _wish_of(left), left["user"])
            self._answer(left, ExitCode.OK)
        except LoginRefused as error:
            self._answer(left, error.exit_code, error)
            raise
        except AgentError as error:
            self._answer(left, error.exit_code, error)

    def _taken(self) -> dict[str, Any] | None:
        """Take what is wished, and nothing that another command leaves in its place meanwhile."""
        if _read(self._store, WISH) is None:
            return None
        with self._store.transaction():
            left = _read(self._store, WISH)
            self._store.set_setting(WISH, None)
        return left

    def _answer(self, left: dict[str, Any], code: ExitCode, error: AgentError | None = None) -> None:
        why, retry_after_s = ("", None) if error is None else (str(error), error.retry_after_s)
        body = {"id": left["id"], "exit_code": int(code), "why": why, "retry_after_s": retry_after_s}
        _write(self._store, ANSWER, body)


@dataclass(frozen=True, slots=True)
class Asker:
    """A command's end, on the store that another process works on. `in_use`: what it was told of that."""

    store: Store
    clock: Clock
    in_use: StateInUse

    async def ask(self, wish: Wish, username: str) -> None:
        """Have the running agent do something, and wait until it is done.

        Raises:
            StateInUse: what runs takes no wishes, or has one to do already.
            AgentError: it could not do it; sentence and exit code are its own.
        """
        ident = secrets.token_hex(8)
        self._leave(ident, wish, username)
        try:
            await self._until(lambda: not self._is_left(WISH, ident), within_s=TAKEN_WITHIN_S)
            await self._until(lambda: self._is_left(ANSWER, ident), within_s=ANSWERED_WITHIN_S)
            answer = _read(self.store, ANSWER) or {}
        finally:
            self._take_back(ident)
        if answer["exit_code"]:
            failure = AgentError(answer["why"])
            failure.exit_code = ExitCode(answer["exit_code"])
            failure.retry_after_s = answer["retry_after_s"]
            raise failure

    def _leave(self, ident: str, wish: Wish, username: str) -> None:
        now_s = self.clock.unix()
        with self.store.transaction():
            other = _read(self.store, WISH)
            if other is not None and now_s <= other["until_s"]:
                raise self.in_use
            body = {"id": ident, "wish": wish, "user": username, "until_s": now_s + TAKEN_WITHIN_S}
            _write(self.store, WISH, body)

    async def _until(self, is_so: Callable[[], bool], *, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                # Another process changes it, which wakes nobody here.
                while not is_so():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY_S / 2)
        except TimeoutError:
            raise self.in_use from None

    def _take_back(self, ident: str) -> None:
        """Leave nothing of it: whoever reads the store later has no use for it."""
        with self.store.transaction():
            for name in (WISH, ANSWER):
                if self._is_left(name, ident):
                    self.store.set_setting(name, None)

    def _is_left(self, name: str, ident: str) -> bool:
        left = _read(self.store, name)
        return left is not None and left["id"] == ident


def _wish_of(left: dict[str, Any]) -> Wish:
    """Read what is wished.

    Raises:
        UsageError: a command of another version wishes it.
    """
    try:
        return Wish(left["wish"])
    except ValueError:
        raise UsageError("The agent that runs is of another version: start it again.") from None


def _read(store: Store, name: str) -> dict[str, Any] | None:
    raw = store.setting(name)
    if raw is None:
        return None
    body: dict[str, Any] = json.loads(raw)
    return body


def _write(store: Store, name: str, body: dict[str, Any]) -> None:
    store.set_setting(name, json.dumps(body).encode())
