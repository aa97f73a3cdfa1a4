"""The power goes while a device writes to its store: what it promised is there, and all arrives exactly once.

Promised is what others were told: the user that a message is accepted, the other device that it has come.
Spec: docs/spec/agent.md, sections "State directory" and "Outbox"
"""

import contextlib
import copy
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p2p.protocol.parts import ReceiptEntry
from peer_agent.crypto.messages import Text
from peer_agent.history import Stored
from peer_agent.store import open_store
from tests.peer_agent.devices import Device, HandClock, acquaint
from tests.peer_agent.power_loss import SECTOR, Disk, Image, Moment, PowerLoss

NAMES = ("ada", "bo")
# A disk in memory, where there is one: nothing here is worth a wait for a real one.
MEMORY = Path("/dev/shm")  # noqa: S108
# So few pages are in the -wal when it is written back; SQLite's own limit is 1,000.
PAGES = 20
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
FRAME_BYTES = FRAME_HEADER_BYTES + 4_096
ROWS = (
    "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM envelopes),"
    " (SELECT count(*) FROM received)"
)

Pair = dict[str, Device]
Script = list[tuple[Callable[["Talk", str], None], str]]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def model(folder: Path) -> Pair:
    """Two devices that know each other, to be copied."""
    time = HandClock()
    pair = {name: Device(folder / "model" / name, name, time=time) for name in NAMES}
    acquaint(pair["ada"], pair["bo"])
    # bo's first message needs the session that ada's first one begins.
    Talk(pair, written=-1).bring_over_new("ada")
    for device in pair.values():
        device.store.close()
    return pair


@contextlib.contextmanager
def copies(model: Pair, folder: Path) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        pair = {each: copy_of(device, Path(name) / each) for each, device in model.items()}
        yield pair
        for device in pair.values():
            device.store.close()


def copy_of(device: Device, path: Path) -> Device:
    shutil.copytree(device.path, path)
    made = copy.copy(device)
    made.path, made.events = path, []
    made.open()
    made.store.change(f"PRAGMA wal_autocheckpoint = {PAGES}")
    return made


@dataclass
class Talk:
    """What two devices write to each other, and what each of them has promised.

    accepted: by author, the texts that were taken for delivery.
    receipted: by receiver, envelopes and the receipt that was given for each.
    """

    pair: Pair
    accepted: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    receipted: dict[str, dict[bytes, ReceiptEntry]] = field(
        default_factory=lambda: {name: {} for name in NAMES}
    )
    written: int = 0

    def write(self, name: str) -> None:
        self.written += 1
        text = f"{name} {self.written}"
        self.pair[name].write(self.other(name), text)
        self.accepted[name].append(text)

    def bring_over_new(self, name: str) -> None:
        self.write(name)
        self.bring_over(name)

    def bring_over(self, name: str) -> None:
        """Send everything of a device that has no receipt, and take the receipts."""
        device, other = self.pair[name], self.other(name)
        for stored in device.books.history.undelivered(device.contact(other).number):
            envelope = sealed(device, other, stored)
            receipt = other.inbox.take(envelope)
            assert receipt is not None
            self.receipted[other.name][envelope] = receipt
            assert device.receipt(other, receipt) == stored.number

    def other(self, name: str) -> Device:
        return self.pair[next(each for each in NAMES if each != name)]

    def play(self, script: Script) -> None:
        for action, name in script:
            action(self, name)

    def check(self) -> None:
        """Go on as after any other start, and see that every promise was kept."""
        self.play([(Talk.bring_over_new, name) for name in NAMES])
        for name in NAMES:
            assert_came_once(self.pair[name], self.other(name), self.accepted[name])
            for envelope, receipt in self.receipted[name].items():
                assert self.pair[name].inbox.take(envelope) == receipt


