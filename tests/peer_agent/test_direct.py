"""Direct links between two agents: opened by proofs of both, refused in silence; a lie is noticed."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.cells import Fragment, LinkFrame, direct_cell
from p2p.protocol.ids import HopId, LinkId, OfferId, StreamId, TransactionId
from p2p.protocol.to_peer import AttemptFailed, PathReady
from p2p.protocol.to_server import Complete, DirectAnswer, Repath
from p2p.protocol.words import Cause
from peer_agent.contact_book import DirectState
from peer_agent.direct_links import MAX_DIRECT_LINKS, MAX_LINKS_OF_CONTACT
from peer_agent.errors import ContactBlocked, NoDirectLinks
from peer_agent.events import DirectUnsafe, LinkClosed, LinkOpened
from peer_agent.history import Kept
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFailed, aiortc_factory
from tests.peer_agent.direct_town import HOP, LIMIT_S, DirectTown, open_direct_town
from tests.peer_agent.fake_server import Party


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[DirectTown]:
    async with open_direct_town(tmp_path) as made:
        made.agree()
        yield made


class Mallory:
    """Somebody between: a connection of its own, with a certificate of its own."""

    def __init__(self) -> None:
        self.received: list[bytes | str] = []
        self.opened = asyncio.Event()
        callbacks = Callbacks(self.opened.set, lambda: None, self.received.append, lambda: None)
        self.transport = AiortcTransport(callbacks, ())


def with_fingerprints_of(description: str, other: str) -> str:
    """A description that leads where it led, and claims the certificate of another one."""
    claimed = [line for line in other.splitlines() if line.startswith("a=fingerprint:sha-256")]
    kept = [line for line in description.splitlines() if not line.startswith("a=fingerprint:sha-256")]
    at = next(at for at, line in enumerate(kept) if line.startswith("a=fingerprint:"))
    return "\r\n".join([*kept[:at], *claimed, *kept[at:]]) + "\r\n"


def links_of(party: Party) -> int:
    """How many direct links a party has, offered ones too."""
    assert party.direct_links is not None
    return len(party.direct_links._lines)


def state_at(town: DirectTown, party: Party, name: str) -> DirectState:
    return town.contact(party, name).direct


async def test_message_goes_over_one_link_and_its_receipt_ends_the_wait(town: DirectTown) -> None:
    offer = await town.open()
    await town.arrive(offer.tx)

    event = await town.progress("delivered")

    assert (event.to, event.attempt, event.hops, event.direct) == ("bo", 1, (HOP,), True)
    assert town.shown() == ["hello"]
    assert len(town.ada.server.bodies("POST direct")) == 1
    assert town.ada.server.bodies("POST transactions") == []


async def test_many_messages_cross_in_order(town: DirectTown) -> None:
    offer = await town.open("0")
    for number in range(1, 20):
        town.ada.parts.delivery.send("bo", str(number), is_direct=True)

    for _ in range(20):
        await town.arrive(offer.tx)

    assert town.shown() == [str(number) for number in range(20)]


@pytest.mark.parametrize("state", [each for each in DirectState if each is not DirectState.ACCEPTED])
async def test_without_consent_of_the_sender_nothing_is_accepted(
    town: DirectTown, state: DirectState
) -> None:
    town.agree(ada=state)

    with pytest.raises(NoDirectLinks):
        town.ada.parts.delivery.send("bo", "hello", is_direct=True)

    assert town.ada.parts.books.history.count(Kept.UNDELIVERED_DIRECT) == 0


@pytest.mark.parametrize("state", [each for each in DirectState if each is not DirectState.ACCEPTED])
async def test_who_did_not_consent_says_nothing_and_opens_nothing(
    town: DirectTown, state: DirectState
) -> None:
    offer = await town.offered()
    town.agree(bo=state)
    before = list(town.bo.events)

    town.bo.parts.direct.asked(town.asked(offer))

    assert links_of(town.bo) == 0
    assert town.bo.events == before
    assert state_at(town, town.bo, "ada") is state


async def test_unknown_token_is_met_with_silence(town: DirectTown) -> None:
    offer = await town.offered()

    town.bo.parts.direct.asked(replace(town.asked(offer), token=bytes(32)))

    assert links_of(town.bo) == 0


async def test_offer_of_somebody_between_is_not_answered_and_is_told(town: DirectTown) -> None:
    mallory = Mallory()
    offer = await town.offered()

    town.bo.parts.direct.asked(town.asked(replace(offer, sdp=await mallory.transport.offer())))

    assert DirectUnsafe("ada") in town.bo.events
    assert state_at(town, town.bo, "ada") is DirectState.UNSAFE
    assert town.bo_says.empty()
    assert links_of(town.bo) == 0
    await mallory.transport.close()


async def test_answer_of_somebody_between_is_not_used_and_is_told(town: DirectTown) -> None:
    mallory = Mallory()
    offer = await town.offered()
    town.bo.parts.direct.asked(town.asked(offer))
    answer = replace(await town.answered(), sdp=await mallory.transport.answer(offer.sdp))

    town.ada.parts.delivery.direct_ready(town.ready(offer, answer))

    assert (await town.progress("blocked")).direct
    assert DirectUnsafe("bo") in town.ada.events
    assert state_at(town, town.ada, "bo") is DirectState.UNSAFE
    assert links_of(town.ada) == 0
    assert not mallory.opened.is_set()
    assert mallory.received == []
    # The message is still there, and routed ones go on.
    assert town.ada.parts.books.history.count(Kept.UNDELIVERED_DIRECT) == 1
    assert not town.contact(town.ada, "bo").is_unsafe
    await mallory.transport.close()


async def test_own_offer_sent_back_is_not_answered(town: DirectTown) -> None:
    offer = await town.offered()
    back = replace(town.asked(offer), token=next(iter(town.ada.parts.books.contacts.watched())))

    town.ada.parts.direct.asked(back)

    assert state_at(town, town.ada, "bo") is DirectState.UNSAFE
    assert links_of(town.ada) == 0


async def test_answer_to_another_offer_is_not_used(town: DirectTown) -> None:
    """A server that brings an earlier answer: its proof covers the offer, too."""
    first = await town.offered()
    town.bo.parts.direct.asked(town.asked(first))
    answer = await town.answered()
    town.ada.parts.delivery.direct_ready(town.ready(first, answer))
    town.ada.parts.delivery.attempt_failed(AttemptFailed(first.tx, 1, Cause.HOP_FAILED, None))
    second = await town.next_offer()

    town.ada.parts.delivery.direct_ready(replace(town.ready(second, answer), attempt=2))

    assert state_at(town, town.ada, "bo") is DirectState.UNSAFE


async def test_answer_to_an_offer_that_was_replaced_asks_for_another(town: DirectTown) -> None:
    offer = await town.offered()
    town.bo.parts.direct.asked(town.asked(offer))
    ready = town.ready(offer, await town.answered())

    town.ada.parts.delivery.direct_ready(replace(ready, offer=OfferId(bytes(8))))

    assert await _said(town, Repath) == Repath(offer.tx, 1)
    assert state_at(town, town.ada, "bo") is DirectState.ACCEPTED


async def test_certificate_that_is_not_the_proved_one_opens_no_link(town: DirectTown) -> None:
    """Mallory passes the proof on, and puts itself in place of bo's candidates and keys."""
    mallory = Mallory()
    offer = await town.offered()
    town.bo.parts.direct.asked(town.asked(offer))
    answer = await town.answered()
    forged = with_fingerprints_of(await mallory.transport.answer(offer.sdp), answer.sdp)

    town.ada.parts.delivery.direct_ready(town.ready(offer, replace(answer, sdp=forged)))

    assert await asyncio.wait_for(town.lost.get(), LIMIT_S) == HOP
    assert links_of(town.ada) == 0
    assert not any(isinstance(event, LinkOpened) for event in town.ada.events)
    assert mallory.received == []
    await mallory.transport.close()


