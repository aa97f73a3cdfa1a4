"""Whole paths between five homes, and what everybody on them hears of the sender's address."""

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.nat.capture import capturing
from tests.nat.conftest import FORWARDERS, Street
from tests.nat.lab import MESA, TURN, Home, Lab, Nat
from tests.nat.packets import TCP, Packet, find
from tests.network.agents import Event
from tests.network.conftest import ADA, BO

pytestmark = pytest.mark.nat

TEXT = "from the last house in the street"


@dataclass
class Story:
    """What was heard at each home while ada wrote to bo, and which forwarders stood next to her."""

    heard: dict[str, list[Packet]]
    told: list[Event]
    next_to_ada: set[str]

    def found(self, home: Home, at: Collection[str]) -> dict[str, set[str]]:
        """Where a home's addresses were found, and in which ways."""
        ways = {
            name: find(home.lan, self.heard[name]) | find(home.wan, self.heard[name]) for name in sorted(at)
        }
        return {name: found for name, found in ways.items() if found}

    @property
    def away_from_ada(self) -> set[str]:
        return {BO, *FORWARDERS} - self.next_to_ada


def tell(lab: Lab, street: Street, *, hidden: Collection[str] = ()) -> Story:
    """Have ada send one message to bo; who is hidden goes through TURN alone."""
    with ExitStack() as stack:
        captures = stack.enter_context(capturing(lab))
        started = {}
        for name in (*FORWARDERS, BO):
            command = ("forward",) if name in FORWARDERS else ("listen", "--no-forward")
            started[name] = street.accounts[name].start(*command, choice(name, hidden))
            stack.callback(started[name].stop)
        for agent in started.values():
            agent.wait_for_event("online")
        told = street.accounts[ADA].run("send", BO, TEXT, "--timeout", "40", choice(ADA, hidden))
        assert started[BO].all_received(1) == [TEXT]
        for agent in started.values():
            agent.stop()
        first_hops = {event["hops"][0] for event in told if event.get("hops")}
        next_to_ada = {
            name
            for name, agent in started.items()
            if any(event.get("incoming") in first_hops for event in agent.events)
        }
        return Story({name: capture.packets() for name, capture in captures.items()}, told, next_to_ada)


def choice(name: str, hidden: Collection[str]) -> str:
    return "--relay-only" if name in hidden else "--no-relay-only"


@pytest.mark.parametrize("nat", [Nat.CONE, pytest.param(Nat.SYMMETRIC, marks=pytest.mark.long)])
def test_only_the_first_forwarder_hears_the_senders_address(lab: Lab, street: Street, nat: Nat) -> None:
    lab.translate(nat)

    story = tell(lab, street)

    ada = lab.homes[ADA]
    assert story.found(ada, story.away_from_ada) == {}
    assert len(story.away_from_ada & set(FORWARDERS)) == 2
    # The same search finds it where it is: in descriptions, and in what STUN and TURN say.
    assert {"text", "STUN"} <= story.found(ada, story.next_to_ada)[min(story.next_to_ada)]
    assert {"header", "masked text"} <= story.found(ada, {ADA})[ADA]


def test_nobody_hears_the_address_of_a_sender_who_is_relay_only(lab: Lab, street: Street) -> None:
    lab.translate(Nat.SYMMETRIC)

    story = tell(lab, street, hidden={ADA, BO})

    for name in (ADA, BO):
        home = lab.homes[name]
        assert story.found(home, {*lab.homes} - {name}) == {}
        left = {(each.protocol == TCP, each.target) for each in story.heard[name] if each.source == home.lan}
        assert left == {(True, MESA), (False, TURN)}


@pytest.mark.long
def test_path_opens_though_everybody_is_relay_only(lab: Lab, street: Street) -> None:
    lab.translate(Nat.CONE)

    story = tell(lab, street, hidden=lab.homes)

    for name, home in lab.homes.items():
        assert story.found(home, {*lab.homes} - {name}) == {}


def test_server_says_nothing_of_logins_and_addresses(lab: Lab, street: Street) -> None:
    """After the stories above, at the most talkative level."""
    said = street.tree.output

    assert "ready" in said
    addresses = [address for home in lab.homes.values() for address in (home.lan, home.wan)]
    assert not [secret for secret in (*addresses, "the-secret-of-the-lab") if secret in said]
