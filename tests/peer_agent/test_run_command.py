"""`mesa-peer run --json`: a program steers a peer by lines, and loses nothing by a bad one.

Spec: docs/spec/agent.md, section "Programs"
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from peer_agent.contact_book import ContactState, DirectState, new_contact
from peer_agent.errors import ExitCode
from peer_agent.history import Kept
from tests.live_tree import ROOT
from tests.peer_agent.command_lines import COMMANDS, RESULTS, line_of
from tests.peer_agent.devices import Device
from tests.peer_agent.served import Served, serve_ada
from tests.waiting import wait_for

LIMIT_S = 60
# Each needs the one before.
UNWELCOMING = ("ignore", "block", "unblock")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        yield made


class Program:
    """A running `mesa-peer run`, and both ends of its pipes."""

    def __init__(self, served: Served, *options: str) -> None:
        self.served = served
        self.told: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peer_agent", "--state", str(served.path), *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, *lines: dict[str, Any] | bytes) -> None:
        assert self.process.stdin is not None
        for line in lines:
            self.process.stdin.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def next(self, word: str, **wanted: Any) -> dict[str, Any]:
        """Read on to the next line of a kind."""
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.told.append(json.loads(raw))
            if {"event": word, **wanted}.items() <= self.told[-1].items():
                return self.told[-1]
        raise AssertionError(f"no {word}: {self.told[-3:]} {self.process.communicate()[1].decode()}")

    def finish(self) -> tuple[int, list[dict[str, Any]]]:
        """Close its input, and read to the end."""
        out, errors = self.process.communicate(timeout=LIMIT_S)
        assert b"Traceback" not in errors, errors
        self.told += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode, self.told

    def finish_open(self) -> tuple[int, list[dict[str, Any]]]:
        """Read to the end without closing its input."""
        assert self.process.stdout is not None
        self.told += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(LIMIT_S), self.told

    @property
    def answers(self) -> dict[Any, dict[str, Any]]:
        return {each["id"]: each for each in self.told if each["event"] == "answer"}


@contextmanager
def running(served: Served, *options: str) -> Iterator[Program]:
    program = Program(served, "--json", "run", *options)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def olga_asks(ada: Device) -> None:
    chain = ada.books.contacts.require("bo").chain
    with ada.store.transaction():
        ada.books.contacts.add(new_contact("olga", ContactState.ASKING, chain))


def bo_wishes_for_direct_links(ada: Device) -> None:
    number = ada.books.contacts.require("bo").number
    with ada.store.transaction():
        ada.books.contacts.change(number, direct=DirectState.ASKING, direct_part=bytes(32))


def state_of(served: Served) -> list[tuple[Kept, int]]:
    found: list[tuple[Kept, int]] = []
    served.change(
        lambda ada: found.extend(
            (each.state, each.number)
            for each in ada.books.history.conversation(ada.contact(served.bo).number)
        )
    )
    return found


def test_every_command_answers_under_its_id_with_the_keys_of_the_page(served: Served) -> None:
    served.change(olga_asks)
    served.change(bo_wishes_for_direct_links)
    served.server.problems = {"POST bundles": (429, "throttled")}

    with running(served) as program:
        words = [word for word in COMMANDS if word not in ("stop", *UNWELCOMING)]
        program.write(*(line_of(word) | {"id": word} for word in words))
        for word in UNWELCOMING:
            program.write(line_of(word, user="olga", id=word))
            program.next("answer", id=word)
        program.write(line_of("stop") | {"id": "stop"})
        code, told = program.finish()

    assert code == ExitCode.OK
    assert told[0]["event"] == "running"
    assert (told[0]["user"], told[0]["server"]) == ("ada", served.address)
    assert any(each["event"] == "contact_asked" and each["user"] == "olga" for each in told)
    answers = program.answers
    assert answers.keys() == COMMANDS.keys()
    # bo is a contact already: nobody has to be asked.
    for word, keys in RESULTS.items():
        assert answers[word]["error"] is None, answers[word]
        assert list(answers[word]["result"]) == keys
    assert [each["user"] for each in answers["contacts"]["result"]["contacts"]] == ["bo", "olga"]
    assert [each["text"] for each in answers["history"]["result"]["messages"]] == ["hi"]
    # To one who asks, to ask is to agree; then there is nothing left to accept.
    numbered = [word for word in COMMANDS if answers[word]["result"].get("number")]
    assert numbered == ["send", "ask_direct", "send_direct", "end_direct"]
    assert (Kept.UNDELIVERED_DIRECT, answers["send_direct"]["result"]["number"]) in state_of(served)
    assert told[-1]["id"] == "stop"


def test_what_goes_wrong_is_answered_with_the_exit_code_it_would_have(served: Served) -> None:
    served.server.problems = {"POST bundles": (429, "throttled")}

    with running(served) as program:
        program.write(
            line_of("send", user="nobody"),
            line_of("send", text="", id=2),
            line_of("request", user="mallory", id=3),
            line_of("accept", user="mallory", id=4),
        )
        assert program.finish()[0] == ExitCode.OK

    codes = {key: each["error"]["exit_code"] for key, each in program.answers.items()}
    assert codes == {
        1: ExitCode.UNKNOWN_USER,
        2: ExitCode.USAGE,
        3: ExitCode.REFUSED,
        4: ExitCode.UNKNOWN_USER,
    }
    assert all(each["error"]["why"] and each["result"] is None for each in program.answers.values())


def test_bad_line_is_answered_and_loses_nothing(served: Served) -> None:
    with running(served) as program:
        program.write(
            line_of("send", text="one"),
            b"\xff\n",
            b"\n  \n",
            b"[" * 600_000 + b"\n",
            b'{"id":7,"command":"halt"}\n',
            line_of("send", text="two", id=2),
            # The last line ends with the input.
            json.dumps(line_of("history", id=3)).encode(),
        )
        code, told = program.finish()

    answers = [each for each in told if each["event"] == "answer"]
    assert code == ExitCode.OK
    assert [(each["id"], each["error"] and each["error"]["exit_code"]) for each in answers] == [
        (1, None),
        (None, 2),
        (None, 2),
        (7, 2),
        (2, None),
        (3, None),
    ]
    assert [each["text"] for each in answers[-1]["result"]["messages"]] == ["one", "two"]


def test_end_of_the_input_waits_for_what_the_server_is_asked(served: Served) -> None:
    with running(served) as program:
        program.next("online")
        program.write(line_of("request", user="mallory"))
        code, _ = program.finish()

    assert code == ExitCode.OK
    assert program.answers[1]["error"]["exit_code"] == ExitCode.UNKNOWN_USER


def test_message_is_shown_when_its_line_was_written(served: Served) -> None:
    served.change(lambda ada: ada.inbox.take(served.bo.write(ada, "hello")))

    with running(served) as program:
        assert program.next("message_received")["text"] == "hello"
        assert program.finish()[0] == ExitCode.OK

    assert state_of(served) == [(Kept.SHOWN, 1)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.OK), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_reader_that_does_not_read_holds_up_its_own_commands_only(
    served: Served, number: signal.Signals, code: ExitCode
) -> None:
    """The pipe is full of an answer: none of the later commands is begun, and all else goes on."""
    served.change(lambda ada: ada.inbox.take(served.bo.write(ada, "x" * 60_000)))

    with running(served) as program:
        program.next("running")
        # Each answer is longer than what a pipe holds.
        program.write(*(line_of("history", id=each) for each in range(3)), line_of("send", id=3))
        wait_for(lambda: "PUT prekeys" in [route for route, _ in served.server.requests], limit_s=LIMIT_S)
        asked = len(served.server.requests)
        served.server.hang_up()
        # The session is opened again, and the mailbox looked into: the loop is free.
        wait_for(lambda: len(served.server.requests) > asked, limit_s=LIMIT_S)
        program.process.send_signal(number)

        assert program.process.wait(LIMIT_S) == code
    assert [kept for kept, _ in state_of(served)] in ([Kept.READY], [Kept.SHOWN])


def test_reader_that_is_gone_ends_it_in_order(served: Served) -> None:
    with running(served) as program:
        program.next("running")
        assert program.process.stdout is not None
        program.process.stdout.close()
        program.process.stdout = None
        program.write(line_of("send"), line_of("contacts", id=2))

        assert program.process.wait(LIMIT_S) == ExitCode.OK
    assert [kept for kept, _ in state_of(served)] == [Kept.UNDELIVERED]


def test_login_that_ends_is_the_last_line(served: Served) -> None:
    ended = (401, "not_authenticated")
    served.server.problems = {"GET prekeys": ended, "POST refresh": ended}

    with running(served) as program:
        code, told = program.finish_open()

    assert code == ExitCode.LOGIN_REFUSED
    assert (told[-1]["event"], told[-1]["exit_code"]) == ("error", ExitCode.LOGIN_REFUSED)


def test_closed_input_is_refused(served: Served) -> None:
    command = f"exec {sys.executable} -m peer_agent --state {served.path} --json run <&-"

    ran = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S)

    assert (ran.returncode, "standard input" in ran.stderr) == (ExitCode.USAGE, True)


def test_without_json_it_is_refused(served: Served) -> None:
    program = Program(served, "run")

    assert program.process.wait(LIMIT_S) == ExitCode.USAGE
    assert b"--json" in program.process.communicate()[1]
