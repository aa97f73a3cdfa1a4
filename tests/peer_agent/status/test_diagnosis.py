"""What `status` tells as a whole, and of what the server holds: login, identity, forwarders, prekeys."""

import re

import pytest

from p2p.protocol.fields import b64_text
from p2p.protocol.parts import IceServer
from peer_agent.errors import ExitCode
from peer_agent.finding_local import LOW_SPACE_BYTES, Why
from peer_agent.finding_server import CLOCK_TOLERANCE_S, Trouble
from peer_agent.findings import About
from peer_agent.state_dir import locked
from peer_agent.upkeep import REFILL_BELOW
from tests.peer_agent.devices import make_account
from tests.peer_agent.served import Served
from tests.peer_agent.status.told import PAGE, Told, write_to_bo
from tests.peer_agent.stun_server import stun_server

VALUES = {
    about: re.findall(r"`(\w+)`", keys)
    for about, keys in re.findall(r"^\| `(\w+)` \| ?(.*?) ?\|", PAGE, re.MULTILINE)
}


def test_all_is_well(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with stun_server() as url:
        served.server.ice_servers = (IceServer((url,), None, None),)
        told = Told(served, capsys)

    assert told.code == ExitCode.OK
    assert told.text.startswith(f"ada at {served.address}. All is well.\n"), told.text
    assert all(each["good"] for each in told.found.values())
    assert told.lines[0]["identity"] == "same"
    assert list(told.found) == [each for each in About if each is not About.DIRECTORY]
    assert {about: list(each["values"]) for about, each in told.found.items()} | {
        "directory": ["holder"]
    } == VALUES


def test_numbers_are_those_of_the_page() -> None:
    assert f"less than {LOW_SPACE_BYTES // 2**20} MiB" in PAGE
    assert f"more than {CLOCK_TOLERANCE_S:g} s" in PAGE
    assert f"fewer than {REFILL_BELOW} of a kind" in PAGE
    assert [each for each in [*Trouble, *Why] if f"`{each}`" not in PAGE] == []


def test_nothing_is_sent_and_nobody_comes_online(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.server.requests.clear()

    Told(served, capsys)

    asked = {route for route, _ in served.server.requests}
    assert asked == {"GET server", "GET me", "GET statements", "GET forwarders", "GET prekeys"}
    assert {frame["type"] for frame in served.server.frames} == {"hello"}


def test_login_that_has_ended(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    ended = (401, "not_authenticated")
    served.server.problems = {"GET me": ended, "POST refresh": ended}

    told = Told(served, capsys)

    told.says("login", "has ended")
    assert told.code == ExitCode.LOGIN_REFUSED


def test_identity_that_the_server_changed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_account("ada", served.ada.time.clock())
    served.server.users["ada"].statements = [b64_text(each) for each in other.statements]

    told = Told(served, capsys)

    assert told.says("identity", "another identity of yours")["verdict"] == "changed"
    assert told.code == ExitCode.OK


def test_too_few_forwarders(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.forwarders = 0

    told = Told(served, capsys)

    assert told.says("forwarders", "Fewer than 3 peers forward") == {"at_least": 0, "needed": 3}
    assert "`mesa-peer forward`" in told.found["forwarders"]["help"]


def test_prekeys_that_are_nearly_used_up(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    del served.server.users["ada"].prekeys["one_time"][4:]

    told = Told(served, capsys)

    assert told.says("prekeys", "few prekeys", "4") == {"one_time": 4, "one_time_kem": 50}


def test_agent_that_holds_the_directory(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    with locked(served.path, "mesa-peer listen"):
        told = Told(served, capsys)

    assert told.code == ExitCode.OK
    directory = told.found["directory"]
    assert re.fullmatch(r"Process \d+ \(mesa-peer listen\) works on .*", directory["why"])
    assert directory["good"]
    assert list(told.found) == ["directory", "disk", "server", "clock", "guards", "contacts", "outbox"]
    assert told.found["outbox"]["values"]["waiting"][0]["why"] == "under_way"
    assert told.lines[0]["identity"] is None
