"""The command line: what it prints, and the exit code for everything that can go wrong."""

import argparse
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_text
from peer_agent import cli
from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.cli_output import Output, shown_text
from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.identity import create_recovery_code
from peer_agent.crypto.messages import TOKEN_BYTES
from peer_agent.enrolling import grouped
from peer_agent.errors import (
    AgentError,
    ContactBlocked,
    ExitCode,
    NotDelivered,
    Refused,
    ServerUnreachable,
    StateInUse,
    UnknownUser,
)
from peer_agent.state_dir import locked
from peer_agent.store import open_store
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device, acquaint

LIMIT_S = 30


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    """A state directory of ada, whose contact is bo, at a server that is not there."""
    one = Device(tmp_path / "ada", "ada")
    other = Device(tmp_path / "bo", "bo", time=one.time)
    acquaint(one, other)
    asked = replace(new_contact("olga", ContactState.ASKED, other.account.chain), my_token=bytes(TOKEN_BYTES))
    with one.store.transaction():
        one.books.contacts.add(asked)
    one.store.close()
    other.store.close()
    return one.path


def run(*arguments: object) -> int:
    return cli.main([str(each) for each in arguments])


def test_wrong_command_line_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["unknown"], ["send"], ["send", "bo", "text", "--timeout", "soon"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == ExitCode.USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_no_command_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == ExitCode.USAGE

    shown = capsys.readouterr().err
    assert all(word in shown for word in ("register", "request", "send", "listen", "--version", "--help"))


def test_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--version")

    assert ended.value.code == ExitCode.OK
    assert capsys.readouterr().out.startswith("mesa-peer ")


def test_every_argument_and_option_is_explained() -> None:
    commands = next(
        action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    parsers = [cli.parser(), *commands.choices.values()]

    options = [
        (parser.prog, action)
        for parser in parsers
        for action in parser._actions
        if not isinstance(action, argparse._SubParsersAction)
    ]
    assert [(program, action.dest) for program, action in options if not action.help] == []
    assert "default: 60" in commands.choices["send"].format_help()


@pytest.mark.parametrize("command", ["status", "contacts", "history", "forward", "listen", "login", "logout"])
def test_directory_without_account_says_what_to_do(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse battery\n")
    more = ["--password-file", password] if command == "login" else []

    assert run("--state", tmp_path / "new", command, *more) == ExitCode.LOGIN_REFUSED

    said = capsys.readouterr()
    assert said.err == (
        f"mesa-peer: There is no account in {tmp_path / 'new'}: "
        "run `mesa-peer register`, or name another --state.\n"
    )
    assert said.out == ""
    assert not (tmp_path / "new").exists()


def test_directory_in_use_names_the_process(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(ada, "mesa-peer listen"):
        assert run("--state", ada, "logout") == ExitCode.STATE_IN_USE

    assert capsys.readouterr().err == (
        f"mesa-peer: The state directory {ada} is in use by process {os.getpid()} (mesa-peer listen). "
        "Stop it first: one agent works on a state directory at a time.\n"
    )


@pytest.mark.parametrize(("command", "said"), [("contacts", "bo  contact"), ("history", "to bo: hi")])
def test_directory_in_use_can_be_read(
    ada: Path, command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--state", ada, "send", "bo", "hi", "--timeout", "0.2")
    capsys.readouterr()

    with locked(ada, "mesa-peer listen"):
        assert run("--state", ada, command) == ExitCode.OK

    assert said in capsys.readouterr().out


def test_another_server_than_the_accounts_is_refused(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", ada, "--server", "https://mesa.example", "status") == ExitCode.USAGE

    assert "The account of this state directory is on http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["request", "bo-two"], ["accept", "olga"]])
def test_server_that_is_not_there_is_said(
    ada: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", ada, *command) == ExitCode.SERVER_UNREACHABLE

    assert capsys.readouterr().err == "mesa-peer: http://127.0.0.1:9 does not answer.\n"


@pytest.mark.parametrize("user", ["a b", "x" * 90])
def test_asking_for_what_is_no_name_says_what_is_one(
    ada: Path, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", ada, "request", user) == ExitCode.USAGE

    assert "A user name has 2 to 32 letters" in capsys.readouterr().err


def test_contacts_are_listed_without_the_server(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", ada, "contacts") == ExitCode.OK

    said = capsys.readouterr()
    assert said.out == "bo  contact\nolga  asked, no answer yet\n"
    assert "This is what was known before." in said.err


def test_contacts_as_json(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("contacts", "--state", ada, "--json")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["user"], line["state"], line["unsafe"]) for line in lines] == [
        ("contact", "bo", "accepted", False),
        ("contact", "olga", "asked", False),
    ]


def test_sending_to_no_contact_is_refused_at_once(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state", ada, "send", "nobody", "hi") == ExitCode.UNKNOWN_USER

    assert "nobody is no contact: run `mesa-peer request nobody` first." in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "x" * 65_537])
def test_text_of_a_wrong_length_is_usage(ada: Path, text: str) -> None:
    assert run("--state", ada, "send", "bo", text) == ExitCode.USAGE


def test_message_that_waits_too_long_stays_in_the_outbox(
    ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", ada, "send", "bo", "hi", "--timeout", "0.2") == ExitCode.SERVER_UNREACHABLE
    assert capsys.readouterr().err == (
        "mesa-peer: Not delivered: the server does not answer. "
        "The message stays in the outbox and goes with the next run.\n"
    )

    store = open_store(ada, None)
    assert store.rows("SELECT outgoing, state FROM messages") == [(1, "undelivered")]
    store.close()


def test_failure_as_json_is_one_object_and_one_line(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--state", ada, "--json", "send", "bo", "hi", "--timeout", "0.2")

    said = capsys.readouterr()
    last = json.loads(said.out.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("error", ExitCode.SERVER_UNREACHABLE)
    assert said.err == f"mesa-peer: {last['why']}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("send", "bo", "--timeout", "0.2", "hi"),
        ("send", "--timeout", "0.2", "bo", "hi"),
        ("send", "bo", "hi", "--timeout", "0.2"),
    ],
)
def test_text_may_stand_before_and_behind_options(ada: Path, words: Sequence[str]) -> None:
    assert run("--state", ada, *words) == ExitCode.SERVER_UNREACHABLE


@pytest.mark.parametrize(
    "words",
    [
        ("send", "bo", "hi", "--timeout", "1", "there"),
        ("send", "bo", "--timeout", "1", "hi", "there"),
        ("send", "bo", "--timeout", "1", "--hi"),
        ("accept", "bo", "--json", "hi"),
    ],
)
def test_words_too_many_are_usage(
    ada: Path, words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--state", ada, *words)

    assert ended.value.code == ExitCode.USAGE
    assert "unrecognized arguments" in capsys.readouterr().err


def test_passphrase_for_a_store_without_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, passphrase = tmp_path / "state", tmp_path / "passphrase"
    state.mkdir()
    open_store(state, None).close()
    passphrase.write_text("open sesame\n")

    assert run("--state", state, "status", "--passphrase-file", passphrase) == ExitCode.STORE_CLOSED
    assert "This store has no passphrase: leave --passphrase-file out." in capsys.readouterr().err


def test_wrong_passphrase_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state, passphrase = tmp_path / "state", tmp_path / "passphrase"
    state.mkdir()
    open_store(state, "open sesame").close()
    passphrase.write_text("open sesame\n")

    assert run("--state", state, "status") == ExitCode.STORE_CLOSED
    assert "This store has a passphrase: give --passphrase-file." in capsys.readouterr().err
    assert run("--state", state, "status", "--passphrase-file", passphrase) == ExitCode.LOGIN_REFUSED


@pytest.mark.parametrize(
    "url",
    [
        "mesa.example",
        "ftp://mesa.example",
        "https://",
        "https://a/b",
        "http://a?x",
        "https://a:x",
        "https://[::1",
    ],
)
def test_address_that_is_none_is_usage(tmp_path: Path, url: str) -> None:
    assert run("--state", tmp_path, "--server", url, "status") == ExitCode.USAGE


@pytest.mark.parametrize(
    "url",
    ["http://mesa.example", "http://192.0.2.1:8000", "http://127.0.0.1.mallory.example", "http://127.1"],
)
def test_http_beyond_this_machine_has_to_be_wished(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", tmp_path, "--server", url, "status") == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "mesa-peer: http shows the password to everybody on the way: use https, or --allow-http.\n"
    )

    assert run("--state", tmp_path, "--server", url, "--allow-http", "status") == ExitCode.LOGIN_REFUSED


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:1", "https://mesa.example"]
)
def test_https_and_this_machine_are_taken(tmp_path: Path, url: str) -> None:
    assert run("--state", tmp_path, "--server", url, "status") == ExitCode.LOGIN_REFUSED


def test_register_needs_a_way_to_hand_over_the_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--state", tmp_path / "new", "register", "ada", "--password-stdin") == ExitCode.USAGE

    assert "recovery code" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_register_that_fails_keeps_the_keys_for_the_next_try(tmp_path: Path) -> None:
    state, password = tmp_path / "new", tmp_path / "password"
    password.write_text("correct horse battery\n")
    arguments = ["--state", state, "--server", "http://127.0.0.1:9", "register", "ada"]
    arguments += ["--password-file", password, "--recovery-file", tmp_path / "code"]

    assert run(*arguments) == ExitCode.SERVER_UNREACHABLE
    store = open_store(state, None)
    first = store.setting("account")
    store.close()
    assert run(*arguments) == ExitCode.SERVER_UNREACHABLE

    store = open_store(state, None)
    assert store.setting("account") == first
    assert not (tmp_path / "code").exists()
    store.close()


def test_recovery_code_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    options = cli.parser().parse_args(["register", "ada", "--recovery-file", str(tmp_path / "code")])
    code = create_recovery_code()

    from peer_agent.cli_secrets import hand_over_recovery_code

    hand_over_recovery_code(options, "ada", code)

    assert stat.S_IMODE((tmp_path / "code").stat().st_mode) == 0o600
    assert (tmp_path / "code").read_text().strip().replace("-", "") == code
    assert len(grouped(code).split("-")) == 6


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, ExitCode.OK), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_signals_end_a_command_in_order(ada: Path, number: signal.Signals, exit_code: ExitCode) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "peer_agent", "--state", str(ada), "--json", "forward"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT_S)

    assert first["event"] == "session_closed"
    assert (process.returncode, errors) == (exit_code, "")


def test_defect_is_one_line_without_debug(
    ada: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(options: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(cli, "read_passphrase", fail)

    assert run("--state", ada, "status") == ExitCode.DEFECT
    assert capsys.readouterr().err.count("\n") == 1
    assert run("--state", ada, "--debug", "status") == ExitCode.DEFECT


def test_every_error_has_the_exit_code_of_the_spec() -> None:
    page = (ROOT / "docs/spec/agent.md").read_text()

    assert [code for code in ExitCode if f"| {code.value} |" not in page] == []
    codes = [kind("x").exit_code for kind in (StateInUse, ServerUnreachable, NotDelivered)]
    assert codes == [3, 5, 6]
    assert [kind("x").exit_code for kind in (ContactBlocked, UnknownUser, Refused)] == [7, 8, 9]


def test_first_failure_a_person_can_act_on_is_told() -> None:
    group = BaseExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [UnknownUser("No.")])])

    assert cli.root_of(group) == ("No.", ExitCode.UNKNOWN_USER)
    assert cli.root_of(ValueError("secret"))[1] is ExitCode.DEFECT
    assert "secret" not in cli.root_of(ValueError("secret"))[0]
    assert cli.root_of(AgentError("Said.")) == ("Said.", ExitCode.REFUSED)


def test_text_of_others_can_not_steer_the_terminal() -> None:
    assert shown_text("a\x1b[2Jb\r\u202ec\nd") == "a\ufffd[2Jb\ufffd\ufffdc\n    d"


@pytest.mark.parametrize(
    "text",
    [
        "👨\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧",
        "می\N{ZERO WIDTH NON-JOINER}خواهم",
        "❤\N{VARIATION SELECTOR-16}",
    ],
)
def test_signs_that_belong_together_stay_together(text: str) -> None:
    assert shown_text(text) == text


def test_tab_is_space() -> None:
    assert shown_text("a\tb") == "a    b"


def test_greeting_is_shown_like_any_text_of_others(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    greeting = "hi\nbo  contact\x1b[2J"
    store = open_store(ada, None)
    books = open_books(store, require_account(store))
    with store.transaction():
        olga = books.contacts.find("olga")
        assert olga is not None
        books.contacts.change(olga.number, state=ContactState.ASKING, greeting=greeting)
    store.close()

    run("--state", ada, "contacts")

    assert capsys.readouterr().out.splitlines() == [
        "bo  contact",
        "olga  asks to be a contact: hi",
        "    bo  contact\ufffd[2J",
    ]


def test_greeting_of_a_contact_is_not_shown_beside_what_we_know(
    ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(ada, None)
    books = open_books(store, require_account(store))
    with store.transaction():
        bo = books.contacts.require("bo")
        books.contacts.change(bo.number, greeting="verified")
    store.close()

    run("--state", ada, "contacts")

    assert "verified" not in capsys.readouterr().out


def test_json_output_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    Output(is_json=True).result("word", "", text="two\nlines", raw=b64_text(b"\x00"))

    assert capsys.readouterr().out.count("\n") == 1
