"""Every exit code of the spec, brought about by a real process that says why in one line.

Spec: docs/spec/agent.md, section "Exit codes"
"""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from peer_agent.account import ACCOUNT
from peer_agent.errors import ExitCode
from peer_agent.store import KEY_NAME
from tests.live_tree import ROOT
from tests.peer_agent.command_home import ENDED, LIMIT_S, Home, home
from tests.peer_agent.devices import Device

__all__ = ["home"]


def nothing(home: Home) -> None:
    """Leave everything well."""


def records_that_no_program_wrote(home: Home) -> None:
    home.change(lambda ada: ada.store.set_setting(ACCOUNT, b"[]"))


def login_that_ended(home: Home) -> None:
    home.server.problems = ENDED


def server_that_is_down(home: Home) -> None:
    home.server.problems = {"GET me": (503, "unavailable")}


def keys_that_changed(home: Home) -> None:
    def change(ada: Device) -> None:
        contact = ada.books.contacts.require("bo")
        ada.books.contacts.change(contact.number, is_unsafe=True)

    home.change(change)


def bo_who_is_away(home: Home) -> None:
    home.server.greets = True


def server_that_refuses(home: Home) -> None:
    home.server.problems = {"POST bundles": (429, "throttled")}


def damaged_key(home: Home) -> None:
    (home.path / KEY_NAME).write_bytes(b"damaged")


TABLE = [
    pytest.param(nothing, "status", ExitCode.OK, "", id="0 done"),
    pytest.param(
        records_that_no_program_wrote, "status", ExitCode.DEFECT, "--debug tells more", id="1 a defect"
    ),
    pytest.param(nothing, "status --server mesa", ExitCode.USAGE, "mesa", id="2 wrong command line"),
    pytest.param(login_that_ended, "status", ExitCode.LOGIN_REFUSED, "mesa-peer login", id="4 login ended"),
    pytest.param(
        server_that_is_down, "status", ExitCode.SERVER_UNREACHABLE, "can not serve", id="5 server down"
    ),
    pytest.param(
        nothing,
        "send bo hello --timeout 0.2",
        ExitCode.SERVER_UNREACHABLE,
        "Not delivered: the server does not answer. The message stays in the outbox",
        id="5 no socket",
    ),
    pytest.param(
        bo_who_is_away,
        "send bo hello --timeout 4",
        ExitCode.NOT_DELIVERED,
        "Not delivered in 4 s: still waiting for bo. The message stays in the outbox and goes with the next",
        id="6 not delivered",
    ),
    pytest.param(keys_that_changed, "send bo hello", ExitCode.BLOCKED, "bo", id="7 contact blocked"),
    pytest.param(nothing, "send olga hello", ExitCode.UNKNOWN_USER, "olga", id="8 no contact"),
    pytest.param(nothing, "request olga", ExitCode.UNKNOWN_USER, "no such user", id="8 no such user"),
    pytest.param(server_that_refuses, "request mallory", ExitCode.REFUSED, "Too many", id="9 refused"),
    pytest.param(damaged_key, "status", ExitCode.STORE_CLOSED, "", id="10 store closed"),
]


@pytest.mark.parametrize(("arrange", "command", "code", "said"), TABLE)
def test_command_ends_with_its_code_and_one_line(
    home: Home, arrange: Callable[[Home], None], command: str, code: ExitCode, said: str
) -> None:
    arrange(home)

    process = home.start(*command.split())
    _, errors = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, "Traceback" in errors) == (code, False), errors
    assert re.fullmatch(r"mesa-peer: .+\n" if code else "", errors), errors
    assert said in errors


def test_command_line_that_makes_no_sense_ends_with_its_code(home: Home) -> None:
    process = home.start("send")
    _, errors = process.communicate(timeout=LIMIT_S)

    assert process.returncode == ExitCode.USAGE
    assert "Traceback" not in errors


@contextmanager
def running(home: Home) -> Iterator["subprocess.Popen[str]"]:
    """An agent that holds the state directory."""
    process = home.start("--json", "forward")
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=LIMIT_S)


def test_second_agent_on_a_directory_names_the_first(home: Home) -> None:
    with running(home) as first:
        second = home.start("logout")
        _, errors = second.communicate(timeout=LIMIT_S)

    assert second.returncode == ExitCode.STATE_IN_USE
    assert errors == (
        f"mesa-peer: The state directory {home.path} is in use by process {first.pid} (mesa-peer forward). "
        "Stop it first: one agent works on a state directory at a time.\n"
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.OK), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_agent_that_is_stopped_ends_with_its_code(home: Home, number: signal.Signals, code: ExitCode) -> None:
    with running(home) as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)

    assert (process.returncode, errors) == (code, "")


def test_every_code_of_the_spec_is_brought_about_here() -> None:
    page = (ROOT / "docs/spec/agent.md").read_text()
    section = page.split("## Exit codes")[1].split("##")[0]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    shown = {row.values[2] for row in TABLE}

    assert documented == {code.value for code in ExitCode}
    # Two have tests of their own above; a disk is filled in tests/peer_agent/test_full_disk.py.
    assert documented - shown == {ExitCode.STATE_IN_USE, ExitCode.INTERRUPTED, ExitCode.STORE_FULL}