async def test_direct_message_takes_no_path(town: DirectTown) -> None:
    offer = await town.offered()
    hops = tuple(HopId(bytes([at]) * 8) for at in range(4))
    device = town.ready(offer, DirectAnswer(HOP, "", bytes(32))).device
    path = PathReady(offer.tx, 1, device, bytes(117), (bytes(32),) * 3, hops, LinkId(bytes(16)))

    town.ada.parts.delivery.path_ready(path)

    assert state_at(town, town.ada, "bo") is DirectState.ACCEPTED
    assert not town.contact(town.ada, "bo").is_unsafe
    assert town.ada.store.rows("SELECT COUNT(*) FROM envelopes") == [(0,)]


async def test_routed_message_takes_no_direct_link(town: DirectTown) -> None:
    offer = await town.offered("direct")
    town.bo.parts.direct.asked(town.asked(offer))
    answer = await town.answered()
    town.ada.parts.delivery.send("bo", "routed")
    async with asyncio.timeout(LIMIT_S):
        while not town.ada.server.bodies("POST transactions"):
            await town.ada.server.asked.get()
    (body,) = town.ada.server.bodies("POST transactions")
    of_routed = replace(town.ready(offer, answer), tx=TransactionId(uuid.UUID(body["id"])))

    town.ada.parts.delivery.direct_ready(of_routed)

    assert town.ada.store.rows("SELECT COUNT(*) FROM envelopes") == [(0,)]
    town.ada.parts.delivery.direct_ready(town.ready(offer, answer))
    await town.arrive(offer.tx)
    assert town.shown() == ["direct"]


