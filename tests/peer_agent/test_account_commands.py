"""Commands about the account and about people who are not welcome, as a person meets them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from peer_agent.contact_book import ContactState
from peer_agent.errors import ExitCode
from tests.live_tree import ROOT
from tests.peer_agent.command_home import ENDED, Home, home, run
from tests.peer_agent.devices import Device
from tests.peer_agent.listening_server import PASSWORD
from tests.terminal import Terminal

__all__ = ["home", "run"]


@pytest.fixture
def password(tmp_path: Path) -> Sequence[str]:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return ("--password-file", str(path))


def files(home: Home) -> list[str]:
    return sorted(path.name for path in home.path.iterdir()) if home.path.exists() else []


def test_block_and_unblock_say_what_they_do(run: Any) -> None:
    blocked, listed = run("block", "bo"), run("contacts")
    refused, unblocked = run("send", "bo", "hello"), run("--json", "unblock", "bo")

    assert (blocked.code, blocked.out) == (
        0,
        "bo is blocked, and is not told: for them you are offline.\n",
    )
    assert listed.out == "bo  contact; blocked: `mesa-peer unblock bo`\n"
    assert (refused.code, "mesa-peer unblock bo" in refused.err) == (ExitCode.BLOCKED, True)
    assert unblocked.code == 0
    assert {key: unblocked.objects[-1][key] for key in ("event", "user")} == {
        "event": "unblocked",
        "user": "bo",
    }


def test_who_was_asked_has_to_be_asked_again_after_an_unblocking(home: Home, run: Any) -> None:
    home.change(lambda ada: ask(ada, b"t" * 32))
    asked = run("contacts")
    home.change(lambda ada: ask(ada, None))

    assert "asked, no answer yet" in asked.out
    assert run("contacts").out == "bo  has to be asked again: `mesa-peer request bo`\n"
    assert "`mesa-peer request bo` asks again" in run("send", "bo", "hello").err


def ask(ada: Device, token: bytes | None) -> None:
    contact = ada.books.contacts.find("bo")
    assert contact is not None
    ada.books.contacts.change(contact.number, state=ContactState.ASKED, my_token=token)


def test_block_without_the_server_says_what_is_missing(home: Home, run: Any) -> None:
    home.change(give_token)
    home.server.problems = {"DELETE tokens": (503, "unavailable")}

    said = run("block", "bo")

    assert said.code == ExitCode.SERVER_UNREACHABLE
    assert "Blocked here" in said.err
    assert run("--json", "contacts").objects[0]["blocked"] is True


def give_token(ada: Device) -> None:
    contact = ada.books.contacts.require("bo")
    record = ada.store.seal("tokens", bytes(32), bytes(32))
    ada.store.change("INSERT INTO tokens VALUES (?, 1, ?, ?)", (bytes(32), contact.number, record))


@pytest.mark.parametrize(
    "words", [("ignore", "bo"), ("ignore", "olga"), ("block", "olga"), ("unblock", "olga")]
)
def test_who_does_not_ask_or_is_not_there_is_no_such_user(run: Any, words: Sequence[str]) -> None:
    assert run(*words).code == ExitCode.UNKNOWN_USER


def test_settings_show_and_change_who_finds_the_name(run: Any) -> None:
    before, after = run("--json", "settings"), run("settings", "--visibility", "hidden")

    assert before.objects[0]["visibility"] == "prefix"
    assert "found by nobody but who has your fingerprint" in after.out
    assert before.objects[0]["fingerprint"] in after.out


def test_settings_refuse_devices_without_ml_kem_and_take_it_back(run: Any) -> None:
    before, refused = run("--json", "settings"), run("settings", "--suite-2", "refuse")
    kept, accepted = run("--json", "settings"), run("--json", "settings", "--suite-2", "accept")

    assert "Devices without ML-KEM are refused." in refused.out
    told = [each.objects[0]["refuses_suite_2"] for each in (before, kept, accepted)]
    assert told == [False, True, False]


def test_request_with_the_fingerprint_of_an_invitation(home: Home, run: Any) -> None:
    fingerprint = "ab" * 32

    said = run("request", "bo2", "--fingerprint", fingerprint)

    assert said.code == ExitCode.UNKNOWN_USER
    (body,) = home.server.bodies("POST bundles")
    assert body["fingerprint"] == "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"


def test_fingerprint_of_somebody_else_is_refused(home: Home, run: Any, tmp_path: Path) -> None:
    olga = Device(tmp_path / "olga", "olga")
    home.server.add(olga.account)
    olga.store.close()

    said = run("request", "olga", "--fingerprint", "ab" * 32)

    assert said.code == ExitCode.BLOCKED
    assert "another fingerprint" in said.err


def test_account_is_removed_with_everything_here(home: Home, run: Any, password: Sequence[str]) -> None:
    said = run("--json", "remove-account", "--yes", *password)

    assert (said.code, said.objects[-1]["event"]) == (0, "account_removed")
    assert files(home) == []
    assert home.server.knows is False


def test_wrong_password_removes_nothing(home: Home, run: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another correct horse\n")

    said = run("remove-account", "--yes", "--password-file", str(wrong))

    assert (said.code, "The password is wrong" in said.err) == (ExitCode.LOGIN_REFUSED, True)
    assert "mesa.sqlite3" in files(home)


def test_without_a_terminal_removal_needs_a_yes(home: Home, run: Any, password: Sequence[str]) -> None:
    said = run("remove-account", *password)

    assert (said.code, "--yes" in said.err) == (ExitCode.USAGE, True)
    assert home.server.knows is True
    assert "mesa.sqlite3" in files(home)


@pytest.mark.parametrize(("typed", "code"), [("bo\n", ExitCode.USAGE), ("Ada\n", ExitCode.OK)])
def test_removal_is_confirmed_by_typing_the_name(
    home: Home, password: Sequence[str], typed: str, code: ExitCode
) -> None:
    command = [sys.executable, "-m", "peer_agent", "--state", str(home.path), "remove-account", *password]
    with Terminal(command, directory=ROOT) as terminal:
        terminal.wait_for("Type the user name to confirm: ")
        terminal.type(typed)

        assert terminal.wait() == code

    assert bool(files(home)) is bool(code)


def test_what_is_here_can_be_removed_without_the_server(home: Home, run: Any) -> None:
    home.server.down = True

    said = run("remove-account", "--local-only", "--yes")

    assert (said.code, files(home)) == (0, [])


def test_what_is_not_ours_stays_in_the_directory(home: Home, run: Any) -> None:
    (home.path / "notes.txt").write_text("mine")

    run("remove-account", "--local-only", "--yes")

    assert files(home) == ["notes.txt"]


# --- A server that has forgotten ----------------------------------------------------------------------------


def test_server_that_does_not_know_the_device_is_told_apart(home: Home, run: Any) -> None:
    home.server.problems, home.server.knows = dict(ENDED), False

    said = run("status")

    assert said.code == ExitCode.LOGIN_REFUSED
    assert "does not know this device any more" in said.err
    assert "mesa-peer history" in said.err
    assert "! http" in said.out
    assert "mesa-peer login" not in said.out


def test_login_that_ended_says_how_to_log_in(home: Home, run: Any) -> None:
    home.server.problems = dict(ENDED)

    said = run("status")

    assert (said.code, said.err) == (
        ExitCode.LOGIN_REFUSED,
        "mesa-peer: The login has ended: run `mesa-peer login`.\n",
    )


def test_server_that_can_not_be_asked_again_changes_no_word(home: Home, run: Any) -> None:
    home.server.problems = {**ENDED, "POST known": (503, "unavailable")}

    assert "The login has ended" in run("status").err


def test_history_and_contacts_are_readable_without_an_account(home: Home, run: Any) -> None:
    home.change(lambda ada: write(ada, "hello"))
    home.server.problems, home.server.knows = dict(ENDED) | {"GET prekeys": (401, "not_authenticated")}, False

    history, contacts = run("--json", "history"), run("--json", "contacts")

    assert [each["text"] for each in history.objects] == ["hello"]
    assert [each["user"] for each in contacts.objects] == ["bo"]


def test_contacts_are_readable_after_a_logout(home: Home, run: Any) -> None:
    home.change(lambda ada: ada.store.set_setting("tokens", None))

    contacts = run("--json", "contacts")

    assert (contacts.code, [each["user"] for each in contacts.objects]) == (0, ["bo"])


def write(ada: Device, text: str) -> None:
    from peer_agent.crypto.messages import Text

    ada.books.history.write(ada.books.contacts.require("bo").number, Text(text), now_ms=1)
