"""Database or store is away in mid-traffic: who asks is told in time, and nothing is lost or doubled.

On servers of their own, PostgreSQL and Redis, with two web processes and a worker.
Spec: docs/spec/rest.md, section "Terms and notation"; docs/spec/signaling.md, section "Close codes"
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from p2p.protocol.errors import Unavailable
from tests.network.agents import Agent, Event
from tests.network.conftest import BO, FORWARDERS, Servers, Town, build_town
from tests.network.deliveries import Sender, forwarder_on, has_session
from tests.network.probes import ANSWERED_WITHIN_S, Answered, Prober, new_transaction, prober_of
from tests.servers import PostgreSQL, Redis, running
from tests.waiting import wait_for

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

BATCH = 10
BACK_WITHIN_S = 20.0
# The server can not serve; or it could not be asked to renew a login.
ENDS_IN_ORDER = {"4503", "unreachable"}


@dataclass(frozen=True)
class Place:
    """A town, its servers, and somebody who asks it for things by hand."""

    town: Town
    database: PostgreSQL
    store: Redis
    prober: Prober

    def readiness_says(self, **parts: bool) -> bool:
        """Tell whether the probe names just these parts as missing."""
        found = self.prober.readiness()
        return found is not None and parts.items() <= found.items()

    def wait_until_ready(self) -> None:
        wait_for(lambda: self.prober.readiness() is None, limit_s=BACK_WITHIN_S)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as stack:
        database, store = stack.enter_context(running(PostgreSQL)), stack.enter_context(running(Redis))
        assert isinstance(database, PostgreSQL)
        assert isinstance(store, Redis)
        town = stack.enter_context(build_town(tmp_path_factory, Servers(database, store)))
        prober = prober_of(town.forwarders[FORWARDERS[-1]])
        stack.callback(prober.close)
        yield Place(town, database, store, prober)


Outage = Callable[[Place], None]


def kill_store(place: Place) -> None:
    place.store.kill()


def hold_store(place: Place) -> None:
    place.store.pause()


def kill_database(place: Place) -> None:
    place.database.kill()


def hold_database(place: Place) -> None:
    place.database.pause()


@contextmanager
def outage(place: Place, begin: Outage) -> Iterator[None]:
    begin(place)
    try:
        yield
    finally:
        for server in (place.database, place.store):
            server.resume()
            if not server.answers():
                server.start()


OUTAGES = [
    pytest.param(kill_store, {"store": False, "worker": False}, id="store killed"),
    pytest.param(kill_database, {"database": False, "store": True}, id="database killed"),
    pytest.param(
        hold_database, {"database": False, "store": True}, id="database held", marks=pytest.mark.long
    ),
    pytest.param(hold_store, {"store": False, "worker": False}, id="store held", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("begin", "missing"), OUTAGES)
def test_outage_is_said_and_nothing_is_lost_or_doubled(
    place: Place, begin: Outage, missing: dict[str, bool]
) -> None:
    town = place.town
    town.forward(*FORWARDERS[:4])
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    sender = Sender(town.ada.start("send", BO, "--lines", "--timeout", "150"))
    sender.write(BATCH)
    sender.wait_for_receipts(BATCH // 2)

    with outage(place, begin):
        # So that a path has to be found while nothing can be looked up.
        town.running.pop(forwarder_on(sender.path(), town)).kill()
        sender.write(BATCH)
        answers = place.prober.ask_all()
        end = place.prober.end_of_socket()
        told = place.readiness_says(**missing)
    place.wait_until_ready()

    sender.write(BATCH)
    sender.wait_for_receipts(3 * BATCH)
    sender.agent.close_input()
    assert sender.agent.finish() == 0
    assert bo.all_received(3 * BATCH) == sender.texts
    assert (told, end) == (True, Unavailable.close_code)
    assert_refused_in_time(answers)
    assert_sockets_are_back([bo, sender.agent, *town.running.values()])
    assert_no_failure(town)


def test_restart_of_the_database_is_passed_over(place: Place) -> None:
    place.prober.ask_all(times=4)

    place.database.restart()

    place.wait_until_ready()
    assert {answer.status for answer in place.prober.ask_all(times=4)} == {200, 202}
    assert_no_failure(place.town)


def test_locked_table_stops_who_needs_it_and_no_one_else(place: Place) -> None:
    """A statement that waits is given up; what was refused can be asked for again, under the same id."""
    wanted = new_transaction()
    with place.database.locked("p2p_p2ptransaction"):
        refused = place.prober.ask("POST", "/api/p2p/transactions/", wanted)
        others = place.prober.ask("GET", "/api/accounts/me/")
        ready = place.prober.readiness()

    again = place.prober.ask("POST", "/api/p2p/transactions/", wanted)

    assert_refused_in_time([refused])
    assert (others.status, ready, again.status) == (200, None, 202)
    assert_no_failure(place.town)


def assert_refused_in_time(answers: list[Answered]) -> None:
    assert [answer for answer in answers if not answer.is_refusal_in_order] == []
    assert max(answer.took_s for answer in answers) < ANSWERED_WITHIN_S


def assert_sockets_are_back(agents: list[Agent]) -> None:
    """Sockets were left open, or closed as the page says, and their peers came back by themselves."""
    for agent in agents:
        if not agent.has_ended:
            agent.wait_for(has_session)
        assert {end for end in socket_ends(agent.events) if end not in ENDS_IN_ORDER} == set()


def socket_ends(events: list[Event]) -> list[str]:
    return [event["cause"] for event in events if event["event"] == "session_closed"]


def assert_no_failure(town: Town) -> None:
    """No request and no socket ended in a fault of the server."""
    words = ("Internal Server Error", "Exception inside application")
    assert [line for line in town.tree.lines if any(word in line for word in words)] == []
