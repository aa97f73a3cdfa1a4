"""What is read out of a description: hidden names whatever ends a line, and whether we are behind NAT."""

import contextlib

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p.protocol.link import OFFER_AGE_BEHIND_NAT_S, OFFER_AGE_S
from p2p.protocol.words import Nat
from peer_agent.crypto.direct import fingerprint_of, with_one_fingerprint
from peer_agent.crypto.errors import Malformed
from peer_agent.rtc import hides_address, nat_of, offer_age_s, usable_candidates

HEAD = "v=0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
HOST = "a=candidate:1 1 udp 2130706431 192.168.0.7 50000 typ host"
HIDDEN = "a=candidate:2 1 udp 2130706431 0b6c1b3e-8d1e-4e2c-9a54-7f6d1f1f0c11.local 50001 typ host"
SEEN = "a=candidate:3 1 udp 1694498815 203.0.113.9 50000 typ srflx raddr 192.168.0.7 rport 50000"
OWN = "a=candidate:4 1 udp 1694498815 192.168.0.7 50000 typ srflx raddr 192.168.0.7 rport 50000"

TURNED = "a=candidate:5 1 udp 16777215 203.0.113.2 50001 typ relay raddr 203.0.113.9 rport 50000"
HIDDEN_TURNED = "a=candidate:5 1 udp 16777215 203.0.113.2 50001 typ relay raddr 0.0.0.0 rport 9"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\n\r"])
def test_hidden_names_are_stripped_whatever_ends_a_line(end: str) -> None:
    description = "".join(line + end for line in (*HEAD, HOST, HIDDEN))

    usable = usable_candidates(description)

    assert ".local" not in usable
    assert usable == "".join(f"{line}\r\n" for line in (*HEAD, HOST))


def test_hidden_name_is_stripped_wherever_the_library_would_find_it() -> None:
    spaced = HIDDEN.replace("a=candidate:", "a=candidate: ")

    assert usable_candidates(described(spaced, HOST)) == described(HOST)


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
    assert nat_of(described(*candidates)) is nat


@pytest.mark.parametrize(
    ("candidates", "age_s"),
    [
        ([HOST], OFFER_AGE_S),
        ([HOST, OWN], OFFER_AGE_S),
        ([HOST, OWN, TURNED], OFFER_AGE_S),
        ([HOST, SEEN], OFFER_AGE_BEHIND_NAT_S),
        ([HOST, SEEN, TURNED], OFFER_AGE_BEHIND_NAT_S),
        ([HOST, TURNED], OFFER_AGE_BEHIND_NAT_S),
        ([HIDDEN_TURNED], OFFER_AGE_BEHIND_NAT_S),
    ],
)
def test_offer_lives_as_long_as_a_nat_before_it_would_let_it(candidates: list[str], age_s: float) -> None:
    assert offer_age_s(described(*candidates)) == age_s


@pytest.mark.parametrize(
    ("candidates", "hides"),
    [
        ([], False),
        ([HIDDEN_TURNED], True),
        ([HIDDEN_TURNED.replace("raddr 0.0.0.0", "raddr ::")], True),
        ([HIDDEN_TURNED.removesuffix(" raddr 0.0.0.0 rport 9")], True),
        ([TURNED], False),
        ([HOST], False),
        ([SEEN], False),
        ([HIDDEN_TURNED, HOST], False),
        ([HIDDEN_TURNED, SEEN], False),
    ],
)
def test_description_hides_an_address_only_if_it_names_turn_servers_alone(
    candidates: list[str], *, hides: bool
) -> None:
    assert hides_address(described(*candidates)) == hides


def described(*candidates: str) -> str:
    return "".join(f"{line}\r\n" for line in (*HEAD, *candidates))


def test_offers_live_shorter_behind_nat() -> None:
    assert OFFER_AGE_BEHIND_NAT_S < OFFER_AGE_S


PROVED, ANOTHER = b"p" * 32, b"o" * 32
SPACES = [" ", " ", "  ", "\t", "\N{NO-BREAK SPACE}", "\x85"]
said = st.builds(
    lambda before, name, between, value: f"{before}{name}{between}{value.hex(':').upper()}",
    st.sampled_from(["", "", " ", "\t"]),
    st.sampled_from(["a=fingerprint:sha-256"] * 3 + ["a=fingerprint:SHA-512", "A=FINGERPRINT:sha-256"]),
    st.sampled_from(SPACES),
    st.sampled_from([PROVED, ANOTHER]),
)


@settings(max_examples=300)
@given(st.lists(said, min_size=1, max_size=3), st.lists(said, max_size=3))
def test_library_reads_no_other_fingerprint_than_the_one_that_is_proved(
    of_session: list[str], of_media: list[str]
) -> None:
    """Who stands between writes what it likes: two readers must not find two certificates in one text."""
    description = "\r\n".join([HEAD[0], *of_session, HEAD[1], "a=setup:actpass", *of_media, ""])
    try:
        proved = fingerprint_of(description)
    except Malformed:
        return

    used = set[tuple[str, str]]()
    with contextlib.suppress(ValueError):
        (media,) = SessionDescription.parse(usable_candidates(with_one_fingerprint(description))).media
        assert media.dtls is not None
        used = {(each.algorithm.lower(), each.value.lower()) for each in media.dtls.fingerprints}

    assert used <= {("sha-256", proved.hex(":"))}
