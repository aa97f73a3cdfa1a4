"""`mesa-peer verify`: what it shows, what it asks, and what it takes for an answer.

Spec: docs/spec/agent.md, section "Commands"
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from peer_agent import cli
from peer_agent.account import Account, save_account, save_tokens
from peer_agent.clock import Clock
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import Suite, create_device, safety_number
from peer_agent.errors import ExitCode
from peer_agent.rest import Tokens
from peer_agent.state_dir import locked, prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device, acquaint, make_account
from tests.peer_agent.fake_server import LATER, Party
from tests.peer_agent.households import recovered, show, with_device, with_new_code
from tests.peer_agent.listening_server import Server, listening
from tests.terminal import Terminal

LIMIT_S = 20.0


@dataclass
class Home:
    """ada's state directory, closed; bo is her contact, and somebody else is who bo could be instead."""

    ada: Device
    bo: Account
    other: Account
    server: Server

    def run(self, *words: str) -> int:
        return cli.main(["--state", str(self.ada.path), *words])

    @contextmanager
    def terminal(self, *words: str) -> Iterator[Terminal]:
        command = [sys.executable, "-m", "peer_agent", "--state", str(self.ada.path), *words]
        with Terminal(command, directory=ROOT) as terminal:
            yield terminal

    def number(self, account: Account | None = None) -> str:
        return safety_number(self.ada.account.identity, (account or self.bo).identity)

    def change(self, **fields: Any) -> None:
        self.ada.open()
        with self.ada.store.transaction():
            self.ada.books.contacts.change(self.ada.books.contacts.require("bo").number, **fields)
        self.ada.store.close()

    @property
    def is_verified(self) -> bool:
        self.ada.open()
        contact = self.ada.books.contacts.find("bo")
        self.ada.store.close()
        assert contact is not None
        return contact.is_verified