def sealed(device: Device, other: Device, stored: Stored) -> bytes:
    """The sealed form of a message: the one there is, or one that is made now."""
    contact = device.contact(other)
    found = device.books.outbox.find(contact.number, stored.number, contact.devices[0])
    if found is None:
        session = device.books.sessions.choose(contact.number, contact.devices[0], now_ms=0)
        assert session is not None
        found = device.books.outbox.seal(stored, contact.devices[0], session, now_ms=0)
    return found.envelope


def assert_came_once(sender: Device, receiver: Device, accepted: list[str]) -> None:
    """See that all that was accepted came, once and in order; what was not may have come, too."""
    came = texts_from(sender, receiver)
    assert len(came) == len(set(came))
    assert [text for text in came if text in accepted] == accepted
    assert sender.books.history.undelivered(sender.contact(receiver).number) == []


def texts_from(sender: Device, receiver: Device) -> list[str]:
    entries = receiver.books.history.conversation(receiver.contact(sender).number)
    contents = [each.message.content for each in entries if isinstance(each, Stored) and not each.is_outgoing]
    return [content.text for content in contents if isinstance(content, Text)]


def lose_power(talk: Talk, victim: str, script: Script, *, commits: int) -> Moment:
    """Play until the power of a device goes, at one of its commits or at the end."""
    device = talk.pair[victim]
    disk = Disk(device.store._database, device.path, commits=commits)
    device.store._database = disk  # type: ignore[assignment]  # the edge that fails
    with contextlib.suppress(PowerLoss):
        talk.play(script)
    return disk.moment


def come_back(device: Device, left: Image) -> None:
    """Start a device again with what its disk has."""
    device.store.close()
    left.put(device.path)
    device.open()


BOTH_WAYS: Script = [(act, name) for name in (*NAMES, *NAMES) for act in (Talk.write, Talk.bring_over)]
actions = st.tuples(st.sampled_from([Talk.write, Talk.bring_over]), st.sampled_from(NAMES))


@settings(
    max_examples=60,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture],
)
@given(
    script=st.lists(actions, min_size=1, max_size=10),
    victim=st.sampled_from(NAMES),
    commits=st.integers(0, 12),
    seed=st.integers(0, 2**32),
)
def test_what_was_promised_is_there_whatever_the_disk_kept(
    model: Pair, folder: Path, script: Script, victim: str, commits: int, seed: int
) -> None:
    with copies(model, folder) as pair:
        talk = Talk(pair)
        moment = lose_power(talk, victim, script + BOTH_WAYS, commits=commits)

        come_back(pair[victim], moment.left(random.Random(seed)))

        talk.check()


@pytest.mark.parametrize("commits", range(8))
@pytest.mark.parametrize("victim", NAMES)
def test_commit_that_was_cut_off_anywhere_is_there_whole_or_not_at_all(
    model: Pair, folder: Path, victim: str, commits: int
) -> None:
    with copies(model, folder) as pair:
        talk = Talk(pair)
        moment = lose_power(talk, victim, BOTH_WAYS, commits=commits)
        device = pair[victim]
        seen = []
        device.store.close()
        for offset in cuts(moment):
            moment.cut(offset).put(device.path)
            with contextlib.closing(open_store(device.path, None)) as store:
                assert store.rows("PRAGMA integrity_check") == [("ok",)]
                seen.append(store.row(ROWS))
        device.open()

        before, after = seen[0], seen[-1]
        assert before != after
        assert seen == [before] * seen.count(before) + [after] * seen.count(after)
        talk.check()


def cuts(moment: Moment) -> list[int]:
    """Offsets in what a commit wrote to the -wal: its ends, and those around the header of each frame."""
    begin, end = moment.first_difference(), len(moment.written.wal)
    frames = range(WAL_HEADER_BYTES, end, FRAME_BYTES)
    around = {frame + more for frame in frames for more in (0, 1, FRAME_HEADER_BYTES, SECTOR)}
    return sorted(each for each in around | {begin, begin + 1, end - 1, end} if begin <= each <= end)
