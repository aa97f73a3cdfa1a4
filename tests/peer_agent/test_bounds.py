"""No wait of the agent is without a limit and no queue without a bound, though the others never answer."""

import asyncio
import secrets
from collections.abc import Sequence

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from p2p.protocol.cells import fragments
from p2p.protocol.ids import HopId, LinkId, StreamId
from p2p.protocol.limits import MAX_RECEIPT_ENTRIES, SUBPROTOCOL
from p2p.protocol.link import LinkState
from p2p.protocol.parts import ReceiptEntry
from p2p.protocol.to_server import Receipt
from peer_agent import link_end, receiving, session
from peer_agent.events import Event, SessionClosed
from peer_agent.link_end import LinkEnd, LinkReports
from peer_agent.receiving import Receiving
from peer_agent.rest import Rest, Tokens
from peer_agent.rtc import Callbacks, TransportFailed
from peer_agent.session import Session, SessionEdges
from peer_agent.tasks import Tasks
from tests.mesa.socket_app import let_others_run
from tests.peer_agent.fake_server import LATER

DEADLINE_S, LIMIT_S = 0.05, 3.0
QUEUED = 2 * MAX_RECEIPT_ENTRIES
LINK = LinkId(b"l" * 16)


async def never() -> str:
    silence: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    return await silence


async def test_server_that_takes_the_socket_and_never_welcomes_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "WELCOME_DEADLINE_S", DEADLINE_S)
    told: asyncio.Queue[Event] = asyncio.Queue()
    rest = Rest("http://127.0.0.1", tokens=Tokens(LATER, "refresh"), transport=httpx.MockTransport(refuse))
    edges = SessionEdges(lambda: (), lambda _: None, lambda _: None, told.put_nowait)

    async with (
        serve(stay, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server,
        Tasks() as tasks,
    ):
        port = next(iter(server.sockets)).getsockname()[1]
        tasks.spawn(Session(f"ws://127.0.0.1:{port}/", rest, edges).run())
        async with asyncio.timeout(LIMIT_S):
            event = await told.get()

    assert isinstance(event, SessionClosed)


async def stay(socket: ServerConnection) -> None:
    await socket.wait_closed()


def refuse(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503)


class Stuck:
    """A transport that never gets as far as a description."""

    buffered_bytes = 0
    unconfirmed: int | None = None

    def __init__(self, callbacks: Callbacks) -> None:
        self.has_given_up = asyncio.Event()

    async def offer(self) -> str:
        return await never()

    async def answer(self, offer: str) -> str:
        try:
            return await never()
        finally:
            self.has_given_up.set()

    async def accept(self, answer: str) -> None:
        """Take any answer."""

    def send(self, frame: bytes) -> None:
        """Take any frame."""

    async def close(self) -> None:
        """End at once."""


REPORTS = LinkReports(*[lambda *_: None] * 5)


async def test_offer_that_does_not_come_about_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_end, "DESCRIPTION_DEADLINE_S", DEADLINE_S)

    async with Tasks() as tasks:
        end = LinkEnd(Stuck, REPORTS, tasks, LinkState.STOCK, LINK)
        with pytest.raises(TransportFailed):
            async with asyncio.timeout(LIMIT_S):
                await end.offer()


async def test_answer_that_does_not_come_about_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_end, "DESCRIPTION_DEADLINE_S", DEADLINE_S)
    made: list[Stuck] = []

    def make(callbacks: Callbacks) -> Stuck:
        made.append(Stuck(callbacks))
        return made[0]

    async with Tasks() as tasks:
        end = LinkEnd(make, REPORTS, tasks, LinkState.ORDERED, LINK)
        end.answer_offer("v=0\r\n")
        async with asyncio.timeout(LIMIT_S):
            await made[0].has_given_up.wait()


async def test_of_receipts_that_can_not_be_sent_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "QUEUED_RECEIPTS", QUEUED)
    sent: asyncio.Queue[Receipt] = asyncio.Queue()
    numbers = iter(range(3 * QUEUED))

    def take(envelopes: Sequence[bytes]) -> list[ReceiptEntry]:
        return [ReceiptEntry(next(numbers).to_bytes(16, "big"), bytes(16)) for _ in envelopes]

    end = Receiving(take, sent.put_nowait)

    for _ in range(2 * QUEUED):
        for fragment in fragments(b"envelope", StreamId(secrets.token_bytes(8))):
            end.payload(HopId(b"h" * 8), fragment.pack())
    await let_others_run()

    async with Tasks() as tasks, asyncio.timeout(LIMIT_S):
        tasks.spawn(end.run())
        entries = [entry for _ in range(2) for entry in (await sent.get()).entries]
    assert [int.from_bytes(entry.digest, "big") for entry in entries] == list(range(QUEUED, 2 * QUEUED))