@pytest.fixture
def home(tmp_path: Path) -> Home:
    ada = Device(tmp_path / "ada", "ada")
    bo = Device(tmp_path / "bo", "bo", time=ada.time)
    acquaint(ada, bo)
    for device in (ada, bo):
        device.store.close()
    return Home(ada, bo.account, make_account("bo", ada.time.clock()), Server())


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Objects on standard output, without their times."""
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [{key: value for key, value in each.items() if key != "time"} for each in objects]


def test_safety_number_is_shown(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("verify", "bo") == ExitCode.OK

    assert capsys.readouterr().out == (
        f"Safety number with bo: {home.number()} (not verified: compare it over another way).\n"
    )
    assert not home.is_verified


def test_number_that_is_the_same_verifies(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("verify", "bo", "--number", home.number().replace(" ", "")) == ExitCode.OK

    assert capsys.readouterr().out == f"Safety number with bo: {home.number()} (verified).\n"
    assert home.is_verified


def test_number_is_shown_beside_a_running_agent_and_not_compared(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(home.ada.path, "mesa-peer listen"):
        assert home.run("verify", "bo") == ExitCode.OK
        said = capsys.readouterr()
        assert home.run("verify", "bo", "--number", home.number()) == ExitCode.STATE_IN_USE

    assert home.number() in said.out
    assert "(mesa-peer listen). Stop it first" in said.err
    assert not home.is_verified


def test_number_that_is_another_is_said(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("verify", "bo", "--number", home.number(home.other)) == ExitCode.BLOCKED

    assert "somebody may stand between you" in capsys.readouterr().err
    assert not home.is_verified


def test_json_has_the_keys_of_the_spec(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.run("--json", "verify", "bo")

    assert printed(capsys) == [
        {
            "event": "verify",
            "user": "bo",
            "safety_number": home.number(),
            "verified": False,
            "danger": None,
            "shown_safety_number": None,
        }
    ]


def test_who_is_no_contact_can_not_be_verified(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.run("verify", "olga") == ExitCode.UNKNOWN_USER

    assert "mesa-peer request olga" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "verified"), [("yes", True), ("no", False), ("\x04", False)])
def test_terminal_asks_whether_the_number_is_the_same(home: Home, answer: str, *, verified: bool) -> None:
    with home.terminal("verify", "bo") as terminal:
        terminal.wait_for(home.number())
        terminal.wait_for("Does bo see the same? [yes/no] ")

        terminal.type(answer if answer == "\x04" else f"{answer}\n")

        assert terminal.wait(limit_s=LIMIT_S) == ExitCode.OK
    assert home.is_verified is verified


def other_keys(home: Home) -> Account:
    return home.other


def cut_short(home: Home) -> Account:
    home.change(chain=with_new_code(home.bo).chain)
    return home.bo


def fork(home: Home) -> Account:
    home.change(chain=with_device(home.bo).chain)
    return with_device(home.bo)


def rubbish(home: Home) -> Account:
    return replace(home.bo, chain=pack_chain([b"rubbish"]))


DANGERS: dict[str, Callable[[Home], Account]] = {
    "other_keys": other_keys,
    "rolled_back": cut_short,
    "forked": fork,
    "unreadable": rubbish,
}
WORDS = {
    "other_keys": "The keys of bo have changed.",
    "rolled_back": "The server shows an older state of bo's devices than it did before.",
    "forked": "Two lists of bo's devices contradict each other.",
    "unreadable": "The keys that are shown for bo do not verify.",
}


@pytest.mark.parametrize("danger", DANGERS)
def test_danger_is_told_in_words(home: Home, danger: str, capsys: pytest.CaptureFixture[str]) -> None:
    home.change(is_unsafe=True, shown=DANGERS[danger](home).chain)

    assert home.run("verify", "bo") == ExitCode.BLOCKED

    said = capsys.readouterr().err
    assert said.startswith(f"mesa-peer: {WORDS[danger]} Nothing is sent to them.")
    assert "mesa-peer verify bo --accept-new" in said


@pytest.mark.parametrize("danger", DANGERS)
def test_danger_is_told_to_programs(home: Home, danger: str, capsys: pytest.CaptureFixture[str]) -> None:
    home.change(is_unsafe=True, shown=DANGERS[danger](home).chain)

    assert home.run("--json", "verify", "bo") == ExitCode.BLOCKED

    told, error = printed(capsys)
    assert (told["danger"], error["exit_code"]) == (danger, ExitCode.BLOCKED)
    assert told["shown_safety_number"] == (home.number(home.other) if danger == "other_keys" else None)


def test_both_numbers_are_shown_when_keys_changed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.change(is_unsafe=True, shown=home.other.chain)

    home.run("verify", "bo")

    said = capsys.readouterr().err
    assert f"Safety number before: {home.number()}." in said
    assert f"Safety number now: {home.number(home.other)}." in said


def test_number_does_not_verify_a_contact_whose_keys_changed(home: Home) -> None:
    home.change(is_unsafe=True, shown=home.other.chain)

    assert home.run("verify", "bo", "--number", home.number()) == ExitCode.BLOCKED
    assert not home.is_verified


def test_there_is_nothing_to_accept_when_nothing_changed(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert home.run("verify", "bo", "--accept-new") == ExitCode.USAGE

    assert capsys.readouterr().err == "mesa-peer: Nothing is wrong with the keys of bo.\n"


def test_list_of_contacts_says_who_is_verified(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.change(is_verified=True)

    home.run("contacts")

    assert capsys.readouterr().out == "bo  contact; verified\n"


def test_list_of_contacts_says_whose_keys_changed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.change(is_unsafe=True)

    home.run("contacts")

    assert capsys.readouterr().out == (
        "bo  contact; keys have changed, nothing is sent: `mesa-peer verify bo`\n"
    )


def test_list_of_contacts_says_who_lacks_post_quantum_keys(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.change(chain=with_device(home.bo, create_device(), suite=Suite.CLASSICAL).chain)

    home.run("contacts")
    home.run("--json", "contacts")

    line, told = capsys.readouterr().out.splitlines()
    assert line == "bo  contact; not protected against future quantum computers"
    assert json.loads(told)["suite"] == Suite.CLASSICAL


async def leave_prekeys(server: Server, account: Account, folder: Path) -> None:
    async with Tasks() as tasks:
        with closing(open_store(prepare_state_dir(folder), None)) as store:
            await Party(account, store, server, Clock(), tasks).look()


@pytest.fixture
def served(home: Home, tmp_path: Path) -> Iterator[Home]:
    """The same, at a server that shows ada somebody else by bo's name."""
    server = home.server
    for account in (home.ada.account, home.other):
        server.add(account)
    asyncio.run(leave_prekeys(server, home.other, tmp_path / "other"))
    with listening(server, "ada") as address:
        home.ada.open()
        with home.ada.store.transaction():
            save_account(home.ada.store, replace(home.ada.account, server=address))
            save_tokens(home.ada.store, Tokens(LATER, "refresh"))
        home.ada.store.close()
        home.change(is_unsafe=True, shown=home.other.chain)
        yield home


