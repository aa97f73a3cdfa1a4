"""The coturn configuration that Mesa ships: who is let in, where it leads, and that it leaves no trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from p2p.protocol.parts import IceServer
from p2p.turn import ice_servers
from tests.nat.conftest import End, stun_and_turn
from tests.nat.coturn import SECRET, TURN_URL, running_coturn
from tests.nat.lab import MESA, TURN, Lab
from tests.network.conftest import ADA, BO

pytestmark = pytest.mark.nat

FORBIDDEN = 403
PRIVATE = """
    0.0.0.1 10.0.0.0 10.77.2.2 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 169.254.0.0 169.254.169.254
    169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.0
    192.88.99.255 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 224.0.0.1
    255.255.255.255
""".split()

# The last before and the first behind each range.
PUBLIC = """
    1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
    203.0.114.0 223.255.255.255
""".split()


def offer(end: End, servers: tuple[IceServer, ...]) -> Any:
    answer = end.begin("offer", servers, turn_only=True)
    end.do("close")
    return answer


def reach(end: End, peer: str) -> int:
    login = stun_and_turn()[1]
    server = TURN_URL.removeprefix("turn:")
    answer = end.do("reach", server=server, username=login.username, credential=login.credential, peer=peer)
    return int(answer["code"])


@pytest.mark.parametrize("which", ["another secret", "another name", "no login"])
def test_nobody_gets_in_by_a_bad_login(ends: tuple[End, End], which: str) -> None:
    good = stun_and_turn()[1]
    name, credential = str(good.username), str(good.credential)
    bad = {
        "another secret": (name, credential.swapcase()),
        "another name": (name.replace(":", ":x"), credential),
        "no login": (None, None),
    }[which]

    assert "description" in offer(ends[0], (good,))
    assert "failed" in offer(ends[0], (IceServer(good.urls, *bad),))


def test_nobody_gets_in_by_a_login_that_has_ended(ends: tuple[End, End]) -> None:
    now = datetime.now(UTC)
    lasting, ended = (ice_servers([TURN_URL], SECRET, now=each) for each in (now, now - timedelta(hours=2)))

    assert "description" in offer(ends[0], lasting)
    assert "failed" in offer(ends[0], ended)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_way_leads_to_a_private_address(ends: tuple[End, End], address: str) -> None:
    assert reach(ends[0], address) == FORBIDDEN


@pytest.mark.parametrize("address", PUBLIC)
def test_ways_lead_to_all_others(ends: tuple[End, End], address: str) -> None:
    """Asked for only: nothing is sent."""
    assert reach(ends[0], address) == 0


def test_ways_lead_to_other_peers_and_their_places(lab: Lab, ends: tuple[End, End]) -> None:
    assert [reach(ends[0], address) for address in (lab.homes[BO].wan, TURN, MESA)] == [0, 0, 0]


def test_no_address_and_no_name_stays_behind(lab: Lab, ends: tuple[End, End], tmp_path: Path) -> None:
    """Read after its end: what a program has not written out yet is not seen before."""
    (login,) = ice_servers([f"turn:{MESA}:3478"], SECRET, now=datetime.now(UTC))
    with running_coturn(lab, tmp_path, MESA) as place:
        assert "description" in offer(ends[0], (login,))

    left = {path.name: path.read_text() for path in place.iterdir()}

    assert left.keys() <= {"pid", "said"}
    secret = (lab.homes[ADA].wan, lab.homes[ADA].lan, str(login.username))
    assert not [each for each in secret if each in left["said"]]
