"""Peers that speak REST and the session socket as agents do, but have no WebRTC: offers are fakes.

What they leave out is what the server never sees: links and cells. An answer, a link that opens, a new offer
for the one that was taken, a receipt and `complete` are sent as an agent sends them.
"""

import asyncio
import json
import secrets
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.ids import OfferId
from p2p.protocol.limits import FRAME_BYTES, SUBPROTOCOL
from p2p.protocol.parts import Capabilities, StockOffer
from p2p.protocol.to_server import Hello, IceClient
from p2p.protocol.words import Nat

STOCK: Final = 4
# As many links as an agent keeps.
MAX_LINKS: Final = 64
REFRESH_S: Final = 60.0
# Where in a ticket its name is.
TICKET_NAME: Final = slice(1, 9)
ENDED_WITHIN_S: Final = 30.0
# About as long as what aiortc describes for a data channel with one candidate.
SDP: Final = "v=0\r\n" + "a=candidate:0 1 udp 2130706431 192.0.2.1 50000 typ host\r\n" * 12


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a device knows: its id, its login, and a delivery token of its user."""

    device: str
    access: str
    token: str


@dataclass(slots=True)
class Carried:
    """One transaction on its way, times on the monotonic clock."""

    posted_at: float
    ended: asyncio.Future[str]
    path_at: float | None = None
    # What the server has said of it, by type.
    said: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Traffic:
    """How many frames, and bytes, went to the server and came from it, by `to <type>` and `from <type>`."""

    frames: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, text: str | bytes) -> None:
        self.frames[what] += 1
        self.octets[what] += len(text)


class LightPeer:
    """One device at its socket; `contact` is who it writes to, whose token it has."""

    contact: "LightPeer"

    def __init__(self, url: str, seeded: Seeded, contact_token: str, traffic: Traffic) -> None:
        self._url = urlsplit(url)
        self._traffic = traffic
        self._seeded = seeded
        self._contact_token = b64_text(bytes.fromhex(contact_token))
        day = b"\x00\x00\x50\x00"
        device = uuid.UUID(seeded.device).bytes
        self._onion_key = b"\x01" + device + day + secrets.token_bytes(32) + bytes(64)
        self._offers = {_offer_id(): SDP for _ in range(STOCK)}
        self._links: OrderedDict[str, None] = OrderedDict()
        # As agents do: the guards that it was given are shown, and links to them stay.
        self._tickets: dict[bytes, str] = {}
        self._standing: set[str] = set()
        self._carried: dict[str, Carried] = {}
        self._posting = asyncio.Lock()
        self._rest: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def live(self, is_up: asyncio.Event) -> None:
        """Keep a socket open until cancelled."""
        async with connect(
            f"ws://{self._url.netloc}/ws/agent/",
            additional_headers={"Authorization": f"Bearer {self._seeded.access}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            max_size=FRAME_BYTES,
            compression=None,
            ping_interval=None,
            proxy=None,
        ) as self._socket:
            await self._socket.send(to_text(Hello(None, None, ())))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._refresh())
                tasks.create_task(self._read(self._socket, is_up))

    async def carry(self) -> Carried:
        """Begin a transaction and wait for its end.

        Raises:
            TimeoutError: it did not end in time; the message is what the server has said of it.
        """
        tx = str(uuid.uuid4())
        carried = Carried(time.monotonic(), asyncio.get_running_loop().create_future())
        self._carried[tx] = carried
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                await self._post(tx)
                await carried.ended
        except TimeoutError:
            raise TimeoutError(", ".join(carried.said) or "nothing was said") from None
        finally:
            del self._carried[tx]
        return carried

    async def _post(self, tx: str) -> None:
        tickets = list(self._tickets.values())
        text = json.dumps({"id": tx, "token": self._contact_token, "tickets": tickets})
        self._traffic.note("to POST", text)
        body = text.encode()
        head = (
            f"POST /api/p2p/transactions/ HTTP/1.1\r\nHost: {self._url.netloc}\r\n"
            f"Authorization: Bearer {self._seeded.access}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        async with self._posting:
            try:
                status, said = await self._ask(head.encode() + body)
            except (asyncio.IncompleteReadError, ConnectionError):
                # A connection that nobody used for a minute was closed; the same id is asked for again.
                self._rest = None
                status, said = await self._ask(head.encode() + body)
        assert status == 202, said

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        if self._rest is None:
            self._rest = await asyncio.open_connection(self._url.hostname, self._url.port)
        reader, writer = self._rest
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in answer.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        return int(answer.split(b" ", 2)[1]), await reader.readexactly(length)

    async def _refresh(self) -> None:
        while True:
            offers = tuple(StockOffer(OfferId(key), sdp) for key, sdp in self._offers.items())
            tickets = tuple(map(b64_bytes, self._tickets.values()))
            frame = IceClient(self._onion_key, Capabilities(forward=True), Nat.UNKNOWN, offers, tickets)
            await self._socket.send(to_text(frame))
            await asyncio.sleep(REFRESH_S)

    async def _read(self, socket: ClientConnection, is_up: asyncio.Event) -> None:
        handlers: dict[str, Callable[[Any], Awaitable[None]]] = {
            "ready_to_receive": self._obey,
            "answer": lambda frame: self._open(frame["link"]),
            "path_ready": self._use,
            "guard": self._guard,
            "receipt": lambda frame: self._say(type="complete", tx=frame["tx"]),
            "offer_wanted": lambda _: self._offer(),
        }
        async for text in socket:
            frame = json.loads(text)
            self._traffic.note(f"from {frame['type']}", text)
            if (carried := self._carried.get(frame.get("tx"))) is not None:
                carried.said.append(frame["type"])
            if frame["type"] in handlers:
                await handlers[frame["type"]](frame)
            elif frame["type"] == "transaction_ended":
                self._end(frame)
            elif frame["type"] == "link_drop":
                self._links.pop(frame["link"], None)
                self._standing.discard(frame["link"])
            elif frame["type"] == "snapshot":
                is_up.set()

    async def _obey(self, order: dict[str, Any]) -> None:
        before, after = order["in"], order["out"]
        if before["how"] == "answer":
            await self._say(type="answer", link=before["link"], sdp=SDP)
            await self._open(before["link"])
        if after["how"] == "taken":
            self._offers.pop(b64_bytes(after["offer"]), None)
            await self._offer()

    async def _guard(self, frame: dict[str, Any]) -> None:
        self._tickets[b64_bytes(frame["ticket"])[TICKET_NAME]] = frame["ticket"]
        for order in (frame["in"], frame["out"]):
            # An order to use a link that is not there is filler.
            if order["how"] != "open" or order["link"] in self._links:
                self._standing.add(order["link"])
        await self._obey(frame)

    async def _open(self, link: str) -> None:
        await self._say(type="link_up", link=link)
        self._links[link] = None
        if len(self._links) > MAX_LINKS:
            oldest = next(each for each in self._links if each not in self._standing)
            del self._links[oldest]
            await self._say(type="link_down", link=oldest)

    async def _offer(self) -> None:
        key = _offer_id()
        self._offers[key] = SDP
        if len(self._offers) > STOCK:
            # An order may have been lost that said which was taken; and the bare server has no stock.
            del self._offers[next(iter(self._offers))]
        await self._say(type="offer", id=b64_text(key), sdp=SDP)

    async def _use(self, path: dict[str, Any]) -> None:
        """Have the receiver say what it would say once the message is there."""
        carried = self._carried.get(path["tx"])
        if carried is not None:
            carried.path_at = time.monotonic()
        entry = {"digest": b64_text(secrets.token_bytes(16)), "mac": b64_text(secrets.token_bytes(16))}
        await self.contact._say(type="receipt", hop=path["hops"][-1], entries=[entry], credit=None)

    def _end(self, frame: dict[str, Any]) -> None:
        carried = self._carried.get(frame["tx"])
        if carried is not None and not carried.ended.done():
            carried.ended.set_result(frame["state"])

    async def _say(self, **frame: Any) -> None:
        text = json.dumps(frame)
        self._traffic.note(f"to {frame['type']}", text)
        await self._socket.send(text)


def _offer_id() -> bytes:
    return secrets.token_bytes(8)
