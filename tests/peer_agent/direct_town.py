"""ada and bo, who may agree to direct links: real WebRTC between them, the test in the server's place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from p2p.protocol.cells import Fragment, Reassembler
from p2p.protocol.frames import FrameToServer
from p2p.protocol.ids import DeviceId, HopId, TransactionId
from p2p.protocol.to_peer import DirectAsked, DirectReady, TransactionReceipt
from p2p.protocol.to_server import DirectAnswer, DirectOffer
from peer_agent.contact_book import Contact, DirectState
from peer_agent.crypto.direct import Party as Side
from peer_agent.crypto.direct import agree
from peer_agent.crypto.primitives import sha256
from peer_agent.direct_links import DirectEdges, DirectLinks
from peer_agent.events import Event, MessageProgress, MessageReceived
from peer_agent.rtc import aiortc_factory
from tests.peer_agent.delivery_town import open_town
from tests.peer_agent.fake_server import Party

LIMIT_S = 10.0
HOP = HopId(b"one  hop")

F = TypeVar("F", bound=FrameToServer)


@dataclass
class DirectTown:
    """What ada and bo tell the server, and what reaches bo over a link."""

    ada: Party
    bo: Party
    ada_says: "asyncio.Queue[FrameToServer]" = field(default_factory=asyncio.Queue)
    bo_says: "asyncio.Queue[FrameToServer]" = field(default_factory=asyncio.Queue)
    payloads: "asyncio.Queue[tuple[HopId, bytes]]" = field(default_factory=asyncio.Queue)
    told: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)
    lost: "asyncio.Queue[HopId]" = field(default_factory=asyncio.Queue)
    of_links: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)

    def contact(self, of: Party, name: str) -> Contact:
        found = of.parts.books.contacts.find(name)
        assert found is not None
        return found

    def agree(self, ada: DirectState = DirectState.ACCEPTED, bo: DirectState = DirectState.ACCEPTED) -> None:
        """Put both sides where asking and accepting leads to; a state that is not `accepted` has no key."""
        sides = [
            Side(bytes([at]) * 32, party.account.identity.fingerprint) for at, party in enumerate(self.both)
        ]
        key = agree(*sides).raw
        for party, name, state in ((self.ada, "bo", ada), (self.bo, "ada", bo)):
            has_key = key if state is DirectState.ACCEPTED else b""
            with party.store.transaction():
                number = self.contact(party, name).number
                party.parts.books.contacts.change(number, direct=state, direct_key=has_key)

    @property
    def both(self) -> tuple[Party, Party]:
        return self.ada, self.bo

    async def offered(self, text: str = "hello") -> DirectOffer:
        """Accept a message that is to go directly, and wait for the offer of its link."""
        self.ada.parts.delivery.send("bo", text, is_direct=True)
        self.ada.parts.delivery.online(True)
        return await self.next_offer()

    async def next_offer(self) -> DirectOffer:
        return await _frame(self.ada_says, DirectOffer)

    def asked(self, offer: DirectOffer) -> DirectAsked:
        """What the server tells bo of an offer."""
        token = self.contact(self.bo, "ada").their_token
        assert token is not None
        return DirectAsked(sha256(token), HOP, offer.sdp, offer.proof)

    async def answered(self) -> DirectAnswer:
        return await _frame(self.bo_says, DirectAnswer)

    def ready(self, offer: DirectOffer, answer: DirectAnswer) -> DirectReady:
        """What the server tells ada of an answer."""
        device = DeviceId(self.bo.account.device_id)
        return DirectReady(offer.tx, 1, device, answer.hop, offer.id, answer.sdp, answer.proof)

    async def open(self, text: str = "hello") -> DirectOffer:
        """Do all of it as an honest server does."""
        offer = await self.offered(text)
        self.bo.parts.direct.asked(self.asked(offer))
        self.ada.parts.delivery.direct_ready(self.ready(offer, await self.answered()))
        return offer

    async def arrive(self, tx: TransactionId) -> None:
        """Bring the next message that crosses the link to bo, and its receipt to ada."""
        reassembler = Reassembler()
        async with asyncio.timeout(LIMIT_S):
            while True:
                _, payload = await self.payloads.get()
                progress = reassembler.add(Fragment.unpack(payload), now=0)
                if progress.envelope is not None:
                    break
        entry = self.bo.parts.inbox.take(progress.envelope)
        assert entry is not None
        self.ada.parts.delivery.receipt(TransactionReceipt(tx, (entry,), None))

    async def progress(self, state: str) -> MessageProgress:
        async with asyncio.timeout(LIMIT_S):
            while True:
                event = await self.told.get()
                if isinstance(event, MessageProgress) and event.state == state:
                    return event

    def came(self, hop: HopId, payload: bytes) -> None:
        self.payloads.put_nowait((hop, payload))

    def heard(self, party: Party, event: Event) -> None:
        """Hear of a link: of both sides in one queue, since each link has two ends."""
        party.events.append(event)
        self.of_links.put_nowait(event)

    def shown(self) -> list[str]:
        return [event.text for event in self.bo.events if isinstance(event, MessageReceived)]


async def _frame(queue: "asyncio.Queue[FrameToServer]", kind: type[F]) -> F:
    async with asyncio.timeout(LIMIT_S):
        while True:
            frame = await queue.get()
            if isinstance(frame, kind):
                return frame


@asynccontextmanager
async def open_direct_town(path: Path) -> AsyncIterator[DirectTown]:
    async with open_town(path) as routed:
        town = DirectTown(routed.ada, routed.bo)
        links = []
        for party, says in ((town.ada, town.ada_says), (town.bo, town.bo_says)):
            edges = DirectEdges(town.came, town.lost.put_nowait, partial(town.heard, party))
            party.direct_links = DirectLinks(party.tasks, edges)
            party.direct_links.use(aiortc_factory((), turn_only=False))
            party.send_frame = says.put_nowait
            links.append(party.direct_links)
        town.ada.listener = town.told.put_nowait
        for party in town.both:
            party.assemble()
        try:
            yield town
        finally:
            for each in links:
                await each.close_all()
