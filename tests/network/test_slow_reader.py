"""Nobody reads what agents print: they forward, receive and end all the same, and no message is lost.

Spec: docs/spec/agent.md, section "Events"
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mesa.process_tree import tied_to_this_process
from tests.live_tree import ROOT
from tests.network.agents import Account
from tests.network.conftest import BO, FORWARDERS, Town

PIPE_BYTES = 4_096
READ_BYTES = 65_536
LIMIT_S = 60.0
# Goodbye, and a little patience with the reader.
ENDS_WITHIN_S = 15.0
MESSAGES = 12
TEXT = "words " * 200


class Muted:
    """An agent whose standard output is a pipe that is full before it begins."""

    def __init__(self, account: Account, *words: str) -> None:
        self._reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.write(writing, b" " * (PIPE_BYTES - 1) + b"\n")
        self._process = subprocess.Popen(
            account.command(*words),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            start_new_session=True,
            preexec_fn=tied_to_this_process(),
        )
        os.close(writing)

    def read_until(self, is_enough: Callable[[list[str]], bool]) -> list[str]:
        """Begin to read; returns the texts of the messages it shows, until there are enough."""
        raw = b""
        while piece := os.read(self._reading, READ_BYTES):
            raw += piece
            lines = raw.split(b"\n")[:-1]
            events = [json.loads(line) for line in lines if line.strip()]
            texts = [event["text"] for event in events if event["event"] == "message_received"]
            if is_enough(texts):
                return texts
        raise AssertionError("it ended before")

    def terminate(self) -> None:
        self._process.terminate()

    def exit_code(self) -> int:
        """Wait for its end."""
        return self._process.wait(ENDS_WITHIN_S)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._reading)


@pytest.fixture
def muted(town: Town) -> Iterator[Callable[..., Muted]]:
    """Starts agents nobody reads; all of them are gone afterwards."""
    town.forward()
    with ExitStack() as stack:

        def start(account: Account, *words: str) -> Muted:
            agent = Muted(account, *words)
            stack.callback(agent.close)
            return agent

        yield start


@pytest.mark.timeout(200)
def test_agents_nobody_reads_forward_and_receive_and_no_message_is_lost(
    town: Town, muted: Callable[..., Muted]
) -> None:
    forwarders = [muted(town.forwarders[name], "forward") for name in FORWARDERS[:3]]
    bo = muted(town.bo, "listen", "--no-forward")
    sent = [f"{number} {TEXT}" for number in range(MESSAGES)]

    # They are on bo's disk, more than his pipe holds.
    lines = "".join(f"{text}\n" for text in sent)
    town.ada.run("send", BO, "--lines", "--timeout", str(LIMIT_S), text=lines)
    for forwarder in forwarders:
        forwarder.terminate()
    shown = bo.read_until(lambda texts: len(texts) == MESSAGES)
    bo.terminate()

    assert [text.strip() for text in shown] == [text.strip() for text in sent]
    assert [agent.exit_code() for agent in (bo, *forwarders)] == [0] * 4


@pytest.mark.parametrize("words", [("forward",), ("listen", "--no-forward")])
def test_reader_that_is_gone_ends_the_command_in_order(town: Town, words: tuple[str, ...]) -> None:
    account = town.forwarders[FORWARDERS[0]]
    town.forward()
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        account.command(*words), cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, timeout=LIMIT_S
    )

    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")
