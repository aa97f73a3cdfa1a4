"""Real messages through real forwarders, each its own process."""

from itertools import pairwise

import pytest

from p2p.protocol.limits import FORWARDERS as FORWARDERS_ON_A_PATH
from peer_agent.errors import ExitCode
from tests.network.agents import Agent
from tests.network.conftest import BO, FORWARDERS, Town
from tests.network.deliveries import bo_listens_to, hops_of


def test_message_passes_three_distinct_forwarders(town: Town, bo_listens: Agent) -> None:
    forwarders = town.forward(*FORWARDERS[:3])

    told = town.ada.run("send", BO, "hello", "--timeout", "40")

    bo_listens.wait_for(lambda events: bo_listens_to(events, "hello"))
    hops = hops_of(told)
    crossed = {
        (event["incoming"], event["outgoing"])
        for agent in forwarders
        for event in agent.events
        if event["event"] == "cells_passed"
    }
    assert crossed >= set(pairwise(hops))
    assert len(hops) == FORWARDERS_ON_A_PATH + 1
    assert all(agent.count("cells_passed") >= 1 for agent in forwarders)


@pytest.mark.db
def test_two_hundred_messages_arrive_once_and_in_order(town: Town, bo_listens: Agent) -> None:
    town.forward(*FORWARDERS[:3])
    texts = [f"message {number}" for number in range(200)]

    told = town.ada.run("send", BO, "--lines", "--timeout", "50", text="\n".join(texts))

    assert told[-1]["event"] == "delivered"
    assert told[-1]["count"] == len(texts)
    assert bo_listens.all_received(len(texts)) == texts


def test_message_waits_for_a_third_forwarder_and_never_takes_a_shorter_path(
    town: Town, bo_listens: Agent
) -> None:
    town.forward(*FORWARDERS[:2])
    sending = town.ada.start("send", BO, "patience", "--timeout", "60")
    sending.wait_for(lambda events: any(event.get("waits_for") == "forwarders" for event in events))
    waiting = [event["forwarders"] for event in sending.events if event.get("waits_for") == "forwarders"]
    assert waiting == [2]
    assert bo_listens.received() == []

    town.forward(*FORWARDERS[:3])

    assert sending.finish() == 0
    assert bo_listens.all_received(1) == ["patience"]


def test_message_for_somebody_offline_is_delivered_when_they_come(town: Town) -> None:
    town.forward(*FORWARDERS[:3])
    sending = town.ada.start("send", BO, "later", "--timeout", "60")
    sending.wait_for(lambda events: any(event.get("waits_for") == "contact" for event in events))

    bo = town.bo.start("listen", "--no-forward")

    assert sending.finish() == 0
    assert bo.all_received(1) == ["later"]
    assert bo.stop() == 0


def test_undelivered_message_goes_with_the_next_run(town: Town) -> None:
    town.forward(*FORWARDERS[:3])
    early = town.ada.start("send", BO, "first", "--timeout", "1")
    assert early.finish() == ExitCode.NOT_DELIVERED
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")

    town.ada.run("send", BO, "second", "--timeout", "50")

    bo.wait_for(lambda events: bo_listens_to(events, "second"))
    assert bo.received() == ["first", "second"]
    bo.stop()


def test_echo_comes_back(town: Town) -> None:
    town.forward(*FORWARDERS[:3])
    bo = town.bo.start("listen", "--no-forward", "--echo")
    ada = town.ada.start("listen", "--no-forward")
    ada.wait_for_event("online")
    ada.stop()
    bo.wait_for_event("online")

    town.ada.run("send", BO, "echo this", "--timeout", "50")
    ada = town.ada.start("listen", "--no-forward")

    ada.wait_for(lambda events: bo_listens_to(events, "echo this"))
    ada.stop()
    bo.stop()


def test_long_message_arrives_whole(town: Town, bo_listens: Agent) -> None:
    town.forward(*FORWARDERS[:3])
    text = "long " * 13_000

    town.ada.run("send", BO, "-", "--timeout", "50", text=text)

    assert bo_listens.all_received(1) == [text]
