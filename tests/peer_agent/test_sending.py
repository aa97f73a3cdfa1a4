"""`send` and `listen` as a person meets them: what is refused, what is said while they wait, what is left."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from peer_agent import cli, cli_send
from peer_agent.account import save_account, save_tokens
from peer_agent.cli_listen import sentences_of
from peer_agent.errors import ExitCode, NotDelivered, ServerUnreachable
from peer_agent.events import MessageProgress, MessageReceived, SessionOpened, TimedEvent
from peer_agent.progress import MessageState, WaitsFor
from peer_agent.rest import Tokens
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device, acquaint
from tests.peer_agent.fake_server import LATER
from tests.peer_agent.listening_server import Server, listening
from tests.terminal import Terminal

LIMIT_S = 60
STAYS = "The message stays in the outbox and goes with the next run."


@dataclass
class Done:
    """How a command ended, and what it printed."""

    code: object = None
    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)

    @property
    def said(self) -> str:
        return self.err.getvalue()


class Town:
    """ada and bo, who do not know each other, at one server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server()
        self.devices = {name: Device(folder / name, name) for name in ("ada", "bo")}

    def acquaint(self) -> None:
        acquaint(self.devices["ada"], self.devices["bo"])

    def open(self, name: str, address: str) -> None:
        """Have a device use the server at this address."""
        device = self.devices[name]
        self.server.add(device.account)
        with device.store.transaction():
            save_account(device.store, replace(device.account, server=address))
            save_tokens(device.store, Tokens(LATER, "refresh"))

    def run(self, name: str, *words: str, text: bytes = b"") -> Done:
        """Run a command of one of them to its end, with a standard input as the C locale reads it."""
        self.devices[name].store.close()
        done = Done()
        stdin = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", errors="surrogateescape")
        with redirect_stdout(done.out), redirect_stderr(done.err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", stdin)
            try:
                done.code = cli.main(["--state", str(self.folder / name), *words])
            except SystemExit as ended:
                done.code = ended.code
        return done

    def terminal(self, name: str, *words: str) -> Terminal:
        """Run a command of one of them on a terminal."""
        self.devices[name].store.close()
        command = [sys.executable, "-m", "peer_agent", "--state", str(self.folder / name), *words]
        return Terminal(command, directory=ROOT)

    def history(self, name: str) -> list[str]:
        return [line[17:] for line in self.run(name, "history").out.getvalue().splitlines()]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    with ExitStack() as stack:
        for name in town.devices:
            town.open(name, stack.enter_context(listening(town.server, name)))
        yield town


@pytest.fixture
def contacts(town: Town) -> Town:
    town.acquaint()
    return town


def test_yes_that_lies_in_the_mailbox_is_found_by_send(town: Town) -> None:
    town.server.greets = True
    town.run("bo", "contacts")
    town.run("ada", "request", "bo", "It is ada.")

    before = town.run("ada", "send", "bo", "hello")
    town.run("bo", "accept", "ada")
    after = town.run("ada", "send", "bo", "hello", "--timeout", "0.2")

    assert before.code == ExitCode.UNKNOWN_USER
    assert before.said == "mesa-peer: bo has not answered your request yet.\n"
    assert after.code == ExitCode.NOT_DELIVERED
    assert town.history("ada") == ["to bo: hello (not delivered yet)"]


def test_message_that_was_accepted_before_the_run_failed_is_said_to_stay(contacts: Town) -> None:
    contacts.server.greets = True

    done = contacts.run("ada", "send", "--relay-only", "bo", "hello")

    assert done.code == ExitCode.REFUSED
    assert "The message stays in the outbox and goes with the next run.\n" in done.said
    assert "names no TURN server" in done.said
    assert contacts.history("ada") == ["to bo: hello (not delivered yet)"]


def test_who_asked_has_to_be_accepted_first(town: Town) -> None:
    town.run("bo", "contacts")
    town.run("ada", "request", "bo", "It is ada.")
    town.run("bo", "contacts")

    done = town.run("bo", "send", "ada", "hello")

    assert done.code == ExitCode.UNKNOWN_USER
    assert done.said == "mesa-peer: ada asks to be a contact: run `mesa-peer accept ada` first.\n"


@pytest.mark.parametrize(
    ("words", "text", "sentence"),
    [
        (["-"], b"\xff\xfe", "Standard input is not UTF-8 text."),
        (["--lines"], b"\xff\xfe\n", "Standard input is not UTF-8 text."),
        ([os.fsdecode(b"\xff")], b"", "An argument is not UTF-8 text."),
        ([], b"hi\n", "There is no text to send: give TEXT, or - for standard input."),
        (["   "], b"", "There is nothing in the text but space."),
        (["-"], b" \n\n", "There is nothing in the text but space."),
        (["-"], b"\n", "There is no text to send: give TEXT, or - for standard input."),
        (["hi", "--lines"], b"ho\n", "Give TEXT, or --lines for those of standard input, not both."),
    ],
)
def test_what_is_no_text_is_refused_and_not_kept(
    contacts: Town, words: list[str], text: bytes, sentence: str
) -> None:
    done = contacts.run("ada", "send", "bo", *words, text=text)

    assert (done.code, done.said) == (ExitCode.USAGE, f"mesa-peer: {sentence}\n")
    assert contacts.history("ada") == []


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1", "soon", ""])
def test_timeout_that_is_none_is_refused_and_nothing_kept(contacts: Town, seconds: str) -> None:
    done = contacts.run("ada", "send", "bo", "hi", f"--timeout={seconds}")

    assert done.code == ExitCode.USAGE
    assert done.said.endswith("argument --timeout: seconds are a number above 0\n")
    assert contacts.history("ada") == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [(b"hi\n", "hi"), (b"hi\r\n", "hi"), (b"hi", "hi"), (b"hi\n\n", "hi\n    "), (b"a\nb\n", "a\n    b")],
)
def test_line_break_that_ends_the_input_is_not_sent(contacts: Town, text: bytes, kept: str) -> None:
    contacts.run("ada", "send", "bo", "-", "--timeout", "0.1", text=text)

    shown = contacts.run("ada", "history").out.getvalue()
    assert shown[17:] == f"to bo: {kept} (not delivered yet)\n"


