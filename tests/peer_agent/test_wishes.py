"""Somebody is kept out while an agent runs on the same store: the agent itself does it, within a second."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from peer_agent import wishes
from peer_agent.clock import Clock
from peer_agent.errors import AgentError, ExitCode, LoginRefused, StateInUse, UnknownUser
from peer_agent.store import Store, open_store
from peer_agent.tasks import Tasks
from peer_agent.wishes import Asker, Wish, Wishes
from tests.live_tree import ROOT
from tests.peer_agent.fake_server import Party
from tests.peer_agent.meeting import Place, ada, become_contacts, bo, known, place
from tests.peer_agent.served import Served, serve_ada

__all__ = ["ada", "bo", "place"]

IN_USE = StateInUse("in use")
LIMIT_S = 60
NOW = Clock()
LATER = Clock(unix=lambda: time.time() + LIMIT_S)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishes, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(wishes, "TAKEN_WITHIN_S", 0.5)
    monkeypatch.setattr(wishes, "ANSWERED_WITHIN_S", 0.5)


@pytest.fixture
def second(ada: Party, place: Place) -> Iterator[Store]:
    """ada's store as another process has it open."""
    with closing(open_store(path_of(ada.store), None)) as store:
        yield store


def path_of(store: Store) -> Path:
    row = store.row("PRAGMA database_list")
    assert row is not None
    return Path(row[2]).parent


@asynccontextmanager
async def agent(party: Party, clock: Clock = NOW) -> AsyncIterator[None]:
    """The part of a running agent that minds wishes."""
    async with Tasks() as tasks:
        tasks.spawn(Wishes(party.store, party.parts.blocking, clock).mind())
        yield


def left_in(store: Store) -> list[bytes | None]:
    return [store.setting(name) for name in (wishes.WISH, wishes.ANSWER)]


async def test_agent_does_what_is_wished_and_nothing_of_it_is_left(
    ada: Party, bo: Party, second: Store
) -> None:
    await become_contacts(ada, bo)
    asker = Asker(second, NOW, IN_USE)

    async with agent(ada):
        await asker.ask(Wish.BLOCK, "bo")
        assert known(ada, "bo").is_blocked
        await asker.ask(Wish.UNBLOCK, "Bo")

    assert not known(ada, "bo").is_blocked
    assert [event.NAME for event in ada.events] == ["user_blocked", "user_unblocked"]
    assert left_in(second) == [None, None]


async def test_agents_own_words_come_back_when_it_can_not(ada: Party, second: Store) -> None:
    async with agent(ada):
        with pytest.raises(AgentError, match="mallory does not ask to be a contact") as failure:
            await Asker(second, NOW, IN_USE).ask(Wish.IGNORE, "mallory")

    assert failure.value.exit_code is UnknownUser.exit_code
    assert left_in(second) == [None, None]


async def test_wish_that_nobody_takes_is_taken_back(ada: Party, bo: Party, second: Store) -> None:
    await become_contacts(ada, bo)

    with pytest.raises(StateInUse):
        await Asker(second, NOW, IN_USE).ask(Wish.BLOCK, "bo")

    assert left_in(second) == [None, None]
    async with agent(ada):
        with pytest.raises(AgentError, match="mallory"):
            await Asker(second, NOW, IN_USE).ask(Wish.IGNORE, "mallory")
    assert not known(ada, "bo").is_blocked


async def test_wish_that_is_found_late_is_not_done(ada: Party, bo: Party, second: Store) -> None:
    await become_contacts(ada, bo)

    async with agent(ada, LATER):
        with pytest.raises(StateInUse):
            await Asker(second, NOW, IN_USE).ask(Wish.BLOCK, "bo")

    assert left_in(second) == [None, None]
    assert not known(ada, "bo").is_blocked


async def test_second_wish_waits_for_nobody_and_leaves_the_first(ada: Party, second: Store) -> None:
    first = {"id": "1", "wish": "block", "user": "bo", "until_s": NOW.unix() + LIMIT_S}
    second.set_setting(wishes.WISH, json.dumps(first).encode())

    with pytest.raises(StateInUse):
        await Asker(second, NOW, IN_USE).ask(Wish.BLOCK, "olga")

    assert json.loads(second.setting(wishes.WISH) or b"") == first


async def test_wish_of_another_version_is_refused_and_the_agent_goes_on(
    ada: Party, bo: Party, second: Store
) -> None:
    await become_contacts(ada, bo)
    later = StrEnum("later", {"MUTE": "mute"})

    async with agent(ada):
        with pytest.raises(AgentError, match="another version"):
            await Asker(second, NOW, IN_USE).ask(later["MUTE"], "bo")  # type: ignore[arg-type]  # of a later one
        await Asker(second, NOW, IN_USE).ask(Wish.BLOCK, "bo")

    assert known(ada, "bo").is_blocked


async def test_login_that_has_ended_is_told_and_ends_the_agent(ada: Party, bo: Party, second: Store) -> None:
    await become_contacts(ada, bo)
    ada.server.problems["DELETE tokens"] = (401, "login_refused")
    ada.server.problems["POST refresh"] = (401, "login_refused")
    minding = asyncio.create_task(Wishes(ada.store, ada.parts.blocking, NOW).mind())

    with pytest.raises(AgentError) as failure:
        await Asker(second, NOW, IN_USE).ask(Wish.BLOCK, "bo")

    assert failure.value.exit_code is ExitCode.LOGIN_REFUSED
    with pytest.raises(LoginRefused):
        await minding


# --- As commands, with processes ----------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        yield made


def command(served: Served, *words: str) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "peer_agent", "--state", str(served.path), "--json", *words]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_until(listening: "subprocess.Popen[str]", word: str) -> dict[str, Any]:
    assert listening.stdout is not None
    for line in listening.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == word:
            return event
    raise AssertionError(f"no {word}")


def test_commands_beside_listen(served: Served) -> None:
    listening = command(served, "listen", "--no-forward")
    try:
        read_until(listening, "session_opened")

        blocking = command(served, "block", "bo")
        told, _ = blocking.communicate(timeout=LIMIT_S)
        assert blocking.returncode == ExitCode.OK
        event = read_until(listening, "user_blocked")
        refused = command(served, "ignore", "bo")
        _, why = refused.communicate(timeout=LIMIT_S)
    finally:
        listening.terminate()
        listening.communicate(timeout=LIMIT_S)

    assert json.loads(told)["event"] == "blocked"
    assert event["user"] == "bo"
    assert (refused.returncode, why) == (
        ExitCode.UNKNOWN_USER,
        "mesa-peer: bo does not ask to be a contact.\n",
    )
    blocked: list[bool] = []
    served.change(lambda device: blocked.append(device.books.contacts.all()[0].is_blocked))
    assert blocked == [True]
