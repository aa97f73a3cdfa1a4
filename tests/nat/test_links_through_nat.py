"""Links between two homes: directly where their routers allow it, by TURN where not or where wished."""

import pytest

from p2p.protocol.parts import IceServer
from tests.nat.capture import Capture, capturing
from tests.nat.conftest import End, stun, stun_and_turn
from tests.nat.coturn import TURNS_URL
from tests.nat.lab import TURN, Home, Lab, Nat
from tests.nat.packets import TCP, UDP, find, is_channel_data
from tests.network.conftest import ADA, BO

pytestmark = pytest.mark.nat

TEXT = "over the fence"
Servers = tuple[IceServer, ...]


def connect(ends: tuple[End, End], servers: Servers, *, ada: bool = False, bo: bool = False) -> bool:
    """Bring up a link and send something over it; ada and bo say whether they go through TURN alone."""
    one, other = ends
    offer = one.begin("offer", servers, turn_only=ada)
    answer = other.begin("answer", servers, turn_only=bo, description=offer["description"])
    one.do("accept", **answer)
    is_open = all(end.do("open")["is_open"] for end in ends)
    if is_open:
        one.do("send", text=TEXT)
        assert other.do("receive") == {"text": TEXT}
    return is_open


def disconnect(ends: tuple[End, End]) -> None:
    for end in ends:
        end.do("close")


def over_links(capture: Capture) -> set[str]:
    """Addresses with which the content of links was exchanged."""
    packets = [each for each in capture.packets() if each.protocol == UDP and is_channel_data(each.body)]
    return set().union(*(each.ends for each in packets))


def spoken_to(capture: Capture, home: Home) -> set[str]:
    """Everybody to whom anything at all left this home."""
    return {each.target for each in capture.packets() if each.source == home.lan}


def test_cone_to_cone_opens_by_stun(lab: Lab, ends: tuple[End, End]) -> None:
    lab.translate(Nat.CONE)
    ada, bo = lab.homes[ADA], lab.homes[BO]

    with capturing(lab, (ADA, BO)) as captures:
        assert connect(ends, stun())
        disconnect(ends)

        assert over_links(captures[ADA]) == {ada.lan, bo.wan}
        assert over_links(captures[BO]) == {bo.lan, ada.wan}


def test_without_stun_the_routers_let_nothing_through(lab: Lab, ends: tuple[End, End]) -> None:
    """What the tests beside this one show is the work of STUN and TURN, not of a lab without walls."""
    lab.translate(Nat.CONE)

    assert not connect(ends, ())
    disconnect(ends)


def test_symmetric_to_symmetric_opens_by_turn(lab: Lab, ends: tuple[End, End]) -> None:
    lab.translate(Nat.SYMMETRIC)

    with capturing(lab, (ADA, BO)) as captures:
        assert not connect(ends, stun())
        disconnect(ends)
        assert connect(ends, stun_and_turn())
        disconnect(ends)

        for name in (ADA, BO):
            assert over_links(captures[name]) == {lab.homes[name].lan, TURN}


@pytest.mark.parametrize("nat", Nat)
@pytest.mark.parametrize(("ada", "bo"), [(True, False), (False, True), (True, True)])
def test_who_is_relay_only_sends_to_the_turn_server_alone_and_stays_unknown(
    lab: Lab, ends: tuple[End, End], nat: Nat, *, ada: bool, bo: bool
) -> None:
    lab.translate(nat)
    hidden = [name for name, hides in ((ADA, ada), (BO, bo)) if hides]

    with capturing(lab, (ADA, BO)) as captures:
        assert connect(ends, stun_and_turn(), ada=ada, bo=bo)
        disconnect(ends)

        for name in hidden:
            home, other = lab.homes[name], captures[BO if name == ADA else ADA]
            assert spoken_to(captures[name], home) == {TURN}
            assert [find(address, other.packets()) for address in (home.lan, home.wan)] == [set(), set()]


def test_address_of_a_neighbour_that_hides_nothing_would_be_found(lab: Lab, ends: tuple[End, End]) -> None:
    lab.translate(Nat.CONE)

    with capturing(lab, (BO,)) as captures:
        assert connect(ends, stun())
        disconnect(ends)

        assert find(lab.homes[ADA].wan, captures[BO].packets()) >= {"header", "STUN"}


def test_relay_only_goes_over_tls_where_the_address_says_so(lab: Lab, ends: tuple[End, End]) -> None:
    lab.translate(Nat.SYMMETRIC)

    with capturing(lab, (ADA,)) as captures:
        assert connect(ends, stun_and_turn(TURNS_URL), ada=True)
        disconnect(ends)

        assert spoken_to(captures[ADA], lab.homes[ADA]) == {TURN}
        assert {each.protocol for each in captures[ADA].packets()} == {TCP}
