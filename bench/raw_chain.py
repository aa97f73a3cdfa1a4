"""The baseline: five processes, four WebRTC links, frames of Mesa's size passed on, and nothing else."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

NODES = 5
ANSWER_DEADLINE_S = 30.0
WARM_UP_FRAMES = 30


@dataclass(frozen=True)
class RawTimes:
    """Medians in milliseconds."""

    open_frame_ms: float
    cold_frame_ms: float


class Hub:
    """Starts the nodes and passes descriptions between them, as a signaling server would."""

    def __init__(self) -> None:
        self.writers: dict[int, asyncio.StreamWriter] = {}
        self.said: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            self.writers[said["node"]] = writer
            self.said.put_nowait(said)

    def order(self, node: int, do: str, **more: object) -> None:
        self.writers[node].write(json.dumps({"do": do, **more}).encode() + b"\n")

    async def wait(self, key: str, times: int = 1) -> list[dict[str, object]]:
        """Collect what nodes say under `key`; anything else is passed over."""
        found: list[dict[str, object]] = []
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            while len(found) < times:
                said = await self.said.get()
                if key in said:
                    found.append(said)
        return found

    async def gather_offers(self) -> dict[int, object]:
        """Have every node but the last make its offer ahead, as a stock of offers does."""
        for node in range(NODES - 1):
            self.order(node, "offer")
        return {int(str(said["node"])): said["offer"] for said in await self.wait("offer", NODES - 1)}

    async def open_links(self, offers: dict[int, object]) -> None:
        """Open all four links in parallel."""
        for node, sdp in offers.items():
            self.order(node + 1, "answer", sdp=sdp)
        opened = answered = 0
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            while opened < 2 * (NODES - 1) or answered < NODES - 1:
                said = await self.said.get()
                if "answer" in said:
                    answered += 1
                    self.order(int(str(said["node"])) - 1, "accept", sdp=said["answer"])
                elif "opened" in said:
                    opened += 1

    async def pass_frame(self) -> float:
        """Send one frame down the chain; seconds until the last node has it."""
        self.order(0, "send")
        # Two processes speak: the end may be heard before the beginning.
        times: dict[str, object] = {}
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            while len(times) < 2:
                said = await self.said.get()
                times |= {key: said[key] for key in ("sent", "received") if key in said}
        return float(str(times["received"])) - float(str(times["sent"]))

    async def close_links(self) -> None:
        for node in range(NODES):
            self.order(node, "close")
        await self.wait("closed", NODES)


@asynccontextmanager
async def raw_chain() -> AsyncIterator[Hub]:
    """Run the five processes for as long as the block lasts."""
    hub = Hub()
    with tempfile.TemporaryDirectory(prefix="mesa-raw-") as folder:
        path = str(Path(folder, "hub.sock"))
        server = await asyncio.start_unix_server(hub.serve, path, limit=1 << 20)
        nodes = [
            await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.raw_node", str(index), path)
            for index in range(NODES)
        ]
        try:
            await hub.wait("hello", NODES)
            yield hub
        finally:
            for node in nodes:
                node.kill()
                await node.wait()
            server.close()


async def measure(*, frames: int, colds: int) -> RawTimes:
    """Time `frames` frames on an open chain and `colds` chains from nothing but ready offers."""
    async with raw_chain() as hub:
        cold = [await _cold(hub) for _ in range(colds + 1)][1:]
        await hub.open_links(await hub.gather_offers())
        passed = [await hub.pass_frame() for _ in range(frames + WARM_UP_FRAMES)][WARM_UP_FRAMES:]
    return RawTimes(statistics.median(passed) * 1_000, statistics.median(cold) * 1_000)


async def _cold(hub: Hub) -> float:
    offers = await hub.gather_offers()
    started = time.monotonic()
    await hub.open_links(offers)
    await hub.pass_frame()
    seconds = time.monotonic() - started
    await hub.close_links()
    return seconds
