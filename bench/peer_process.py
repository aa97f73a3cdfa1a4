"""One process of the measured network: a whole Mesa peer on uvloop, which obeys its hub.

All times are on one clock: Unix time as the hub knew it once, counted on by the monotonic clock that
processes share.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.hub import Mouth, connect
from peer_agent.clock import Clock
from peer_agent.config import Config
from peer_agent.events import ContactAdded, Event, MessageProgress, MessageReceived, Online
from peer_agent.peer import Peer
from peer_agent.progress import MessageState

EVENT_DEADLINE_S = 30.0
# Long enough for the server to end a transaction, and for offers and processors to be as before.
SETTLE_S = 0.5
TEXT_CHARACTERS = 100
IN_FLIGHT = 64


class PeerProcess:
    """A peer and what happened in it since it was last asked."""

    def __init__(self, peer: Peer, clock: Clock) -> None:
        self._peer = peer
        self._clock = clock
        self._events: list[dict[str, Any]] = []
        self._has_contact = False
        self._delivered: set[int] = set()
        self._changed = asyncio.Condition()
        self._sent = 0
        self._received = 0

    async def listen(self, mouth: Mouth) -> None:
        """Remember every event, until the peer ends; say `hello` once the server knows this peer."""
        async with self._peer.watching() as events:
            async for timed in events:
                self._events.append(timed.to_json())
                async with self._changed:
                    self._note(timed.event)
                    self._changed.notify_all()
                if isinstance(timed.event, Online):
                    mouth.say(hello=True)

    async def obey(self, order: dict[str, Any]) -> Any:
        """Carry out one order of the hub; returns the answer."""
        match order["do"]:
            case "request":
                await self._peer.request(order["user"])
                await self._until(lambda: self._has_contact)
            case "send" | "send over new paths" | "send side by side" as how:
                return await self._send_as(how, order["to"], order["count"])
            case "send now":
                return self._send(order["to"])
            case "processor" | "received" | "tell" as what:
                return await self._tell(what, order)
            case "finish":
                await self._finish()
            case "close links":
                await self._close_links()
        return None

    async def _tell(self, what: str, order: dict[str, Any]) -> Any:
        if what == "processor":
            return time.process_time()
        if what == "received":
            await self._until(lambda: self._received >= order["least"])
            return self._received
        told, self._events = self._events, []
        return told

    async def _send_as(self, how: str, to: str, count: int) -> list[dict[str, Any]]:
        if how == "send side by side":
            return await self._send_many(to, count)
        send = self._send_one if how == "send" else self._send_anew
        return [await send(to) for _ in range(count)]

    def _note(self, event: Event) -> None:
        self._received += isinstance(event, MessageReceived)
        self._has_contact = self._has_contact or isinstance(event, ContactAdded)
        if isinstance(event, MessageProgress) and event.state == MessageState.DELIVERED:
            self._delivered.add(event.number)

    async def _send_one(self, to: str) -> dict[str, Any]:
        sent = self._send(to)
        await self._until(lambda: sent["number"] in self._delivered)
        return sent

    async def _send_anew(self, to: str) -> dict[str, Any]:
        sent = await self._send_one(to)
        await self._finish()
        return sent

    async def _send_many(self, to: str, count: int) -> list[dict[str, Any]]:
        """Send messages, always IN_FLIGHT without a receipt; those that may leave together in one commit."""
        before, sent = len(self._delivered), list[dict[str, Any]]()

        def free() -> int:
            return IN_FLIGHT - (before + len(sent) - len(self._delivered))

        while len(sent) < count:
            await self._until(lambda: free() > 0)
            sent += self._send_all(to, min(free(), count - len(sent)))
        await self._until(lambda: {each["number"] for each in sent} <= self._delivered)
        return sent

    def _send(self, to: str) -> dict[str, Any]:
        text = self._next_text()
        at = self._clock.unix()
        return {"at": at, "text": text, "number": self._peer.send(to, text).number}

    def _send_all(self, to: str, count: int) -> list[dict[str, Any]]:
        texts = [self._next_text() for _ in range(count)]
        at = self._clock.unix()
        sent = self._peer.send_all(to, texts)
        return [
            {"at": at, "text": text, "number": each.number} for text, each in zip(texts, sent, strict=True)
        ]

    def _next_text(self) -> str:
        self._sent += 1
        return f"{self._sent} ".ljust(TEXT_CHARACTERS, ".")

    async def _finish(self) -> None:
        """Say that the path is needed no longer, as the peer itself would say ten seconds from now."""
        self._peer._running.conversations.delivery.close()
        await asyncio.sleep(SETTLE_S)

    async def _close_links(self) -> None:
        """Close every link, as the peer itself would close idle ones."""
        for link in self._peer._running.network.links.open_ids():
            self._peer._running.network.links.close(link)
        await asyncio.sleep(SETTLE_S)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(EVENT_DEADLINE_S), self._changed:
            await self._changed.wait_for(is_so)


async def serve(name: str, path: str, state_dir: str, kind: str, *, clock_offset_s: float) -> None:
    """Obey the hub until it hangs up."""
    clock = Clock(unix=lambda: clock_offset_s + time.monotonic())
    config = Config(Path(state_dir), forwards=kind == "forwarder", accepts_all=kind != "forwarder")
    reader, mouth = await connect(name, path)
    peer = Peer(config, clock=clock)
    process = PeerProcess(peer, clock)
    # Listening begins before the peer does: its first events would be lost otherwise.
    listening = asyncio.create_task(process.listen(mouth))
    await asyncio.sleep(0)
    async with peer:
        while line := await reader.readline():
            order = json.loads(line)
            mouth.say(done=order["do"], answer=await process.obey(order))
    await listening


if __name__ == "__main__":
    name, path, state_dir, kind, clock_offset_s = sys.argv[1:]
    uvloop.run(serve(name, path, state_dir, kind, clock_offset_s=float(clock_offset_s)))
