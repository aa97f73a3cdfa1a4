"""Direct links between real agents: agreed on both sides first, then no forwarder carries anything."""

import pytest

from peer_agent.errors import ExitCode
from tests.network.agents import Account, Agent
from tests.network.conftest import ADA, BO, FORWARDERS, Town
from tests.network.deliveries import bo_listens_to, hops_of

# The first of them waits for the town as well.
pytestmark = [pytest.mark.db, pytest.mark.timeout(300)]


def state_of(account: Account, name: str) -> str:
    """How far consent with a contact has come on one side."""
    found = [event for event in account.run("contacts") if event.get("user") == name]
    return str(found[0]["direct"])


def agree(town: Town) -> None:
    """Have ada ask and bo accept; the messages of that are routed. Before, nothing goes directly."""
    refused = town.ada.start("send", BO, "too early", "--direct")
    assert refused.finish() == ExitCode.UNKNOWN_USER
    town.forward(*FORWARDERS[:3])
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    town.ada.run("direct", BO, "--timeout", "50")
    bo.wait_for_event("direct_wish")
    bo.stop()
    ada = town.ada.start("listen", "--no-forward")
    ada.wait_for_event("online")
    town.bo.run("direct", ADA, "--accept", "--timeout", "50")
    ada.wait_for_event("direct_agreed")
    ada.stop()


@pytest.fixture(scope="module")
def agreed(town: Town) -> Town:
    agree(town)
    return town


def test_both_see_that_they_agreed(agreed: Town) -> None:
    assert (state_of(agreed.ada, BO), state_of(agreed.bo, ADA)) == ("accepted", "accepted")


def test_messages_arrive_once_and_in_order_and_no_forwarder_sees_a_cell(
    agreed: Town, bo_listens: Agent
) -> None:
    forwarders = agreed.forward(*FORWARDERS[:3])
    before = [agent.count("cells_passed") + agent.count("hop_ready") for agent in forwarders]
    texts = [f"directly {number}" for number in range(100)]

    told = agreed.ada.run("send", BO, "--direct", "--lines", "--timeout", "50", text="\n".join(texts))

    assert bo_listens.all_received(len(texts)) == texts
    assert len(hops_of(told)) == 1
    assert all(event["direct"] for event in told if event["event"] == "message_progress")
    assert [agent.count("cells_passed") + agent.count("hop_ready") for agent in forwarders] == before


@pytest.mark.long
def test_no_forwarder_is_needed(agreed: Town, bo_listens: Agent) -> None:
    agreed.forward()

    agreed.ada.run("send", BO, "alone", "--direct", "--timeout", "50")

    bo_listens.wait_for(lambda events: bo_listens_to(events, "alone"))


@pytest.mark.long
def test_routed_messages_do_not_go_directly(agreed: Town, bo_listens: Agent) -> None:
    agreed.forward()
    sending = agreed.ada.start("send", BO, "routed", "--timeout", "60")
    sending.wait_for(lambda events: any(event.get("waits_for") == "forwarders" for event in events))
    assert bo_listens.received() == []

    agreed.forward(*FORWARDERS[:3])

    assert sending.finish() == 0
    assert len(hops_of(sending.events)) == 4


@pytest.mark.long
def test_receiver_that_restarts_gets_the_rest(agreed: Town) -> None:
    bo = agreed.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    ada = agreed.ada.start("send", BO, "--direct", "--lines", "--timeout", "60")
    ada.write("before\n")
    bo.wait_for(lambda events: bo_listens_to(events, "before"))
    bo.kill()
    ada.write("after\n")
    ada.close_input()

    again = agreed.bo.start("listen", "--no-forward")

    assert ada.finish() == 0
    assert again.all_received(1)[-1] == "after"


@pytest.mark.long
def test_direct_message_for_somebody_offline_waits_and_says_so(agreed: Town) -> None:
    sending = agreed.ada.start("send", BO, "later", "--direct", "--timeout", "60")
    sending.wait_for(lambda events: any(event.get("waits_for") == "contact" for event in events))

    bo = agreed.bo.start("listen", "--no-forward")

    assert sending.finish() == 0
    assert bo.all_received(1) == ["later"]


@pytest.mark.long
def test_after_the_end_nothing_goes_directly(agreed: Town) -> None:
    agreed.forward(*FORWARDERS[:3])
    ada = agreed.ada.start("listen", "--no-forward")
    ada.wait_for_event("online")

    agreed.bo.run("direct", ADA, "--end", "--timeout", "50")

    ada.wait_for_event("direct_ended")
    ada.stop()
    assert (state_of(agreed.ada, BO), state_of(agreed.bo, ADA)) == ("none", "none")
    refused = agreed.ada.start("send", BO, "too late", "--direct")
    assert refused.finish() == ExitCode.UNKNOWN_USER
