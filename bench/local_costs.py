"""What one message costs in processor and disk: the real code, all in one process, no network."""

import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.two_ends import TwoEnds, two_ends
from p2p.protocol.cells import HOP_LIFE_S, PAYLOAD_BYTES, Fragment, LinkFrame, Reassembler
from p2p.protocol.ids import LinkId
from p2p.protocol.parts import Order
from p2p.protocol.words import How
from peer_agent.clock import Clock
from peer_agent.crypto import onion
from peer_agent.forwarding import Exits, Forwarding

WARM_UP_MESSAGES = 20
FORWARDED_CELLS = 1_000
PAYLOAD = bytes(PAYLOAD_BYTES)
STEPS = ("seal", "wrap", "peel 1", "peel 2", "peel 3", "deliver", "take")


@dataclass(frozen=True)
class LocalCosts:
    """Medians in milliseconds, but for `forwarder_cells_per_s`.

    message: all steps of one message; hot_message: the same, right after the one before. seal: to the outbox,
    one commit. take: to the inbox, one commit. peel: one layer of one cell, with replay check and repacking.
    wrap: four layers around one cell.
    """

    message_ms: float
    hot_message_ms: float
    seal_ms: float
    take_ms: float
    peel_ms: float
    wrap_ms: float
    forwarder_cells_per_s: float


class StopWatch:
    """Collects the time of each named step of one message."""

    def __init__(self) -> None:
        self.steps_s: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.steps_s[name] = time.perf_counter() - started


class LocalMeasurement:
    """Messages from ada to bo inside this process, taken little by little."""

    def __init__(self, ends: TwoEnds, clock: Clock) -> None:
        self._ends = ends
        self._clock = clock
        self._steps_s: list[dict[str, float]] = []
        self._hot_steps_s: list[dict[str, float]] = []
        self._cells_per_s: list[float] = []

    def send_one(self) -> None:
        """Send a message; its pace is the caller's."""
        self._steps_s.append(_send(self._ends, f"message {len(self._steps_s)}", self._clock))

    def send_without_a_pause(self, count: int) -> None:
        """Send messages one right after another."""
        self._hot_steps_s += [_send(self._ends, f"hot {number}", self._clock) for number in range(count)]

    async def forward(self) -> None:
        """Send a run of cells through a forwarder."""
        self._cells_per_s.append(await _forward(self._ends))

    def costs(self) -> LocalCosts:
        """The medians of everything taken."""
        of = {step: statistics.median(each[step] for each in self._steps_s) * 1_000 for step in STEPS}
        return LocalCosts(
            message_ms=statistics.median(sum(each.values()) for each in self._steps_s) * 1_000,
            hot_message_ms=statistics.median(sum(each.values()) for each in self._hot_steps_s) * 1_000,
            seal_ms=of["seal"],
            take_ms=of["take"],
            peel_ms=statistics.median((of["peel 1"], of["peel 2"], of["peel 3"])),
            wrap_ms=of["wrap"],
            forwarder_cells_per_s=statistics.median(self._cells_per_s),
        )


@contextmanager
def local_measurement() -> Iterator[LocalMeasurement]:
    """Make both ends, send some messages that do not count, and be ready for those that do."""
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="mesa-bench-") as folder, two_ends(Path(folder), clock) as ends:
        for number in range(WARM_UP_MESSAGES):
            _send(ends, f"warm {number}", clock)
        yield LocalMeasurement(ends, clock)


def _send(ends: TwoEnds, text: str, clock: Clock) -> dict[str, float]:
    """Carry one message through all hands; seconds by step. The receipt comes back untimed."""
    watch = StopWatch()
    with watch.step("seal"):
        sealed = ends.seal(text, clock)
    with watch.step("wrap"):
        frame = ends.wrap(sealed)
    for at in range(3):
        with watch.step(f"peel {at + 1}"):
            frame = _peel(ends, at, frame)
    with watch.step("deliver"):
        envelope = _deliver(ends, frame)
    with watch.step("take"):
        entry = ends.take(envelope)
    ends.receipted(entry)
    return watch.steps_s


def _peel(ends: TwoEnds, at: int, frame: bytes) -> bytes:
    hops = ends.route.hop_ids
    peeled = onion.peel(LinkFrame.unpack(frame).cell, hops[at], ends.onion_keys[at])
    assert isinstance(peeled, onion.Forward)
    onion.ReplayWindow().accept(peeled.replay_tag)
    return LinkFrame(hops[at + 1], peeled.cell).pack()


def _deliver(ends: TwoEnds, frame: bytes) -> bytes:
    hop = ends.route.hop_ids[-1]
    peeled = onion.peel(LinkFrame.unpack(frame).cell, hop, ends.onion_keys[-1])
    assert isinstance(peeled, onion.Deliver)
    progress = Reassembler().add(Fragment.unpack(peeled.payload), now=0.0)
    assert progress.envelope is not None
    return progress.envelope


async def _forward(ends: TwoEnds) -> float:
    """Have one forwarder pass on cells to a link that swallows them; cells per second."""
    passed: list[bytes] = []

    def send(_: LinkId, frame: bytes) -> bool:
        passed.append(frame)
        return True

    exits = Exits(send, _unexpected, _unexpected, lambda _: None)
    forwarding = Forwarding(exits, lambda: ends.onion_keys[0])
    link, hops = ends.route.link, ends.route.hop_ids
    incoming, outgoing = (Order(hop, link, How.OPEN, None, None) for hop in hops[:2])
    cells = [onion.wrap(ends.route.layers, PAYLOAD) for _ in range(FORWARDED_CELLS)]
    frames = [LinkFrame(hops[0], cell).pack() for cell in cells]
    forwarding.order(incoming, outgoing, has_way_out=True)
    gc.collect()
    started = time.perf_counter()
    for frame in frames:
        forwarding.receive(link, frame)
    seconds = time.perf_counter() - started
    assert len(passed) == FORWARDED_CELLS
    assert seconds < HOP_LIFE_S
    return FORWARDED_CELLS / seconds


def _unexpected(*_: object) -> None:
    raise AssertionError("a cell that is to be passed on was not")
