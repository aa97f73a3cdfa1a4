"""The baseline: five processes, four WebRTC links, frames of Mesa's size passed on, and nothing else."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.hub import Hub, running

NODES = ("0", "1", "2", "3", "4")
WARM_UP_FRAMES = 30


class RawChain:
    """Five running processes; links are opened and closed by request."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def open(self) -> None:
        """Open all links and pass some frames that do not count."""
        await self._open_links(await self._gather_offers())
        for _ in range(WARM_UP_FRAMES):
            await self.pass_frame()

    async def pass_frame(self) -> float:
        """Send one frame down the chain; seconds until the last node has it."""
        sent, received = await self._pass_frame()
        return received - sent

    async def pass_many(self, count: int, in_flight: int) -> float:
        """Send frames, always so many on their way; frames a second, from the first sent to the last come.

        The sender learns by the hub that one has come, as a Mesa sender does by the server.
        """
        sent = min(count, in_flight)
        self._hub.order(NODES[0], "send", count=sent)
        began, came, received = 0.0, 0, 0.0
        while came < count:
            said = await self._hub.hear()
            began = began or said.get("sent", 0.0)
            if "received" not in said:
                continue
            came, received = came + 1, said["received"]
            if sent < count:
                sent += 1
                self._hub.order(NODES[0], "send")
        return count / (received - began)

    async def pass_cold(self) -> float:
        """Send one frame from nothing but ready offers; seconds until the last node has it."""
        offers = await self._gather_offers()
        started = time.monotonic()
        await self._open_links(offers)
        _, received = await self._pass_frame()
        await self.close()
        return received - started

    async def close(self) -> None:
        """Close all links."""
        for node in NODES:
            self._hub.order(node, "close")
        await self._hub.wait("closed", len(NODES))

    async def _gather_offers(self) -> dict[str, str]:
        """Have every node but the last make its offer ahead, as a stock of offers does."""
        for node in NODES[:-1]:
            self._hub.order(node, "offer")
        said = await self._hub.wait("offer", len(NODES) - 1)
        return {node: each["offer"] for node, each in said.items()}

    async def _open_links(self, offers: dict[str, str]) -> None:
        """Open all four links in parallel."""
        before = dict(zip(NODES[1:], NODES, strict=False))
        for node in NODES[1:]:
            self._hub.order(node, "answer", sdp=offers[before[node]])
        opened = 0
        while opened < 2 * len(offers):
            said = await self._hub.hear()
            opened += "opened" in said
            if "answer" in said:
                self._hub.order(before[said["name"]], "accept", sdp=said["answer"])

    async def _pass_frame(self) -> tuple[float, float]:
        self._hub.order(NODES[0], "send")
        # Two processes speak: the end may be heard before the beginning.
        times: dict[str, float] = {}
        while len(times) < 2:
            said = await self._hub.hear()
            times |= {key: said[key] for key in ("sent", "received") if key in said}
        return times["sent"], times["received"]


@asynccontextmanager
async def raw_chain(*, repaired: bool) -> AsyncIterator[RawChain]:
    """Run the five processes for as long as the block lasts."""
    arguments = ["repaired"] if repaired else []
    async with running({node: ["bench.raw_node", *arguments] for node in NODES}) as hub:
        yield RawChain(hub)
