"""What a person is shown of the guards, and the word they can give."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peer_agent import cli
from peer_agent.account import save_account, save_tokens
from peer_agent.cli_guards import LIMIT_SENTENCES
from peer_agent.errors import ExitCode
from peer_agent.events import LimitCause
from peer_agent.guards import AWAY_S, TAKEN_IN_LIFE, name_of
from peer_agent.rest import Tokens
from peer_agent.state_dir import locked
from tests.peer_agent.devices import Device, HandClock
from tests.peer_agent.fake_server import LATER
from tests.peer_agent.guard_tickets import a_ticket
from tests.peer_agent.listening_server import Server, listening

HOUR_S = 3_600


@pytest.fixture
def ada(tmp_path: Path) -> Device:
    return Device(tmp_path / "ada", "ada", time=HandClock(time.time() - HOUR_S))


def take(device: Device, *away_s: int) -> list[bytes]:
    """Give a device guards that were away for so long; a command can open its state afterwards."""
    tickets = [a_ticket() for _ in away_s]
    for ticket in tickets:
        device.books.guards.take(ticket)
    device.books.guards.were_away(
        {name_of(ticket): seconds for ticket, seconds in zip(tickets, away_s, strict=True)}
    )
    return tickets


def run(device: Device, *words: str) -> int:
    return cli.main(["--state", str(device.path), *words])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_device_without_guards_says_who_may_stand_next_to_it(
    ada: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(ada, "guards") == ExitCode.OK

    assert capsys.readouterr().out == (
        "Guards: none yet. The server names them once enough others forward; "
        "until then anybody who forwards may stand next to this device.\n"
    )


def test_guards_are_shown_with_their_age_and_state_also_while_an_agent_runs(
    ada: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    tickets = take(ada, 0, 2 * HOUR_S, AWAY_S)

    with locked(ada.path, "mesa-peer listen"):
        assert run(ada, "guards") == ExitCode.OK

    out = capsys.readouterr().out
    first, second, third, last = out.splitlines()
    assert first.endswith("; there when this device was online last")
    assert second.endswith("; away for 2 hours")
    assert third.endswith("; given up after 24 hours without it")
    assert last == (
        "Guards: 3, of which 1 were there when this device was online last. "
        "It had 3 different ones in 30 days, and may have had 5."
    )
    assert not any(name_of(ticket).hex() in out for ticket in tickets)


def test_guards_for_programs(ada: Device, capsys: pytest.CaptureFixture[str]) -> None:
    take(ada, 0, 60)
    came_s = int(ada.time.now)

    run(ada, "guards", "--json")

    said = [{key: value for key, value in line.items() if key != "time"} for line in lines(capsys)]
    assert said == [
        {"event": "guard", "number": 1, "state": "here", "since": came_s, "away_s": 0},
        {"event": "guard", "number": 2, "state": "away", "since": came_s, "away_s": 60},
        {"event": "guards", "guards": 2, "taken": 2, "limit": 5, "needs_word": False},
    ]


def test_word_is_asked_for_where_it_is_needed_and_lets_one_more_come(
    ada: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    tickets = take(ada, *range(AWAY_S, AWAY_S + TAKEN_IN_LIFE))
    run(ada, "guards")
    assert "`mesa-peer guards --replace`" in capsys.readouterr().out

    assert run(ada, "guards", "--replace", "--json") == ExitCode.OK

    *guards, summary = lines(capsys)
    assert [each["state"] for each in guards] == ["given_up"] * 4 + ["replaced"]
    assert (summary["guards"], summary["limit"], summary["needs_word"]) == (4, 6, False)
    assert ada.books.guards.take(a_ticket()) is not None
    assert ada.books.guards.take(a_ticket()) is None
    assert tickets[4] not in ada.books.guards.tickets()


def test_word_replaces_guards_that_are_there_and_pass_nothing_on(
    ada: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    """They hold their links, so they are never away; the limit stays."""
    silent = take(ada, 0, 0)

    for left in (1, 0):
        assert run(ada, "guards", "--replace", "--json") == ExitCode.OK
        *_, summary = lines(capsys)
        assert (summary["guards"], summary["limit"]) == (left, TAKEN_IN_LIFE)

    assert ada.books.guards.tickets() == ()
    others = [a_ticket() for _ in range(4)]
    assert [ada.books.guards.take(each) is not None for each in others] == [True, True, True, False]
    assert not set(silent) & set(ada.books.guards.tickets())


def test_there_is_nothing_to_replace_without_a_guard(ada: Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ada, "guards", "--replace") == ExitCode.USAGE

    assert capsys.readouterr().err == "mesa-peer: There is no guard to replace.\n"


def test_word_needs_the_state_directory_for_itself(ada: Device) -> None:
    take(ada, *[AWAY_S] * TAKEN_IN_LIFE)

    with locked(ada.path, "mesa-peer listen"):
        assert run(ada, "guards", "--replace") == ExitCode.STATE_IN_USE

    assert ada.books.guards.all().limit == TAKEN_IN_LIFE


@pytest.fixture
def served(ada: Device) -> Iterator[Device]:
    """ada, at a server that answers."""
    server = Server()
    server.add(ada.account)
    with listening(server, "ada") as address:
        with ada.store.transaction():
            save_account(ada.store, replace(ada.account, server=address))
            save_tokens(ada.store, Tokens(LATER, "refresh"))
        yield ada


def test_status_has_a_line_about_guards(served: Device, capsys: pytest.CaptureFixture[str]) -> None:
    take(served, *[AWAY_S] * TAKEN_IN_LIFE)

    assert run(served, "status") == ExitCode.OK
    assert run(served, "status", "--json") == ExitCode.OK

    *lines, printed = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "Guards: " in line)
    assert "Guards: 5, of which 0 were there when this device was online last. " in line
    assert "takes none without your word" in line
    found = {each["about"]: each for each in json.loads(printed)["findings"]}
    assert not found["guards"]["good"]
    assert found["guards"]["values"] == {"guards": 5, "taken": 5, "limit": 5, "needs_word": True}


def test_every_cause_has_a_sentence_that_leads_on() -> None:
    assert set(LIMIT_SENTENCES) == set(LimitCause)
    assert all("`mesa-peer guards`" in sentence for sentence in LIMIT_SENTENCES.values())
