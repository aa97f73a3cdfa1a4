"""Envelopes that the receiver can not open, and about which it says nothing: sealed anew after three days."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2p.protocol.ids import TransactionId
from p2p.protocol.to_peer import AttemptFailed
from p2p.protocol.words import Cause
from peer_agent.api import Api
from peer_agent.crypto.messages import Text
from peer_agent.crypto.sessions import Envelope
from peer_agent.handshakes import Handshakes
from peer_agent.history import Kept
from tests.peer_agent.delivery_town import Town, open_town

DAYS = 3.0
A_MINUTE = 1 / 1_440


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


class Sending:
    """ada's transaction, whose attempts the test counts."""

    def __init__(self, town: Town, tx: TransactionId) -> None:
        self.town, self.tx, self.attempt = town, tx, 1
        town.path(tx)

    def try_again(self) -> None:
        self.town.ada.parts.delivery.attempt_failed(
            AttemptFailed(self.tx, self.attempt, Cause.NO_RECEIPT, None)
        )
        self.attempt += 1
        self.town.path(self.tx, self.attempt)

    async def receipt(self) -> None:
        """Bring the next message to bo, and the receipt back."""
        self.town.receipt(self.tx, await self.town.arrive())


async def begin(town: Town, text: str = "hello") -> Sending:
    return Sending(town, await town.start(text))


def forget_sessions(town: Town) -> None:
    """Let the next envelope begin a session."""
    town.ada.store.change("DELETE FROM sessions")


async def fail_to_open(town: Town) -> None:
    """Bring bo a message after it lost private halves that the server still gives out."""
    envelope = await town.next_envelope()
    await lose_prekeys(town)
    assert town.bo.parts.inbox.take(envelope) is None


async def lose_prekeys(town: Town) -> None:
    town.bo.store.change("DELETE FROM prekeys")
    await town.bo.parts.prekeys.check()
    town.server.requests.clear()


async def test_first_envelope_without_its_prekeys_is_sealed_anew_and_arrives(town: Town) -> None:
    forget_sessions(town)
    sending = await begin(town)
    await fail_to_open(town)

    town.wait(DAYS)
    sending.try_again()
    await sending.receipt()

    await town.progress("delivered")
    assert town.shown() == ["hello"]
    assert [Envelope.unpack(each).header is None for each in town.envelopes] == [False, False]


async def test_form_of_less_than_three_days_is_sent_as_it_is(town: Town) -> None:
    forget_sessions(town)
    sending = await begin(town)
    await fail_to_open(town)

    town.wait(DAYS - A_MINUTE)
    sending.try_again()
    await town.arrive()

    assert town.envelopes[0] == town.envelopes[1]
    assert town.server.requests == []


async def test_receiver_with_an_older_store_gets_what_it_can_not_open_in_a_new_session(town: Town) -> None:
    town.bo.store.change("DELETE FROM sessions")
    sending = await begin(town)
    await fail_to_open(town)

    town.wait(DAYS)
    sending.try_again()
    await sending.receipt()

    assert town.shown() == ["hello"]
    assert Envelope.unpack(town.envelopes[0]).header is None


async def test_session_begun_anew_takes_no_one_time_prekeys(town: Town) -> None:
    forget_sessions(town)
    sending = await begin(town)
    await fail_to_open(town)
    stock = len(town.server.users["bo"].prekeys["one_time"])

    town.wait(DAYS)
    sending.try_again()
    await sending.receipt()

    assert [body["token"] for body in town.server.bodies("POST bundles")] == [None]
    assert len(town.server.users["bo"].prekeys["one_time"]) == stock > 0


