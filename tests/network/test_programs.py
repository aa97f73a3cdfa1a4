"""Programs on the Python API beside real agents: the example bot, and one that registers itself."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peer_agent import About, ContactState, HistoryState, MessageReceived, Peer
from tests.live_tree import ROOT
from tests.network.agents import Agent, Event
from tests.network.conftest import ADA, BO, FORWARDERS, Town

BOT = ROOT / "docs/examples/echo_bot.py"
LIMIT_S = 90.0
PASSWORD = "correct horse battery"


@contextmanager
def running(bot: Path, state: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a bot as its page says."""
    process = subprocess.Popen(
        [sys.executable, str(bot), str(state)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_S)


async def next_text(peer: Peer) -> str:
    async with peer.events() as events:
        async for event in events:
            if isinstance(event, MessageReceived):
                return event.text
    raise AssertionError("the peer closed")


@pytest.mark.timeout(180)
async def test_example_bot_answers(town: Town) -> None:
    town.forward(*FORWARDERS[:3])

    with running(BOT, town.bo.state):
        async with Peer.open(town.ada.state, forwards=False) as ada, asyncio.timeout(LIMIT_S):
            sent = ada.send(BO, "Is anybody there?")
            await sent.delivered()
            assert await next_text(ada) == "Is anybody there?"

            assert ada.history(BO, last=2)[0].state is HistoryState.DELIVERED
            # Delivered already: nothing to wait for.
            await ada.delivered(BO, sent.number)


@pytest.mark.timeout(180)
async def test_program_registers_and_becomes_a_contact(town: Town, tmp_path: Path) -> None:
    state, code = tmp_path / "state", tmp_path / "code"
    await Peer.register(state, "olga-the-bot", PASSWORD, server=town.tree.url, recovery_file=code)

    async with Peer.open(state) as olga, Peer.open(town.ada.state, accepts_all=True) as ada:
        async with asyncio.timeout(LIMIT_S):
            assert (await olga.request(ada.user, "It is olga.")).state is ContactState.ASKED
            while olga.contacts()[0].state is not ContactState.ACCEPTED:
                await anext(olga.watching())

        assert olga.safety_number(ada.user) == ada.safety_number(olga.user)
        assert olga.verify(ada.user, ada.safety_number(olga.user)).verified
    assert code.stat().st_mode & 0o777 == 0o600


def command(word: str, **keys: object) -> str:
    return json.dumps({"id": word, "command": word, **keys}) + "\n"


def answer_to(agent: Agent, word: str) -> Event:
    """The result of a command, once it is answered."""
    agent.wait_for(lambda events: any(event.get("id") == word for event in events))
    result: Event = next(event for event in agent.events if event.get("id") == word)["result"]
    return result


@pytest.mark.timeout(180)
def test_program_in_another_language_sends_and_sees_why_it_waits(town: Town) -> None:
    town.forward(FORWARDERS[0])
    bo = town.bo.start("listen", "--no-forward")
    ada = town.ada.start("run", "--no-forward")
    ada.write(command("send", user=BO, text="by lines"))
    number = answer_to(ada, "send")["number"]
    ada.wait_for(lambda events: any(event.get("waits_for") == "forwarders" for event in events))

    ada.write(command("status"))
    findings = {each["about"]: each for each in answer_to(ada, "status")["findings"]}
    assert "waiting for forwarders, 1 of 3." in findings["outbox"]["why"]
    assert findings["forwarders"]["values"] == {"at_least": 0, "needed": 3}
    assert findings["server"]["good"]
    town.forward(*FORWARDERS[:3])
    ada.wait_for(
        lambda events: any(
            event.get("state") == "delivered" and event["number"] == number for event in events
        )
    )
    ada.write(command("stop"))

    assert ada.finish() == 0
    assert bo.all_received(1)[-1] == "by lines"


async def all_of_bos_are_delivered(town: Town) -> None:
    """Have both ends online until none of bo's messages waits: a program may end before a receipt came."""
    async with (
        Peer.open(town.bo.state, forwards=False) as bo,
        Peer.open(town.ada.state, forwards=False),
        asyncio.timeout(LIMIT_S),
        bo.watching() as happenings,
    ):
        while any(each.outgoing and each.state is not HistoryState.DELIVERED for each in bo.history(ADA)):
            await anext(happenings)


@pytest.mark.timeout(180)
def test_status_of_a_real_server_finds_nothing_wrong(town: Town) -> None:
    town.forward(*FORWARDERS[:3])
    asyncio.run(all_of_bos_are_delivered(town))

    (told,) = town.bo.run("status")

    assert [each["why"] for each in told["findings"] if not each["good"]] == []
    assert {each["about"] for each in told["findings"]} == set(About) - {About.DIRECTORY}
