"""What `mesa-peer` asks on a terminal: it can be left at once, and says in words what was wrong.

Spec: docs/spec/agent.md, section "Commands"
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from peer_agent.cli_secrets import TRIES
from peer_agent.errors import ExitCode
from peer_agent.sign_up import RECOVERY
from peer_agent.store import open_store
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device
from tests.terminal import Terminal

PASSWORD = "correct horse battery"
AT_ONCE_S = 5.0
CTRL_C, CTRL_D = "\x03", "\x04"


@dataclass
class Home:
    """A state directory."""

    path: Path

    @contextmanager
    def run(self, *words: str) -> Iterator[Terminal]:
        command = [sys.executable, "-m", "peer_agent", "--state", str(self.path), *words]
        with Terminal(command, directory=ROOT) as terminal:
            yield terminal


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A state directory that is not there yet."""
    return Home(tmp_path / "new")


@pytest.fixture
def registered(tmp_path: Path) -> Home:
    """ada's: there is an account, and its recovery code is not confirmed yet."""
    device = Device(tmp_path / "ada", "ada")
    device.store.set_setting(RECOVERY, b"ABCDEFGHJKMNPQRSTVWXYZ0123")
    device.store.close()
    return Home(device.path)


@pytest.mark.parametrize("words", [("register", "ada"), ("login",)])
def test_ctrl_c_at_the_password_ends_at_once(
    registered: Home, tmp_path: Path, words: tuple[str, ...]
) -> None:
    home = Home(tmp_path / "new") if words[0] == "register" else registered
    with home.run(*words) as terminal:
        terminal.wait_for("Password")

        terminal.type(CTRL_C)

        assert terminal.wait(limit_s=AT_ONCE_S) == ExitCode.INTERRUPTED
        assert "Traceback" not in terminal.text


def test_end_of_input_at_the_password_is_said(home: Home) -> None:
    with home.run("register", "ada") as terminal:
        terminal.wait_for("Password (at least 10 characters): ")

        terminal.type(CTRL_D)

        assert terminal.wait(limit_s=AT_ONCE_S) == ExitCode.USAGE
        assert terminal.text.endswith("mesa-peer: No password was given.\n")


def test_short_password_is_said_and_asked_for_again(home: Home) -> None:
    with home.run("register", "ada") as terminal:
        for _ in range(TRIES):
            terminal.wait_for("Password (at least 10 characters): ")
            terminal.type("too short\n")

        assert terminal.wait(limit_s=AT_ONCE_S) == ExitCode.USAGE
        assert terminal.text.count("The password has fewer than 10 characters.\n") == TRIES
        assert "too short" not in terminal.text


def test_two_passwords_that_differ_are_said_and_asked_for_again(home: Home) -> None:
    with home.run("register", "ada", "--server", "http://127.0.0.1:9") as terminal:
        terminal.wait_for("Password")
        terminal.type(f"{PASSWORD}\n")
        terminal.wait_for("again")

        terminal.type("another horse battery\n")
        terminal.wait_for("The two passwords differ.")
        terminal.wait_for("Password")
        terminal.type(f"{PASSWORD}\n")
        terminal.wait_for("again")
        terminal.type(f"{PASSWORD}\n")

        assert terminal.wait(limit_s=AT_ONCE_S) == ExitCode.SERVER_UNREACHABLE


@pytest.mark.parametrize(
    ("typed", "code"),
    [(CTRL_C, ExitCode.INTERRUPTED), (CTRL_D, ExitCode.USAGE), ("x\nx\nx\n", ExitCode.USAGE)],
)
def test_recovery_code_that_was_not_typed_back_is_shown_again(
    registered: Home, typed: str, code: ExitCode
) -> None:
    for _ in range(2):
        with registered.run("register", "ada") as terminal:
            terminal.wait_for("Recovery code of ada.")
            terminal.wait_for("brings your account back when this device is lost")
            terminal.wait_for("then type it here: ")

            terminal.type(typed)

            assert terminal.wait(limit_s=AT_ONCE_S) == code
            assert "Traceback" not in terminal.text


def test_recovery_code_that_was_typed_back_is_forgotten(registered: Home) -> None:
    with registered.run("register", "ada") as terminal:
        terminal.wait_for("then type it here: ")
        shown = re.search(r"^ {4}(\S+)$", terminal.text, re.MULTILINE)
        assert shown is not None

        terminal.type(f"{shown[1].lower()}\n")
        terminal.wait()

    store = open_store(registered.path, None)
    assert store.setting(RECOVERY) is None
    store.close()
