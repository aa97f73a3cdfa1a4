"""Who stands next to ada and bo, with real agents: the two guards of each, whatever happens to these."""

from collections.abc import Iterator

import pytest

from p2p.protocol.fields import b64_text
from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.config import Config
from peer_agent.desk import read_store
from peer_agent.guards import GUARDS
from tests.network.agents import Account, Agent, Event
from tests.network.conftest import BO, FORWARDERS, Town, forget_guards
from tests.network.deliveries import hops_of
from tests.waiting import wait_for

MESSAGES = 3
MANY_MESSAGES = 30

# The first of them waits until the town is built.
pytestmark = pytest.mark.timeout(300)


class Street:
    """All forwarders of the town, bo who listens, and what was seen of the paths that led to him."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ada_said: list[Event] = []
        self.ada_logged = ""
        self.bo_said: list[Event] = []
        self.forwarders: list[Agent] = []
        self.neighbours: list[tuple[str, str]] = []
        self.start()
        self.listen()

    def start(self) -> None:
        """Start who does not run."""
        self.forwarders += [agent for agent in self.town.forward(*FORWARDERS) if agent not in self.forwarders]

    def listen(self) -> None:
        self.bo = self.town.bo.start("listen", "--no-forward")
        self.bo.wait_for_event("online")

    def part_guards(self) -> None:
        """See to it that ada and bo do not have the same two guards: when one died, no path could be."""
        ada = self.town.ada.start("listen", "--no-forward")
        of_ada = self._guards_of(ada)
        ada.stop()
        while self._guards_of(self.bo) == of_ada:
            self.bo.stop()
            forget_guards(self.town.bo)
            self.listen()

    def _guards_of(self, agent: Agent) -> set[str]:
        wait_for(lambda: len(self.at_standing_links(agent.events)) == GUARDS, limit_s=30)
        return self.at_standing_links(agent.events)

    def kill(self, name: str) -> None:
        self.town.running.pop(name).kill()

    def deliver(self) -> tuple[str, str]:
        """Send one message by a run of its own; returns who forwarded first and who last."""
        return self.finish(self.send())

    def send(self) -> Agent:
        return self.town.ada.start("send", BO, "hello", "--timeout", "40", "--debug")

    def finish(self, ada: Agent) -> tuple[str, str]:
        assert ada.finish() == 0
        self.ada_said += ada.events
        self.ada_logged += ada.errors
        hops = hops_of(ada.events)
        return self._passed(incoming=hops[0]), self._passed(outgoing=hops[-1])

    def at_standing_links(self, said: list[Event]) -> set[str]:
        """Whom an agent has for a guard, by what both ends say of their links."""
        links = {event["link"] for event in said if event["event"] == "guard_link"}
        return {
            agent.name
            for agent in self.forwarders
            if any(event["event"] == "link_opened" and event["link"] in links for event in agent.events)
        }

    def _passed(self, **hop: str) -> str:
        wanted = {"event": "cells_passed", **hop}
        found: list[str] = []

        def look() -> bool:
            found.extend(
                agent.name
                for agent in self.forwarders
                if any(wanted.items() <= event.items() for event in agent.events)
            )
            return bool(found)

        wait_for(look)
        return found[0]


def tickets_of(account: Account) -> list[bytes]:
    with read_store(Config(account.state)) as store:
        return list(open_books(store, require_account(store)).guards.tickets())


@pytest.fixture(scope="module")
def street(town: Town) -> Iterator[Street]:
    """Over which some messages went already."""
    made = Street(town)
    made.part_guards()
    made.neighbours = [made.deliver() for _ in range(MESSAGES)]
    yield made
    made.bo.stop()


@pytest.mark.db
def test_every_path_begins_at_a_guard_of_adas_and_ends_at_one_of_bos_over_restarts(street: Street) -> None:
    street.bo.stop()
    before = street.bo.events
    street.listen()
    first, last = zip(*street.neighbours, street.deliver(), strict=True)

    adas, bos = street.at_standing_links(street.ada_said), street.at_standing_links(before)
    assert len(adas) == len(bos) == GUARDS
    assert set(first) <= adas
    assert set(last) <= bos
    assert street.at_standing_links(street.bo.events) <= bos


@pytest.mark.db
@pytest.mark.long
@pytest.mark.timeout(600)
def test_guards_stay_over_many_messages(street: Street) -> None:
    first, last = zip(*(street.deliver() for _ in range(MANY_MESSAGES)), strict=True)

    assert set(first) == street.at_standing_links(street.ada_said)
    assert set(last) == street.at_standing_links(street.bo.events)


def test_dead_guard_is_replaced_by_the_other_one_and_two_dead_ones_by_nobody(street: Street) -> None:
    one, other = sorted(street.at_standing_links(street.ada_said))
    tickets = tickets_of(street.town.ada)

    street.kill(one)
    assert street.deliver()[0] == other
    street.kill(other)
    waiting = street.send()
    waiting.wait_for(lambda events: any(event.get("waits_for") == "forwarders" for event in events))
    paths = [event["hops"] for event in waiting.events if event.get("hops")]
    street.start()

    assert street.finish(waiting)[0] in (one, other)
    assert paths == []
    assert tickets_of(street.town.ada) == tickets


def test_no_ticket_is_said_or_logged(street: Street) -> None:
    tickets = tickets_of(street.town.ada)
    said = street.ada_logged + str(street.ada_said) + street.town.tree.output

    assert len(tickets) == GUARDS
    for ticket in tickets:
        for piece in (b64_text(ticket), b64_text(ticket[1:9]), ticket.hex(), ticket[1:9].hex()):
            assert piece not in said
