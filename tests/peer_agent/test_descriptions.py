"""What is read out of a description: hidden names whatever ends a line, and whether we are behind NAT."""

import pytest

from p2p.protocol.link import OFFER_AGE_BEHIND_NAT_S, OFFER_AGE_S
from p2p.protocol.words import Nat
from peer_agent.rtc import nat_of, usable_candidates

HEAD = "v=0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
HOST = "a=candidate:1 1 udp 2130706431 192.168.0.7 50000 typ host"
HIDDEN = "a=candidate:2 1 udp 2130706431 0b6c1b3e-8d1e-4e2c-9a54-7f6d1f1f0c11.local 50001 typ host"
SEEN = "a=candidate:3 1 udp 1694498815 203.0.113.9 50000 typ srflx raddr 192.168.0.7 rport 50000"
OWN = "a=candidate:4 1 udp 1694498815 192.168.0.7 50000 typ srflx raddr 192.168.0.7 rport 50000"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\n\r"])
def test_hidden_names_are_stripped_whatever_ends_a_line(end: str) -> None:
    description = "".join(line + end for line in (*HEAD, HOST, HIDDEN))

    usable = usable_candidates(description)

    assert ".local" not in usable
    assert usable == "".join(f"{line}\r\n" for line in (*HEAD, HOST))


@pytest.mark.parametrize(
    ("candidates", "nat"),
    [
        ([HOST], Nat.UNKNOWN),
        ([HOST, SEEN], Nat.CONE),
        ([HOST, OWN], Nat.OPEN),
        ([HOST, OWN, SEEN], Nat.CONE),
        ([], Nat.UNKNOWN),
    ],
)
def test_address_that_only_others_see_means_nat(candidates: list[str], nat: Nat) -> None:
    assert nat_of("".join(f"{line}\r\n" for line in (*HEAD, *candidates))) is nat


def test_offers_live_shorter_behind_nat() -> None:
    assert OFFER_AGE_BEHIND_NAT_S < OFFER_AGE_S
