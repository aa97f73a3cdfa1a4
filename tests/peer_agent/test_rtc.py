"""Descriptions: which candidates are used, and that no public server is ever asked."""

import asyncio

import aioice.ice
import pytest

from p2p.protocol.fields import SDP_BYTES
from p2p.protocol.parts import IceServer
from peer_agent import ice_patch
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFailed, shortened, usable_candidates
from tests.mesa.socket_app import let_others_run

HEAD = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
HOST = "a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host"
HIDDEN = "a=candidate:2 1 udp 2130706431 0b6c1b3e-8d1e-4e2c-9a54-7f6d1f1f0c11.local 50001 typ host"
NOBODY = Callbacks(lambda: None, lambda: None, lambda frame: None, lambda: None)


def test_hidden_names_are_stripped_and_the_rest_is_kept() -> None:
    description = (
        f"{HEAD}{HOST}\r\n{HIDDEN}\r\n{HIDDEN.replace('.local', '.LOCAL.')}\r\na=end-of-candidates\r\n"
    )

    assert usable_candidates(description) == f"{HEAD}{HOST}\r\na=end-of-candidates\r\n"


def test_name_that_only_mentions_local_is_kept() -> None:
    description = f"{HEAD}{HOST} ufrag x.local\r\n"

    assert usable_candidates(description) == description


def test_machine_with_very_many_addresses_still_fits_a_frame() -> None:
    description = HEAD + "".join(f"{HOST}\r\n" for _ in range(200))

    short = shortened(description)

    assert len(short) <= SDP_BYTES
    assert short.startswith(HEAD + HOST)


def test_description_that_can_not_be_shortened_is_an_error() -> None:
    with pytest.raises(TransportFailed):
        shortened("a=x\r\n" * 2_000)


async def test_no_server_is_asked_unless_the_welcome_names_one() -> None:
    transport = AiortcTransport(NOBODY, ())
    offer = await transport.offer()
    await transport.close()

    assert "srflx" not in offer
    configuration = transport._connection._RTCPeerConnection__configuration  # type: ignore[attr-defined]  # the edge
    assert configuration.iceServers == []


async def test_servers_of_the_welcome_are_used() -> None:
    server = IceServer(("turn:192.0.2.1:3478",), "user", "word")

    transport = AiortcTransport(NOBODY, (server,))

    configuration = transport._connection._RTCPeerConnection__configuration  # type: ignore[attr-defined]  # the edge
    assert [(each.urls, each.username) for each in configuration.iceServers] == [
        (["turn:192.0.2.1:3478"], "user")
    ]
    await transport.close()


async def test_channel_is_negotiated_with_a_fixed_id() -> None:
    transport = AiortcTransport(NOBODY, ())
    await transport.offer()

    channel = transport._channel
    assert channel is not None
    assert (channel.id, channel.negotiated, channel.ordered, channel.label) == (0, True, True, "mesa")
    assert (channel.maxRetransmits, channel.maxPacketLifeTime) == (None, None)
    await transport.close()


@pytest.mark.parametrize("by_the_library", [True, False])
async def test_who_stops_waiting_for_an_end_does_not_fail_the_one_who_closes(by_the_library: bool) -> None:
    """As when the other side has closed, so that the library closes too, while the agent stops."""
    transport = AiortcTransport(NOBODY, ())
    await transport.offer()
    closer = transport._connection if by_the_library else transport

    closing, waiting = (asyncio.ensure_future(each.close()) for each in (closer, transport))
    await let_others_run()
    waiting.cancel()

    await closing
    await transport.close()


def test_patch_fits_the_installed_library() -> None:
    assert ice_patch.apply_ice_patch()


def test_patch_leaves_a_changed_library_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "asyncio", object())
    monkeypatch.setattr(aioice.ice.Connection, "connect", lambda self: None)
    before = vars(aioice.ice).copy()

    assert not ice_patch.apply_ice_patch()

    assert vars(aioice.ice) == before
