"""How often the stock of offers is renewed: before a NAT has forgotten where its candidates lead."""

import asyncio

import pytest

from p2p.protocol.frames import FrameToServer
from p2p.protocol.link import OFFER_AGE_BEHIND_NAT_S, OFFER_AGE_S
from p2p.protocol.to_server import IceClient
from p2p.protocol.words import Nat
from peer_agent.clock import Clock
from peer_agent.crypto.identity import create_device
from peer_agent.link_end import LinkReports
from peer_agent.links import Links
from peer_agent.presence import Presence, PresenceParts
from peer_agent.rtc import Callbacks
from peer_agent.tasks import Tasks
from tests.peer_agent.wires import Turned, Wire

LIMIT_S = 10.0
HOST = "a=candidate:1 1 udp 1 192.168.0.7 50000 typ host\r\n"
SEEN = "a=candidate:2 1 udp 1 203.0.113.9 50000 typ srflx raddr 192.168.0.7 rport 50000\r\n"
TURNED = "a=candidate:3 1 udp 1 203.0.113.2 50001 typ relay raddr 0.0.0.0 rport 9\r\n"


@pytest.mark.parametrize(
    ("offer", "nat", "age_s"),
    [
        (HOST, Nat.UNKNOWN, OFFER_AGE_S),
        (HOST + SEEN, Nat.CONE, OFFER_AGE_BEHIND_NAT_S),
        (TURNED, Nat.UNKNOWN, OFFER_AGE_BEHIND_NAT_S),
    ],
)
async def test_offers_are_renewed_at_their_age(
    monkeypatch: pytest.MonkeyPatch, offer: str, nat: Nat, age_s: float
) -> None:
    class Described(Wire):
        async def offer(self) -> str:
            return offer

    def wire(callbacks: Callbacks) -> Wire:
        return Described(callbacks)

    clock, sent = Turned(monkeypatch), asyncio.Queue[FrameToServer]()
    async with Tasks() as tasks:
        links = Links(
            LinkReports(lambda _: None, lambda _: None, lambda _: None, lambda *_: None, lambda *_: None),
            tasks,
        )
        links.use(wire)
        told: list[None] = []
        parts = PresenceParts(
            create_device(),
            links,
            Clock(),
            sent.put_nowait,
            lambda event: None,
            lambda: told.append(None),
            forwards=True,
        )
        presence = Presence(parts)
        tasks.spawn(presence.run())
        presence.renew_soon(whole=True)
        first = await asyncio.wait_for(sent.get(), LIMIT_S)

        clock.later_s = age_s - 1.0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sent.get(), 0.05)
        clock.later_s = age_s + 1.0
        second = await asyncio.wait_for(sent.get(), LIMIT_S)

    assert isinstance(first, IceClient)
    assert isinstance(second, IceClient)
    assert (first.nat, second.nat) == (nat, nat)
    assert {each.id for each in first.offers}.isdisjoint(each.id for each in second.offers)
