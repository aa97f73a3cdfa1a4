"""Servers of another version: told apart in plain words before they are told anything; nothing is lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from p2p.protocol.errors import VersionUnsupported
from p2p.protocol.limits import SUBPROTOCOL
from peer_agent.cli_connection import NOT_UNDERSTOOD, Connection
from peer_agent.errors import AgentError, ExitCode, Refused, ServerUnreachable
from peer_agent.events import SessionClosed, SessionOpened
from peer_agent.rest import Rest
from peer_agent.versions import no_common_version, require_common
from tests.peer_agent.command_home import Home, home, run
from tests.peer_agent.devices import SERVER
from tests.peer_agent.listening_server import PASSWORD

__all__ = ["home", "run"]


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        (["mesa.2", "mesa.3"], "The server speaks mesa.2, mesa.3 and this agent mesa.1: update this agent."),
        (["mesa.0"], "the server is older, and its operator has to update it"),
        ([], "share no version"),
        (["other.7", None, "mesa.x"], "share no version"),
    ],
)
def test_sentence_says_who_is_older(spoken: Sequence[object], said: str) -> None:
    assert said in str(no_common_version(spoken))


def server_that_says(body: Any) -> Rest:
    return Rest(SERVER, transport=httpx.MockTransport(lambda _: httpx.Response(200, json=body)))


@pytest.mark.parametrize("spoken", [[SUBPROTOCOL], ["mesa.2", SUBPROTOCOL]])
async def test_server_that_speaks_this_version_too_is_fine(spoken: list[str]) -> None:
    await require_common(server_that_says({"name": "mesa", "protocols": spoken, "new": "keys"}))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "mesa", "protocols": ["mesa.2"]}, Refused),
        ({"name": "mesa"}, ServerUnreachable),
        ({"name": "other", "protocols": [SUBPROTOCOL]}, ServerUnreachable),
        ({}, ServerUnreachable),
    ],
)
async def test_other_servers_are_refused(body: Any, error: type[AgentError]) -> None:
    with pytest.raises(error):
        await require_common(server_that_says(body))


def test_no_password_is_told_to_a_server_of_another_version(home: Home, run: Any, tmp_path: Path) -> None:
    home.server.protocols = ["mesa.2"]
    path = tmp_path / "password"
    path.write_text(PASSWORD)

    said = run("login", "--password-file", str(path))

    assert (said.code, "update this agent" in said.err) == (ExitCode.REFUSED, True)
    assert [route for route, _ in home.server.requests] == ["GET server"]


def test_socket_of_a_newer_server_says_what_to_do_and_keeps_the_message(home: Home, run: Any) -> None:
    home.server.greets, home.server.closes_by = True, VersionUnsupported.close_code
    home.server.protocols = ["mesa.2", "mesa.3"]

    said = run("send", "bo", "hello")
    history = run("--json", "history")

    assert (said.code, "The server speaks mesa.2, mesa.3" in said.err) == (ExitCode.REFUSED, True)
    assert [(each["text"], each["state"]) for each in history.objects] == [("hello", "undelivered")]


@pytest.mark.parametrize("problem", [(404, "not_found"), (405, "method_not_allowed")])
def test_server_that_does_not_know_a_request_is_called_older(
    home: Home, run: Any, problem: tuple[int, str]
) -> None:
    home.server.problems = {"GET settings": problem}

    said = run("settings")

    assert (said.code, "older than this agent" in said.err) == (ExitCode.REFUSED, True)


def test_frames_that_are_not_understood_are_told_to_people() -> None:
    connection = Connection()
    connection.changes_by(SessionOpened(False))

    assert connection.changes_by(SessionClosed("protocol", 1.0))
    assert connection.trouble == NOT_UNDERSTOOD
