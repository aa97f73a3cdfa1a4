"""Takes the measurements in rounds, raw chain and Mesa in turn: a machine's mood then spoils both alike."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bench.network import RECEIVER, SENDER, Network
from bench.raw_chain import raw_chain
from bench.samples import Sample, samples

# Messages on their way between two steps of the progress bar.
AT_ONCE = 10
# Ends of links on a path of which none was open before.
ALL_ENDS = 8


@dataclass(frozen=True)
class Plan:
    """How much is measured: per round, but for `rounds`, `messages` (in one process) and `warm_up_paths`."""

    rounds: int
    messages: int
    warm_up_paths: int
    frames: int
    paths: int
    colds: int
    burst: int

    def steps(self, wanted: Collection[str]) -> int:
        """How often `advance` will be called."""
        each = {
            "crypto": self.messages,
            "open-path": 2 * self.frames * self.rounds,
            "new-path": self.warm_up_paths + self.paths * self.rounds,
            "cold": 3 * self.colds * self.rounds,
            "rate": self.burst * self.rounds,
        }
        return sum(each[group] for group in wanted)


WHOLE = Plan(rounds=3, messages=200, warm_up_paths=30, frames=150, paths=30, colds=10, burst=200)
QUICK = Plan(rounds=1, messages=50, warm_up_paths=10, frames=50, paths=20, colds=4, burst=50)


@dataclass
class Taken:
    """All times of a run, in seconds; `rates` in messages per second."""

    raw_frames: list[float] = field(default_factory=list)
    raw_colds: list[float] = field(default_factory=list)
    raw_repaired_colds: list[float] = field(default_factory=list)
    on_open_path: list[Sample] = field(default_factory=list)
    over_new_path: list[Sample] = field(default_factory=list)
    cold: list[Sample] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


class Rounds:
    """One run over a running network."""

    def __init__(self, plan: Plan, network: Network, advance: Callable[[int], None]) -> None:
        self._plan = plan
        self._network = network
        self._advance = advance
        self.taken = Taken()

    async def run(self, wanted: Collection[str]) -> Taken:
        """Take what is wanted; links are closed last, since the other rows need them open."""
        if "new-path" in wanted:
            await self._send("send over new paths", self._plan.warm_up_paths)
        for _ in range(self._plan.rounds):
            if "open-path" in wanted:
                await self._raw_frames()
                await self._on_open_path()
            if "rate" in wanted:
                await self._burst()
            if "new-path" in wanted:
                await self._over_new_paths()
        for _ in range(self._plan.rounds if "cold" in wanted else 0):
            await self._raw_colds(self.taken.raw_colds, repaired=False)
            await self._colds()
            await self._raw_colds(self.taken.raw_repaired_colds, repaired=True)
        return self.taken

    async def _raw_frames(self) -> None:
        async with raw_chain(repaired=False) as chain:
            await chain.open()
            for _ in range(self._plan.frames):
                self.taken.raw_frames.append(await chain.pass_frame())
                self._advance(1)

    async def _raw_colds(self, times: list[float], *, repaired: bool) -> None:
        async with raw_chain(repaired=repaired) as chain:
            # The first of a process loads and compiles what the others find done.
            await chain.pass_cold()
            for _ in range(self._plan.colds):
                times.append(await chain.pass_cold())
                self._advance(1)

    async def _on_open_path(self) -> None:
        await self._network.send("send", 1)
        await self._network.tell()
        found = await self._send("send", self._plan.frames)
        self.taken.on_open_path += [sample for sample in found if sample.posted_at is None]
        await self._network.finish()

    async def _over_new_paths(self) -> None:
        found = await self._send("send over new paths", self._plan.paths)
        self.taken.over_new_path += [
            sample for sample in found if sample.posted_at is not None and not sample.opened
        ]

    async def _colds(self) -> None:
        for _ in range(self._plan.colds):
            await self._network.close_links()
            await self._network.tell()
            found = await self._send("send over new paths", 1)
            self.taken.cold += [sample for sample in found if sample.opened >= ALL_ENDS]

    async def _burst(self) -> None:
        await self._network.send("send", 1)
        await self._network.tell()
        found = await self._take("send at once", self._plan.burst)
        self._advance(self._plan.burst)
        seconds = max(sample.received_at for sample in found) - found[0].sent_at
        self.taken.rates.append(len(found) / seconds)
        await self._network.finish()

    async def _send(self, how: str, count: int) -> list[Sample]:
        found: list[Sample] = []
        while len(found) < count:
            found += await self._take(how, min(AT_ONCE, count - len(found)))
            self._advance(min(AT_ONCE, count))
        return found

    async def _take(self, how: str, count: int) -> list[Sample]:
        sent = await self._network.send(how, count)
        return samples(sent, await self._network.tell(), sender=SENDER, receiver=RECEIVER)