def test_lines_of_space_are_no_messages(contacts: Town) -> None:
    done = contacts.run("ada", "send", "bo", "--lines", "--timeout", "0.1", text=b"one\n \n\ntwo\n")

    assert contacts.history("ada") == ["to bo: one (not delivered yet)", "to bo: two (not delivered yet)"]
    assert "2 messages stay in the outbox and go with the next run." in done.said


def test_ctrl_c_says_where_the_message_is(contacts: Town) -> None:
    contacts.server.greets = True
    with contacts.terminal("ada", "send", "bo", "hi") as terminal:
        terminal.wait_for("looking for a path")

        terminal.type("\x03")

        assert terminal.wait() == ExitCode.INTERRUPTED
        assert terminal.text.endswith(f"mesa-peer: Interrupted. {STAYS}\n")


def test_listener_says_when_the_connection_goes_and_comes(contacts: Town) -> None:
    contacts.server.greets = True
    with contacts.terminal("ada", "listen") as terminal:
        terminal.wait_for("listening")

        contacts.server.hang_up()

        terminal.wait_for("connection lost, trying again")
        terminal.wait_for("listening")


def test_listener_without_a_server_says_so(contacts: Town) -> None:
    with contacts.terminal("ada", "listen") as terminal:
        terminal.wait_for("no connection yet, trying again")

        assert "listening" not in terminal.text


def a_progress(state: MessageState, waits_for: WaitsFor | None, forwarders: int | None) -> MessageProgress:
    return MessageProgress(1, "bo", state, 1, (), waits_for, forwarders)


@pytest.mark.parametrize(
    ("latest", "reason"),
    [
        (None, "there was no path yet"),
        (a_progress(MessageState.WAITING, WaitsFor.PATH, None), "there was no path yet"),
        (a_progress(MessageState.WAITING, WaitsFor.CONTACT, None), "still waiting for bo"),
        (a_progress(MessageState.WAITING, WaitsFor.FORWARDERS, 2), "only 2 of 3 forwarders are there"),
        (a_progress(MessageState.SENT, None, None), "no receipt has come"),
    ],
)
def test_why_a_message_was_not_delivered_is_said(latest: MessageProgress | None, reason: str) -> None:
    sending = cli_send._Sending("bo", {1}, 1, latest)
    sending.connection.changes_by(SessionOpened(resumed=False))

    failure = cli_send._failure(sending, 8.0)

    assert isinstance(failure, NotDelivered)
    assert str(failure) == f"Not delivered in 8 s: {reason}. {STAYS}"


def test_server_that_is_gone_is_the_first_reason() -> None:
    sending = cli_send._Sending("bo", {1, 2}, 2, a_progress(MessageState.SENT, None, None))

    failure = cli_send._failure(sending, 8.0)

    assert isinstance(failure, ServerUnreachable)
    assert str(failure) == (
        "Not delivered: the server does not answer. 2 messages stay in the outbox and go with the next run."
    )


@pytest.mark.parametrize(
    ("sent_ms", "shown"),
    [
        (int(time.mktime((2026, 3, 1, 3, 40, 0, 0, 0, -1))) * 1_000, "03:40"),
        (int(time.mktime((2026, 2, 28, 23, 59, 0, 0, 0, -1))) * 1_000, "2026-02-28 23:59"),
    ],
)
def test_message_is_shown_with_its_time(sent_ms: int, shown: str) -> None:
    now = time.mktime((2026, 3, 1, 12, 0, 0, 0, 0, -1))

    lines = sentences_of(TimedEvent(now, MessageReceived(1, "bo", "hello", sent_ms)))

    assert lines == [f"{shown} bo: hello"]
