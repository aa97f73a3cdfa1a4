"""What the device finds on its own disk: `status` tells of space, changed keys, and messages that wait."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from peer_agent.errors import ExitCode
from peer_agent.events import MessageProgress
from peer_agent.finding_local import Running, outbox_finding
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device
from tests.peer_agent.served import Served
from tests.peer_agent.status.told import Told, write_to_bo


def make_bo_unsafe(ada: Device) -> None:
    with ada.store.transaction():
        ada.books.contacts.change(ada.books.contacts.require("bo").number, is_unsafe=True)


def waits(waits_for: str, forwarders: int | None = None) -> MessageProgress:
    return MessageProgress(1, "bo", "waiting", 0, (), waits_for, forwarders)


def judge(ada: Device, running: Running, why: str, words: str) -> None:
    finding = outbox_finding(ada.books, running)
    assert words in finding.why
    assert finding.values["waiting"][0]["why"] == why


def test_contact_whose_keys_have_changed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.change(make_bo_unsafe)

    told = Told(served, capsys)

    assert told.says("contacts", "nothing is sent to bo") == {"unsafe": ["bo"]}
    assert "`mesa-peer verify bo`" in told.found["contacts"]["help"]
    assert told.says("outbox", "keys of bo have changed")["waiting"][0]["why"] == "keys"


def test_messages_that_wait(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.change(write_to_bo)

    told = Told(served, capsys)

    (waiting,) = told.says("outbox", "2 messages for bo, since ", "no agent runs")["waiting"]
    assert (waiting["user"], waiting["count"], waiting["why"]) == ("bo", 2, "no_run")
    assert waiting["since_ms"] == served.ada.time.clock().unix_ms()
    assert told.lines[0]["undelivered"] == 2


@pytest.mark.parametrize(
    ("running", "why", "words"),
    [
        (Running(), "under_way", "under way"),
        (Running(False, {}), "server", "no connection"),
        (Running(True, {}), "under_way", "under way"),
        (Running(True, {"bo": waits("forwarders", 1)}), "forwarders", "waiting for forwarders, 1 of 3."),
        (Running(True, {"bo": waits("contact")}), "contact", "waiting for bo."),
    ],
)
def test_running_agent_knows_why(served: Served, running: Running, why: str, words: str) -> None:
    served.change(write_to_bo)

    served.change(lambda ada: judge(ada, running, why, words))


def status_on_small_disk(served: Served, folder: Path, kib: int) -> "subprocess.CompletedProcess[str]":
    """Run `status` on a file system of its own of 8 MiB, with so much else on it."""
    folder.mkdir()
    script = f"""
        mount -t tmpfs -o size=8m none {folder} || exit 99
        cp -r {served.path} {folder}/ada
        head -c {kib}K /dev/zero >{folder}/filler 2>{folder}/filled
        exec {sys.executable} -m peer_agent --state {folder}/ada --json status
    """
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode == 99 or ran.stderr.startswith("unshare:"):
        pytest.skip(f"no file system of one's own can be mounted here: {ran.stderr.strip()}")
    return ran


def test_disk_with_little_space(served: Served, tmp_path: Path) -> None:
    ran = status_on_small_disk(served, tmp_path / "disk", 4_096)

    assert ran.returncode == ExitCode.OK, ran.stderr
    found = {each["about"]: each for each in json.loads(ran.stdout)["findings"]}
    assert not found["disk"]["good"]
    assert re.fullmatch(r"Only [1-4] MB are free where .*", found["disk"]["why"])
    assert found["server"]["good"]


def test_disk_that_is_full(served: Served, tmp_path: Path) -> None:
    ran = status_on_small_disk(served, tmp_path / "disk", 9_000)

    assert ran.returncode == ExitCode.STORE_FULL
    assert "There is no space left on the disk" in ran.stderr