@pytest.mark.parametrize("who", ["ada", "bo"])
async def test_either_side_ends_it_at_once(town: DirectTown, who: str) -> None:
    offer = await town.open()
    await town.arrive(offer.tx)
    ender, other = (town.ada, "bo") if who == "ada" else (town.bo, "ada")

    ender.parts.direct.end(other)

    assert links_of(ender) == 0
    assert state_at(town, ender, other) is DirectState.NONE
    async with asyncio.timeout(LIMIT_S):
        while not isinstance(await town.of_links.get(), LinkClosed):
            pass


async def test_message_whose_consent_ends_stays_and_goes_with_the_next(town: DirectTown) -> None:
    offer = await town.offered()
    town.ada.parts.direct.end("bo")
    await town.progress("blocked")
    assert isinstance(await _said(town, Complete), Complete)

    town.agree()
    town.ada.parts.direct.changed(town.contact(town.ada, "bo").number)

    again = await town.next_offer()
    assert again.tx != offer.tx


async def test_lost_link_is_offered_anew(town: DirectTown) -> None:
    offer = await town.open()
    town.ada.parts.delivery.attempt_failed(AttemptFailed(offer.tx, 1, Cause.HOP_FAILED, None))

    again = await town.next_offer()

    assert (again.tx, again.id != offer.id) == (offer.tx, True)
    assert again.sdp != offer.sdp


async def test_who_has_changed_keys_is_not_asked(town: DirectTown) -> None:
    town.ada.parts.pins.block(town.contact(town.ada, "bo").number)

    with pytest.raises(ContactBlocked):
        town.ada.parts.direct.ask("bo")
    with pytest.raises(ContactBlocked):
        town.ada.parts.delivery.send("bo", "hello", is_direct=True)
    town.ada.parts.direct.end("bo")
    assert state_at(town, town.ada, "bo") is DirectState.NONE


async def _said(town: DirectTown, kind: type) -> object:
    async with asyncio.timeout(LIMIT_S):
        while True:
            frame = await town.ada_says.get()
            if isinstance(frame, kind):
                return frame


async def test_frames_for_another_hop_and_cells_with_an_end_are_dropped(town: DirectTown) -> None:
    offer = await town.open()
    await town.arrive(offer.tx)
    links = town.ada.direct_links
    assert links is not None
    (link,) = links._lines
    good, bad = (Fragment(StreamId(bytes(8)), 0, 1, body).pack() for body in (b"good", b"bad"))

    for hop, cell in (
        (HopId(b"another!"), direct_cell(bad)),
        (HOP, direct_cell(bad)[:-1] + b"\x01"),
        (HOP, direct_cell(good)),
    ):
        assert links.send(link, LinkFrame(hop, cell).pack())

    # In order on one channel: what came before the good one was dropped.
    assert await asyncio.wait_for(town.payloads.get(), LIMIT_S) == (HOP, good)


async def test_through_turn_alone_no_other_way_is_offered(town: DirectTown) -> None:
    links = town.ada.direct_links
    assert links is not None
    links.use(aiortc_factory((), turn_only=True))

    with pytest.raises(TransportFailed):
        await links.offer(1)

    assert links_of(town.ada) == 0


async def test_number_of_direct_links_is_bounded(town: DirectTown) -> None:
    links = town.ada.direct_links
    assert links is not None
    links.use(lambda callbacks: Silent())
    made = [(await links.offer(contact))[0] for contact in range(MAX_DIRECT_LINKS + 1)]

    assert links_of(town.ada) == MAX_DIRECT_LINKS
    assert set(made) - links._lines.keys() == {made[0]}


async def test_contact_that_offers_many_displaces_its_own_only(town: DirectTown) -> None:
    links = town.ada.direct_links
    assert links is not None
    links.use(lambda callbacks: Silent())
    others = [(await links.offer(contact))[0] for contact in (1, 2)]

    for at in range(MAX_DIRECT_LINKS):
        links.answer(3, HopId(bytes([at]) * 8), "v=0", lambda description: None)

    assert set(others) <= links._lines.keys()
    assert links_of(town.ada) == len(others) + MAX_LINKS_OF_CONTACT


class Silent:
    """A transport that offers and does nothing else."""

    buffered_bytes = 0
    unconfirmed: int | None = None

    async def offer(self) -> str:
        return "v=0\r\n"

    async def answer(self, offer: str) -> str:
        return "v=0\r\n"

    async def accept(self, answer: str) -> None:
        pass

    def send(self, frame: bytes) -> None:
        pass

    async def close(self) -> None:
        pass