async def test_order_and_number_of_messages_survive(town: Town) -> None:
    """The second of three had come and its receipt was lost: it is shown once, and in its place."""
    sending = await begin(town, "one")
    for text in ("two", "three"):
        town.ada.parts.delivery.send("bo", text)
    reached = [await town.next_envelope() for _ in range(3)]
    assert town.bo.parts.inbox.take(reached[1]) is not None
    assert town.shown() == []
    town.bo.store.change("DELETE FROM sessions")
    await lose_prekeys(town)

    town.wait(DAYS)
    sending.try_again()
    town.ada.parts.delivery.send("bo", "four")
    for _ in range(4):
        await sending.receipt()

    assert town.shown() == ["one", "two", "three", "four"]
    contact = town.ada.parts.books.contacts.require("bo").number
    assert town.ada.parts.books.history.undelivered(contact) == []
    assert len(town.server.bodies("POST bundles")) == 1


async def test_receiver_that_had_the_message_shows_it_once(town: Town) -> None:
    sending = await begin(town)
    late = await town.arrive()
    town.wait(DAYS)
    sending.try_again()
    again = await town.arrive()

    town.receipt(sending.tx, late)
    assert town.ada.parts.books.history.count(Kept.UNDELIVERED) == 1
    town.receipt(sending.tx, again)

    await town.progress("delivered")
    assert town.shown() == ["hello"]


async def test_swallowed_receipts_cause_one_handshake_in_three_days(town: Town) -> None:
    sending = await begin(town)
    await town.arrive()
    town.server.requests.clear()

    for _ in range(20):
        town.wait(0.5)
        sending.try_again()
        await town.arrive()

    assert [body["token"] for body in town.server.bodies("POST bundles")] == [None] * 3
    assert town.shown() == ["hello"]


async def test_contact_that_was_away_for_weeks_costs_one_handshake(town: Town) -> None:
    forget_sessions(town)
    sending = await begin(town)
    await fail_to_open(town)
    town.wait(10 * DAYS)
    for text in ("two", "three"):
        town.ada.parts.delivery.send("bo", text)

    sending.try_again()
    for _ in range(3):
        await sending.receipt()

    assert len(town.server.bodies("POST bundles")) == 1
    assert town.shown() == ["hello", "two", "three"]


async def test_form_stays_until_there_is_a_session_to_seal_in(town: Town) -> None:
    sending = await begin(town)
    await town.arrive()
    before = town.ada.store.rows("SELECT digest FROM envelopes")
    town.server.problems["POST bundles"] = (503, "unavailable")
    town.server.asked = type(town.server.asked)()

    town.wait(DAYS)
    sending.try_again()
    assert await town.server.asked.get() == "POST bundles"

    assert town.ada.store.rows("SELECT digest FROM envelopes") == before
    town.server.problems.clear()
    await sending.receipt()
    await town.progress("delivered")


async def test_session_that_the_contact_began_meanwhile_is_taken(town: Town) -> None:
    sending = await begin(town)
    await town.arrive()
    town.wait(DAYS)
    await write_in_a_new_session(town)
    town.server.requests.clear()

    sending.try_again()
    await sending.receipt()

    assert town.server.bodies("POST bundles") == []
    assert Envelope.unpack(town.envelopes[-1]).session_id != Envelope.unpack(town.envelopes[0]).session_id


async def write_in_a_new_session(town: Town) -> None:
    """Bring ada a message of bo's that begins a session."""
    bo = town.bo.parts.books
    ada = bo.contacts.require("ada")
    town.bo.store.change("DELETE FROM sessions")
    own, api = town.bo.account.device, Api(town.bo.rest)
    handshakes = Handshakes(own, api, bo, town.bo.parts.pins, town.time.clock(), town.bo.events.append)
    session = await handshakes.session_with(ada, ada.devices[0])
    with bo.store.transaction():
        stored = bo.history.write(ada.number, Text("me too"), now_ms=town.time.clock().unix_ms())
    sealed = bo.outbox.seal(stored, ada.devices[0], session, now_ms=town.time.clock().unix_ms())
    assert town.ada.parts.inbox.take(sealed.envelope) is not None
