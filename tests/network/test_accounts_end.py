"""What ends between users, or with a server: blocks, removals, full disks, servers that have forgotten.

Spec: docs/spec/agent.md
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mesa.demo.agents import AgentFailed
from tests.live_tree import LiveTree
from tests.network.agents import PASSWORD, Account, Agent, make_contacts, register
from tests.network.conftest import FORWARDERS, Town

# The first of them waits until the town is built.
pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

DISK_KIB = 2_048
UNDELIVERED_S = "6"
LIMIT_S = "50"


def refusal(account: Account, *words: str, text: str = "") -> str:
    with pytest.raises(AgentFailed) as failed:
        account.run(*words, text=text)
    return str(failed.value)


def listen(account: Account) -> Agent:
    agent = account.start("listen", "--no-forward")
    agent.wait_for_event("online")
    return agent


def pair(town: Town, folder: Path, *names: str) -> tuple[Account, Account]:
    """Two contacts, and forwarders between them."""
    one, other = (register(town.tree.url, name, folder) for name in names)
    make_contacts(one, other)
    town.forward(*FORWARDERS[:3])
    return one, other


@pytest.mark.db
def test_blocked_contact_sees_somebody_offline_until_the_unblocking(town: Town, tmp_path: Path) -> None:
    ada, bo = pair(town, tmp_path, "ada-blocked", "bo-who-blocks")
    bo.run("block", ada.name)
    listening = listen(bo)

    said = refusal(ada, "send", bo.name, "while blocked", "--timeout", UNDELIVERED_S)
    assert f"still waiting for {bo.name}" in said
    assert listening.received() == []
    listening.stop()

    bo.run("unblock", ada.name)
    listening = listen(bo)
    assert ada.run("send", bo.name, "afterwards", "--timeout", LIMIT_S)[-1]["event"] == "delivered"

    assert listening.all_received(2) == ["while blocked", "afterwards"]


@pytest.mark.db
def test_removed_account_is_gone_here_and_there_and_looks_offline(town: Town, tmp_path: Path) -> None:
    ada, bo = pair(town, tmp_path, "ada-who-stays", "bo-who-leaves")
    bo.password_file.write_text(f"{PASSWORD}\n")

    bo.run("remove-account", "--yes", "--password-file", str(bo.password_file))

    assert not bo.state.exists()
    said = refusal(ada, "send", bo.name, "hello", "--timeout", UNDELIVERED_S)
    assert f"still waiting for {bo.name}" in said
    again = Account(bo.name, tmp_path / "again", bo.server)
    code = str(tmp_path / "again.code")
    words = ("register", bo.name, "--password-stdin", "--recovery-file", code)
    assert "That user name is taken." in refusal(again, *words, text=f"{PASSWORD}\n")


# --- Disks without space ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with little space."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Callable[[], None]:
    """Leave no space; returns what makes it again."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    return (disk / "filler").unlink


def test_receiver_on_a_full_disk_stays_and_goes_on_when_there_is_space(
    town: Town, tmp_path: Path, small_disk: Path
) -> None:
    bo = register(town.tree.url, "bo-on-a-disk", small_disk)
    ada = register(town.tree.url, "ada-off-it", tmp_path)
    make_contacts(ada, bo)
    town.forward(*FORWARDERS[:3])
    listening = listen(bo)
    make_space = fill(small_disk)

    refusal(ada, "send", bo.name, "x" * 30_000, "--timeout", UNDELIVERED_S)
    listening.wait_for_event("disk_full")
    assert (listening.has_ended, listening.received()) == (False, [])

    make_space()
    assert ada.run("send", bo.name, "afterwards", "--timeout", LIMIT_S)[-1]["event"] == "delivered"
    assert listening.all_received(2) == ["x" * 30_000, "afterwards"]


def test_sender_on_a_full_disk_refuses_and_loses_nothing(
    town: Town, tmp_path: Path, small_disk: Path
) -> None:
    ada = register(town.tree.url, "ada-on-a-disk", small_disk)
    bo = register(town.tree.url, "bo-off-it", tmp_path)
    make_contacts(ada, bo)
    town.forward(*FORWARDERS[:3])
    listening = listen(bo)
    make_space = fill(small_disk)

    said = refusal(ada, "send", bo.name, "x" * 60_000, "--timeout", LIMIT_S)
    assert "There is no space left on the disk" in said

    make_space()
    assert ada.run("send", bo.name, "afterwards", "--timeout", LIMIT_S)[-1]["event"] == "delivered"
    assert listening.all_received(1) == ["afterwards"]


# --- Servers without memory ---------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[LiveTree]:
    made = LiveTree(tmp_path / "tree")
    made.state_dir.mkdir()
    made.start()
    yield made
    made.stop()


def test_server_that_was_set_up_anew_is_told_and_history_stays(tree: LiveTree, tmp_path: Path) -> None:
    ada, bo = (register(tree.url, name, tmp_path) for name in ("ada", "bo"))
    make_contacts(ada, bo)
    refusal(ada, "send", "bo", "hello", "--timeout", "2")

    tree.stop()
    for path in tree.state_dir.glob("mesa.sqlite3*"):
        path.unlink()
    tree.start()

    for words in (("status",), ("listen",), ("send", "bo", "more", "--timeout", "2")):
        assert "does not know this device any more" in refusal(ada, *words)
    assert "hello" in [event["text"] for event in ada.run("history")]
    assert [event["user"] for event in ada.run("contacts")] == ["bo"]


def test_server_with_another_secret_needs_a_new_login_and_nothing_more(
    tree: LiveTree, tmp_path: Path
) -> None:
    ada = register(tree.url, "ada", tmp_path)
    tree.stop()
    tree.more_environment = {"MESA_SECRET_KEY": "another secret of this server " + "x" * 40}
    tree.start()

    assert "The login has ended: run `mesa-peer login`." in refusal(ada, "status")
    ada.run("login", "--password-stdin", text=f"{PASSWORD}\n")
    assert ada.run("status")[-1]["event"] == "status"
