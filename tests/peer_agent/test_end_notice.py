"""Commands that show no messages say at their end how many wait, however that end comes."""

import json
import signal
import subprocess
import sys

import pytest

from peer_agent.cli import main
from peer_agent.errors import ExitCode
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device

LIMIT_S = 30
WORDS = {1: "1 message waits", 2: "2 messages wait"}


def leave_unshown(ada: Device, bo: Device, count: int) -> str:
    """Have so many messages come that nobody showed; returns bo's state directory."""
    for number in range(count):
        bo.inbox.take(ada.write(bo, str(number)))
    bo.store.close()
    return str(bo.path)


@pytest.mark.parametrize("count", [1, 2])
def test_send_says_what_waits_although_it_failed(
    ada: Device, bo: Device, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    state = leave_unshown(ada, bo, count)

    assert main(["--state", state, "send", "ada", "hi", "--timeout", "0.1"]) != ExitCode.OK

    notice = f"mesa-peer: {WORDS[count]}: `mesa-peer listen` shows what came.\n"
    assert capsys.readouterr().err.startswith(notice)


def test_nothing_is_said_when_nothing_waits(
    ada: Device, bo: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    state = leave_unshown(ada, bo, 0)

    main(["--state", state, "--json", "send", "ada", "hi", "--timeout", "0.1"])

    assert "messages_waiting" not in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_forward_says_what_waits_when_it_is_stopped(ada: Device, bo: Device, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "peer_agent", "--state", leave_unshown(ada, bo, 2), "--json", "forward"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(number)
    said, _ = process.communicate(timeout=LIMIT_S)

    last = json.loads(said.splitlines()[-1])
    assert (last["event"], last["count"]) == ("messages_waiting", 2)
