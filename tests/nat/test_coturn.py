"""The coturn configuration that Mesa ships: who is let in, where it leads, and that it leaves no trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from p2p.protocol.parts import IceServer
from p2p.turn import ice_servers
from tests.nat.conftest import End, stun_and_turn
from tests.nat.coturn import SECRET, TURN_URL
from tests.nat.lab import MESA, TURN, Lab
from tests.network.conftest import ADA, BO

pytestmark = pytest.mark.nat

FORBIDDEN = 403
PRIVATE = """
    0.0.0.1 10.77.2.2 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.2.1 192.168.1.1
    198.51.100.1 224.0.0.1 255.255.255.255
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


def test_ways_lead_to_other_peers_and_their_places(lab: Lab, ends: tuple[End, End]) -> None:
    assert [reach(ends[0], address) for address in (lab.homes[BO].wan, TURN, MESA)] == [0, 0, 0]


def test_no_address_and_no_name_stays_behind(lab: Lab, coturn: Path, ends: tuple[End, End]) -> None:
    login = stun_and_turn()[1]
    assert "description" in offer(ends[0], (login,))

    left = {path.name: path.read_text() for path in coturn.iterdir()}

    assert set(left) == {"pid", "said"}
    secret = (lab.homes[ADA].wan, lab.homes[ADA].lan, str(login.username))
    assert not [each for each in secret if each in left["said"]]
