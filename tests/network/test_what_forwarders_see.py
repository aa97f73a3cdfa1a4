"""Everything three forwarders saw, logged and stored while messages passed: nothing says who the ends are."""

import base64
import json
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from p2p.protocol.cells import LINK_FRAME_BYTES
from p2p.protocol.fields import b64_text
from p2p.protocol.ids import HOP_ID_BYTES
from p2p.protocol.limits import FRAME_STEP_BYTES
from peer_agent.account import Account as AgentAccount
from peer_agent.account import require_account
from peer_agent.config import Config
from peer_agent.desk import opened_store
from tests.network.agents import Account, Agent
from tests.network.conftest import BO, FORWARDERS, Town
from tests.network.deliveries import hops_of

MESSAGES = 5
SHARED_BYTES = 8


@dataclass
class Seen:
    """What one forwarder saw."""

    agent: Agent
    record: Path
    state: Path

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def cells(self) -> list[bytes]:
        """Frames on all links, both ways."""
        return [base64.b64decode(line["frame"]) for line in self.lines() if line["seen"] in ("in", "out")]

    def socket_texts(self) -> list[str]:
        return [line["text"] for line in self.lines() if line["seen"] == "socket"]

    def everything(self) -> bytes:
        """All of it in one string of bytes, with what it printed, logged and stored."""
        stored = b"".join(path.read_bytes() for path in self.state.iterdir() if path.is_file())
        printed = json.dumps(self.agent.events) + self.agent.errors + "".join(self.socket_texts())
        return b"".join(self.cells()) + printed.encode() + stored


@dataclass
class Passage:
    """Some messages that crossed the town: their path, and what its forwarders saw."""

    hops: list[bytes]
    forwarders: list[Seen]
    ends: list[AgentAccount]


def account_of(account: Account) -> AgentAccount:
    with opened_store(Config(account.state)) as store:
        return require_account(store)


@pytest.fixture(scope="module")
def passage(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Passage:
    town.stop()
    folder = tmp_path_factory.mktemp("records")
    seen = []
    for name in FORWARDERS[:3]:
        state, record = town.forwarders[name].state, folder / name
        command = [sys.executable, "-m", "tests.network.recording_forwarder", str(state), str(record)]
        seen.append(Seen(Agent(town.forwarders[name], command), record, state))
    for each in seen:
        each.agent.wait_for_event("online")
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    texts = "\n".join(f"secret {number}" for number in range(MESSAGES))
    told = town.ada.run("send", BO, "--lines", "--timeout", "50", text=texts)
    codes = [bo.stop(), *(each.agent.stop() for each in seen)]
    assert codes == [0, 0, 0, 0]
    hops = [base64.urlsafe_b64decode(hop + "=") for hop in hops_of(told)]
    return Passage(hops, seen, [account_of(town.ada), account_of(town.bo)])


def test_forwarders_were_really_listened_to(passage: Passage) -> None:
    on_the_path = [each for each in passage.forwarders if len(each.cells()) >= 2 * MESSAGES]

    assert len(on_the_path) == 3
    assert all(each.socket_texts() for each in passage.forwarders)


def test_no_forwarder_saw_a_name_or_an_id_of_an_end(passage: Passage) -> None:
    for account in passage.ends:
        device = account.device_id
        traces = [
            account.username.encode(),
            str(device).encode(),
            device.bytes,
            b64_text(device.bytes).encode(),
        ]
        keys = account.device.entry
        traces += [keys.signing.raw, keys.agreement.raw, account.identity.fingerprint]
        for each in passage.forwarders:
            everything = each.everything()

            assert [trace for trace in traces if trace in everything] == []


def test_no_forwarder_saw_a_message(passage: Passage) -> None:
    for each in passage.forwarders:
        assert b"secret" not in each.everything()


def test_no_two_hops_share_eight_bytes(passage: Passage) -> None:
    seen = [frame for each in passage.forwarders for frame in each.cells()]
    by_hop = [{frame for frame in seen if frame[:HOP_ID_BYTES] == hop} for hop in passage.hops]
    assert all(len(frames) >= MESSAGES for frames in by_hop)

    pieces = [
        {frame[at : at + SHARED_BYTES] for frame in frames for at in range(len(frame) - SHARED_BYTES + 1)}
        for frames in by_hop
    ]

    assert [len(one & other) for one, other in combinations(pieces, 2)] == [0] * 6


def test_all_frames_of_a_kind_have_one_size(passage: Passage) -> None:
    cells = {len(frame) for each in passage.forwarders for frame in each.cells()}
    orders = {
        len(text)
        for each in passage.forwarders
        for text in each.socket_texts()
        if text.startswith('{"type":"ready_to_receive"')
    }

    assert cells == {LINK_FRAME_BYTES}
    assert orders == {FRAME_STEP_BYTES}


def test_forwarders_log_nothing_about_a_path(passage: Passage) -> None:
    for each in passage.forwarders:
        logged = each.agent.errors
        for hop in passage.hops:
            assert b64_text(hop) not in logged
            assert hop.hex() not in logged
