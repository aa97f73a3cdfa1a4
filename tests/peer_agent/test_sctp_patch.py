"""How links confirm packets: every second one, a lone one a little later, and what is amiss at once."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc.rtcsctptransport import SCTP_RTO_MIN, RTCSctpTransport, SackChunk

from p2p.protocol.cells import LINK_FRAME_BYTES
from peer_agent import sctp_patch
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.rtc import AiortcTransport, Callbacks
from peer_agent.sctp_patch import apply_sctp_patch
from tests.mesa.socket_app import let_others_run

LIMIT_S = 10.0
# aiortc cuts a frame into so many packets.
PACKETS_OF_A_FRAME = 4
FRAMES = 25


class End:
    """One end of a link, with the frames that came."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.is_open = asyncio.Event()
        self.transport = AiortcTransport(
            Callbacks(self.is_open.set, lambda: None, self.frames.put_nowait, lambda: None), ()
        )

    @property
    def sctp(self) -> Any:
        return self.transport._connection.sctp


@pytest.fixture
async def link() -> AsyncIterator[tuple[End, End]]:
    apply_ice_patch()
    assert apply_sctp_patch()
    one, other = End(), End()
    async with asyncio.timeout(LIMIT_S):
        await one.transport.accept(await other.transport.answer(await one.transport.offer()))
        await one.is_open.wait()
        await other.is_open.wait()
    yield one, other
    await one.transport.close()
    await other.transport.close()


def sacks_of(end: End, monkeypatch: pytest.MonkeyPatch) -> list[SackChunk]:
    """Collect what an end confirms from this moment on."""
    found: list[SackChunk] = []
    send = end.sctp._send_chunk

    async def send_chunk(chunk: object) -> None:
        found.extend([chunk] if isinstance(chunk, SackChunk) else [])
        await send(chunk)

    monkeypatch.setattr(end.sctp, "_send_chunk", send_chunk)
    return found


async def confirmed(end: End) -> None:
    async with asyncio.timeout(LIMIT_S):
        while end.transport.unconfirmed is not None:
            await let_others_run()


async def test_every_second_packet_is_confirmed(
    link: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = link
    sacks = sacks_of(other, monkeypatch)
    sent = [bytes([number]) * LINK_FRAME_BYTES for number in range(FRAMES)]

    for frame in sent:
        one.transport.send(frame)
    async with asyncio.timeout(LIMIT_S):
        came = [await other.frames.get() for _ in sent]
    await confirmed(one)

    assert came == sent
    # A pause between two packets confirms one by itself now and then.
    assert len(sacks) <= FRAMES * PACKETS_OF_A_FRAME * 3 // 4


async def test_packet_that_no_other_follows_is_confirmed_soon(link: tuple[End, End]) -> None:
    one, other = link
    began = time.monotonic()

    one.transport.send(b"one packet")
    await asyncio.wait_for(other.frames.get(), LIMIT_S)
    came_after_s = time.monotonic() - began
    await confirmed(one)

    # Long before the sender sends it again.
    assert time.monotonic() - began < came_after_s + SCTP_RTO_MIN / 2


@pytest.mark.parametrize("trouble", ["_sack_misordered", "_sack_duplicates"])
async def test_what_is_amiss_is_confirmed_at_once(
    link: tuple[End, End], monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    _, other = link
    sacks = sacks_of(other, monkeypatch)
    tsn = other.sctp._last_received_tsn + 3
    monkeypatch.setattr(other.sctp, trouble, {tsn} if trouble == "_sack_misordered" else [tsn])

    await other.sctp._send_sack()

    assert len(sacks) == 1


async def test_link_that_closes_meanwhile_confirms_nothing_more(link: tuple[End, End]) -> None:
    one, other = link
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    one.transport.send(b"one packet")
    await asyncio.wait_for(other.frames.get(), LIMIT_S)

    await other.transport.close()

    async with asyncio.timeout(LIMIT_S):
        while other.sctp in sctp_patch._waiting or sctp_patch._sending:
            await let_others_run()
    # A task that failed says so when it is forgotten.
    gc.collect()
    assert faults == []


def test_patch_leaves_a_changed_library_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def send_sack(self: object) -> None:
        """Do it in another way."""

    monkeypatch.delattr(RTCSctpTransport, "_send_sack_at_once", raising=False)
    monkeypatch.setattr(RTCSctpTransport, "_send_sack", send_sack)

    assert not apply_sctp_patch()

    assert RTCSctpTransport._send_sack is send_sack
