"""A device is lost: its owner comes back by the recovery code, and contacts go on. With real processes.

Spec: docs/spec/identity.md, and docs/spec/agent.md, section "Commands"
"""

from pathlib import Path

import pytest

from mesa.demo.agents import AgentFailed
from peer_agent.errors import ExitCode
from tests.network.agents import PASSWORD, Account, make_contacts, register
from tests.network.conftest import FORWARDERS, Town

ADA, BO = "ada-who-recovers", "bo-her-contact"
NEW_PASSWORD = "another correct horse"


def recover(lost: Account, folder: Path, password: str = NEW_PASSWORD) -> Account:
    """The same user on a new device, by the code that sign-up wrote into a file."""
    found = Account(lost.name, folder, lost.server)
    code = lost.folder / f"{lost.name}.code"
    found.run("recover", lost.name, "--recovery-file", str(code), "--password-stdin", text=f"{password}\n")
    return found


def refusal(account: Account, *words: str, text: str = "") -> str:
    with pytest.raises(AgentFailed) as failed:
        account.run(*words, text=text)
    return str(failed.value)


def test_user_comes_back_on_a_new_device(town: Town, tmp_path: Path) -> None:
    lost, bo = (register(town.tree.url, name, tmp_path) for name in (ADA, BO))
    make_contacts(lost, bo)
    town.forward(*FORWARDERS[:3])
    on_lost_device, bo_listens = (each.start("listen", "--no-forward") for each in (lost, bo))
    for agent in (on_lost_device, bo_listens):
        agent.wait_for_event("online")

    ada = recover(lost, tmp_path / "new")

    assert on_lost_device.finish() == ExitCode.LOGIN_REFUSED
    said = refusal(lost, "login", "--password-stdin", text=f"{NEW_PASSWORD}\n")
    assert "does not know this device any more" in said
    assert "refused" in refusal(ada, "login", "--password-stdin", text=f"{PASSWORD}\n")
    ada.run("request", BO)
    bo_listens.wait_for_event("contact_renewed")
    wait_until_accepted(ada)
    assert ada.run("send", BO, "I am back", "--timeout", "50")[-1]["event"] == "delivered"
    assert bo_listens.all_received(1) == ["I am back"]


def wait_until_accepted(ada: Account) -> None:
    listening = ada.start("listen", "--no-forward")
    listening.wait_for_event("contact_added")
    listening.stop()


def test_code_of_somebody_else_recovers_nothing(town: Town, tmp_path: Path) -> None:
    thief = Account(town.ada.name, tmp_path / "new", town.tree.url)
    code = str(town.bo.folder / f"{town.bo.name}.code")
    words = ("recover", town.ada.name, "--recovery-file", code, "--password-stdin")

    said = refusal(thief, *words, text=f"{NEW_PASSWORD}\n")

    assert "The server refused this name or recovery code." in said
    assert town.ada.run("status")[-1]["event"] == "status"


def test_password_is_changed_by_the_one_of_before(town: Town, tmp_path: Path) -> None:
    user = register(town.tree.url, "f7-who-changes", tmp_path)
    words, both = ("password", "--password-stdin", "--new-password-stdin"), f"{PASSWORD}\n{NEW_PASSWORD}\n"

    assert user.run(*words, text=both)[-1]["event"] == "password_changed"

    assert user.run("status")[-1]["event"] == "status"
    assert "The password is wrong." in refusal(user, *words, text=both)
    user.run("login", "--password-stdin", text=f"{NEW_PASSWORD}\n")


def test_forgotten_password_is_replaced_by_the_recovery_code(town: Town, tmp_path: Path) -> None:
    user = register(town.tree.url, "f8-who-forgets", tmp_path)
    code = str(tmp_path / f"{user.name}.code")
    words = ("password", "--forgotten", "--recovery-file", code, "--new-password-stdin")

    user.run(*words, text=f"{NEW_PASSWORD}\n")

    assert user.run("status")[-1]["event"] == "status"
    user.run("login", "--password-stdin", text=f"{NEW_PASSWORD}\n")