def test_decision_of_a_program_is_carried_out(served: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.run("--json", "verify", "bo", "--accept-new") == ExitCode.OK

    assert printed(capsys) == [
        {"event": "new_keys_accepted", "user": "bo", "state": "asked", "verified": False}
    ]
    assert served.run("verify", "bo") == ExitCode.OK
    assert served.number(served.other) in capsys.readouterr().out


def test_decision_with_the_new_number_verifies(served: Home) -> None:
    assert served.run("verify", "bo", "--accept-new", "--number", served.number(served.other)) == ExitCode.OK

    assert served.is_verified


def test_decision_with_the_old_number_is_refused(served: Home) -> None:
    assert served.run("verify", "bo", "--accept-new", "--number", served.number()) == ExitCode.BLOCKED

    assert served.run("verify", "bo") == ExitCode.BLOCKED


def test_terminal_shows_both_numbers_before_the_decision(served: Home) -> None:
    with served.terminal("verify", "bo", "--accept-new") as terminal:
        terminal.wait_for(served.number(served.other))
        terminal.wait_for("Go on with what is shown now? [yes/no] ")
        assert served.number() in terminal.text

        terminal.type("yes\n")

        assert terminal.wait(limit_s=LIMIT_S) == ExitCode.OK
        assert "bo was asked to be a contact again, and has to accept." in terminal.text


def test_no_on_the_terminal_changes_nothing(served: Home) -> None:
    with served.terminal("verify", "bo", "--accept-new") as terminal:
        terminal.wait_for("Go on with what is shown now? [yes/no] ")

        terminal.type("no\n")

        assert terminal.wait(limit_s=LIMIT_S) == ExitCode.USAGE
    assert served.run("verify", "bo") == ExitCode.BLOCKED


def test_status_says_that_the_own_identity_is_the_same(
    served: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    served.run("--json", "status")

    assert printed(capsys)[-1]["identity"] == "same"


def test_status_keeps_a_longer_list_of_ones_own(served: Home, capsys: pytest.CaptureFixture[str]) -> None:
    later = with_new_code(served.ada.account)
    show(served.server, later)

    served.run("--json", "status")
    served.run("--json", "status")

    assert [each["identity"] for each in printed(capsys)] == ["extended", "same"]


@pytest.mark.parametrize("whose", ["a stranger's", "without this device"])
def test_status_warns_of_another_identity_of_ones_own(
    served: Home, whose: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_account("ada", served.ada.time.clock())
    show(served.server, other if whose == "a stranger's" else recovered(served.ada.account))

    assert served.run("status") == ExitCode.OK

    assert "The server shows another identity of yours than this device has" in capsys.readouterr().out
