"""Takes the measurements in rounds, raw chain and Mesa in turn: a machine's mood then spoils both alike."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from bench.app import QUICK_APP, WHOLE_APP, AppPlan, AppTaken
from bench.kills import Outcome
from bench.load import BARE, MESA, PROFILES, Carried, Load, carry
from bench.local_costs import LocalCosts, LocalMeasurement
from bench.network import FORWARDERS, RECEIVER, SENDER, Network, Sent, Told
from bench.peer_process import IN_FLIGHT
from bench.raw_chain import raw_chain
from bench.samples import Sample, samples

# Messages on their way between two steps of the progress bar.
AT_ONCE = 10
# About the time between two messages each of which waits for the receipt of the one before. Processors and
# disks answer slower after a pause, so whatever is set beside such a message is taken at the same pace.
PACE_S = 0.03
# Ends of links on a path of which none was open before.
ALL_ENDS = 8


@dataclass(frozen=True)
class Plan:
    """How much is measured: per round, but for `warm_up_paths` and `under_kills`; `messages` locally."""

    rounds: int
    messages: int
    warm_up_paths: int
    frames: int
    paths: int
    colds: int
    burst: int
    under_kills: int
    load: Load
    app: AppPlan

    def steps(self, wanted: Collection[str]) -> int:
        """How often `advance` will be called."""
        each = {
            "crypto": self.messages * self.rounds,
            "open-path": 4 * self.frames * self.rounds,
            "new-path": self.warm_up_paths + self.paths * self.rounds,
            "cold": 3 * self.colds * self.rounds,
            "rate": 2 * self.burst * self.rounds,
            "kills": self.under_kills,
            "app": self.app.steps,
            "load": 4 * self.load.transactions * self.rounds,
        }
        return sum(each[group] for group in wanted)


# Of each account the server takes 240 transactions at once and then four a second.
WHOLE_LOAD = Load(devices=200, at_once=32, warm_up=200, transactions=1_000)
QUICK_LOAD = Load(devices=40, at_once=8, warm_up=20, transactions=40)

WHOLE = Plan(
    rounds=3,
    messages=100,
    warm_up_paths=30,
    frames=150,
    paths=30,
    colds=10,
    burst=400,
    under_kills=300,
    load=WHOLE_LOAD,
    app=WHOLE_APP,
)
QUICK = Plan(
    rounds=1,
    messages=50,
    warm_up_paths=10,
    frames=50,
    paths=20,
    colds=4,
    burst=100,
    under_kills=60,
    load=QUICK_LOAD,
    app=QUICK_APP,
)


@dataclass
class Taken:
    """All times of a run, in seconds; `rates` in messages or frames per second.

    processor_ms: per message of a burst, by whose process it was. loads, raw_loads: by profile.
    """

    costs: LocalCosts | None = None
    raw_frames: list[float] = field(default_factory=list)
    raw_paced_frames: list[float] = field(default_factory=list)
    raw_colds: list[float] = field(default_factory=list)
    raw_repaired_colds: list[float] = field(default_factory=list)
    on_open_path: list[Sample] = field(default_factory=list)
    hot_on_open_path: list[Sample] = field(default_factory=list)
    over_new_path: list[Sample] = field(default_factory=list)
    cold: list[Sample] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    kills: Outcome | None = None
    app: AppTaken | None = None
    raw_rates: list[float] = field(default_factory=list)
    processor_ms: dict[str, list[float]] = field(default_factory=dict)
    loads: dict[str, list[Carried]] = field(default_factory=dict)
    raw_loads: dict[str, list[Carried]] = field(default_factory=dict)


class Rounds:
    """One run; without a network only what one process can do."""

    def __init__(
        self, plan: Plan, local: LocalMeasurement, network: Network | None, advance: Callable[[int], None]
    ) -> None:
        self._plan = plan
        self._local = local
        self._running = network
        self._advance = advance
        self._taken = Taken()

    async def run(self, wanted: Collection[str]) -> Taken:
        """Take what is wanted; links are closed last, since the other rows need them open."""
        if "new-path" in wanted:
            await self._send("send over new paths", self._plan.warm_up_paths)
        steps = {
            "crypto": (self._in_one_process,),
            "open-path": (self._raw_frames, self._on_open_path),
            "rate": (self._raw_burst, self._burst),
            "new-path": (self._over_new_paths,),
        }
        for _ in range(self._plan.rounds):
            for step in [step for group, steps_of in steps.items() if group in wanted for step in steps_of]:
                await step()
        for _ in range(self._plan.rounds if "cold" in wanted else 0):
            await self._raw_colds(self._taken.raw_colds, repaired=False)
            await self._colds()
            await self._raw_colds(self._taken.raw_repaired_colds, repaired=True)
        for _ in range(self._plan.rounds if "load" in wanted else 0):
            for profile in PROFILES:
                await self._load(profile)
        return self._taken

    @property
    def _network(self) -> Network:
        assert self._running is not None
        return self._running

    async def _in_one_process(self) -> None:
        for _ in range(self._plan.messages):
            await asyncio.sleep(PACE_S)
            self._local.send_one()
            self._advance(1)
        self._local.send_without_a_pause(self._plan.messages)
        await self._local.forward()
        self._taken.costs = self._local.costs()

    async def _raw_frames(self) -> None:
        async with raw_chain(repaired=False) as chain:
            await chain.open()
            for _ in range(self._plan.frames):
                self._taken.raw_frames.append(await chain.pass_frame())
                self._advance(1)
            for _ in range(self._plan.frames):
                await asyncio.sleep(PACE_S)
                self._taken.raw_paced_frames.append(await chain.pass_frame())
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
        self._taken.on_open_path += [sample for sample in found if sample.posted_at is None]
        self._taken.hot_on_open_path += await self._hot()
        await self._network.finish()

    async def _hot(self) -> list[Sample]:
        found: list[Sample] = []
        while len(found) < self._plan.frames:
            count = min(AT_ONCE, self._plan.frames - len(found))
            sent = await self._network.send_without_a_pause(count)
            found += self._samples(sent, await self._network.tell())
            self._advance(count)
        return [sample for sample in found if sample.posted_at is None]

    async def _over_new_paths(self) -> None:
        found = await self._send("send over new paths", self._plan.paths)
        self._taken.over_new_path += [
            sample for sample in found if sample.posted_at is not None and not sample.opened
        ]

    async def _colds(self) -> None:
        for _ in range(self._plan.colds):
            await self._network.close_links()
            await self._network.tell()
            found = await self._send("send over new paths", 1)
            self._taken.cold += [sample for sample in found if sample.opened >= ALL_ENDS]

    async def _raw_burst(self) -> None:
        async with raw_chain(repaired=False) as chain:
            await chain.open()
            self._taken.raw_rates.append(await chain.pass_many(self._plan.burst, IN_FLIGHT))
        self._advance(self._plan.burst)

    async def _burst(self) -> None:
        await self._network.send("send", 1)
        await self._network.tell()
        before = await self._network.processor_s()
        found = await self._take("send side by side", self._plan.burst)
        after = await self._network.processor_s()
        self._advance(self._plan.burst)
        spent_ms = {name: (after[name] - before[name]) / len(found) * 1_000 for name in after}
        whose = {SENDER: spent_ms[SENDER], RECEIVER: spent_ms[RECEIVER]}
        # Three of six forward; who is not on the path hardly works.
        for name, each_ms in {**whose, "forwarder": max(spent_ms[name] for name in FORWARDERS)}.items():
            self._taken.processor_ms.setdefault(name, []).append(each_ms)
        seconds = max(sample.received_at for sample in found) - found[0].sent_at
        self._taken.rates.append(len(found) / seconds)
        await self._network.finish()

    async def _load(self, profile: str) -> None:
        for side, runs in ((BARE, self._taken.raw_loads), (MESA, self._taken.loads)):
            carried = await asyncio.to_thread(carry, profile, self._plan.load, side)
            runs.setdefault(profile, []).append(carried)
            self._advance(self._plan.load.transactions)

    async def _send(self, how: str, count: int) -> list[Sample]:
        found: list[Sample] = []
        while len(found) < count:
            found += await self._take(how, min(AT_ONCE, count - len(found)))
            self._advance(min(AT_ONCE, count))
        return found

    async def _take(self, how: str, count: int) -> list[Sample]:
        sent = await self._network.send(how, count)
        return self._samples(sent, await self._network.tell())

    @staticmethod
    def _samples(sent: list[Sent], told: Told) -> list[Sample]:
        return samples(sent, told, sender=SENDER, receiver=RECEIVER)
