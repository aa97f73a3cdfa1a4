"""How the device stands in the network: `status` tells of socket, NAT, STUN and TURN."""

import pytest

from p2p.protocol.parts import IceServer
from peer_agent.finding_network import NetworkFacts, network_finding
from peer_agent.turn_only import choose_turn_only
from tests.peer_agent.served import Served
from tests.peer_agent.status.told import Told
from tests.peer_agent.stun_server import stun_server


def test_socket_that_does_not_open(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.greets = False

    told = Told(served, capsys)

    assert told.says("network", "session socket does not open")["socket"] == "unreachable"


def test_nat_is_told(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with stun_server() as url:
        served.server.ice_servers = (IceServer((url,), None, None),)
        network = Told(served, capsys).found["network"]

    assert (network["good"], network["values"]["nat"], network["values"]["stun"]) == (True, "cone", True)
    assert "behind a NAT" in network["why"]


@pytest.mark.parametrize(
    ("kind", "words"), [("stun", "STUN server does not answer"), ("turn", "TURN server does not answer")]
)
def test_server_for_links_that_does_not_answer(
    served: Served, kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with stun_server(answers=False) as url:
        login = ("ada", "secret") if kind == "turn" else (None, None)
        served.server.ice_servers = (IceServer((url.replace("stun", kind),), *login),)
        told = Told(served, capsys)

    assert told.says("network", words)[kind] is False


def test_relay_only_without_a_turn_server(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(lambda ada: choose_turn_only(ada.store, True))

    told = Told(served, capsys)

    assert told.says("network", "relay-only", "names no TURN server")["turn_only"]


def test_relay_only_is_shown() -> None:
    turn = IceServer(("turn:192.0.2.1",), "ada", "secret")
    offer = "a=candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 0\r\n"

    good = network_finding(NetworkFacts("", True, (turn,), offer))
    bad = network_finding(NetworkFacts("", True, (turn,), ""))

    assert good.good
    assert "the address of the TURN server" in good.why
    assert not bad.good
    assert (good.values["turn"], bad.values["turn"]) == (True, False)
