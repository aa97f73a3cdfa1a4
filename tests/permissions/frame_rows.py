"""The permission table of the socket's frames: for every frame to the server and caller what comes of it.

A new frame needs a row here before its tests pass.
Spec: docs/spec/signaling.md, section "Server must"
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from p2p.protocol.ids import TransactionId
from p2p.protocol.to_server import (
    Answer,
    Complete,
    DirectAnswer,
    DirectOffer,
    Hello,
    HopFailed,
    LinkDown,
    LinkUp,
    Offer,
    PathKeepalive,
    Repath,
    Watch,
)
from p2p.protocol.words import ToServer
from tests.p2p.direct_scenes import OFFER, PROOF, ask_directly, post_directly
from tests.p2p.peers import Network, TestPeer, make_offers
from tests.p2p.scenes import OpenPath

SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
SENDER, FIRST, SECOND, THIRD, RECEIVER = range(5)


class FrameCaller(StrEnum):
    """Who sends the frame. The owner is the peer whose link, hop, transaction, stock or session it names."""

    OWNER = "owner"
    OTHER_POSITION = "another position on the path"
    STRANGER = "no position on the path"
    NO_LOGIN = "no login"


class Outcome(StrEnum):
    """What comes of it for the owner and the path."""

    DONE = "done"
    IGNORED = "ignored"
    CLOSED = "closed with session_ended"


# So far there is no frame of which anybody else than its owner would have anything.
OWNER_ONLY: Mapping[FrameCaller, Outcome] = {
    FrameCaller.OWNER: Outcome.DONE,
    FrameCaller.OTHER_POSITION: Outcome.IGNORED,
    FrameCaller.STRANGER: Outcome.IGNORED,
    FrameCaller.NO_LOGIN: Outcome.CLOSED,
}


@dataclass(frozen=True)
class Scene:
    """ada's path to bo with all its links open, and mallory, who is online and not on it."""

    network: Network
    path: OpenPath
    mallory: TestPeer

    @property
    def tx(self) -> TransactionId:
        return TransactionId(self.path.ready.tx)


Send = Callable[[Scene, TestPeer], Awaitable[object]]


@dataclass(frozen=True)
class FrameRow:
    """One frame: the place on the path of its owner and of another peer, and how a caller sends it."""

    owner: int
    other: int
    send: Send
    outcomes: Mapping[FrameCaller, Outcome] = field(default_factory=lambda: OWNER_ONLY)


async def hello(scene: Scene, caller: TestPeer) -> None:
    """Come back on a new socket with the resume token of ada's; who has only a refused one uses that."""
    if caller.is_closed:
        await caller.send(Hello(resume=scene.path.sender.resume, epoch=None, links=()))
        return
    again = await scene.network.connect(caller.login)
    await again.greet(resume=scene.path.sender.resume)


async def ice_client(scene: Scene, caller: TestPeer) -> None:
    caller.offers = make_offers()
    await caller.refresh()


async def offer(scene: Scene, caller: TestPeer) -> None:
    (fresh,) = make_offers(1)
    caller.offers += (fresh,)
    await caller.send(Offer(fresh.id, fresh.sdp))


async def answer(scene: Scene, caller: TestPeer) -> None:
    await caller.send(Answer(scene.path.orders[FIRST].in_.link, SDP))


async def link_up(scene: Scene, caller: TestPeer) -> None:
    await caller.send(LinkUp(scene.path.orders[SENDER].out.link))


async def link_down(scene: Scene, caller: TestPeer) -> None:
    await caller.send(LinkDown(scene.path.orders[SENDER].out.link))


async def hop_failed(scene: Scene, caller: TestPeer) -> None:
    await caller.send(HopFailed(scene.path.ready.hops[FIRST]))


async def receipt(scene: Scene, caller: TestPeer) -> None:
    await caller.send(scene.path.receipt())


async def complete(scene: Scene, caller: TestPeer) -> None:
    await caller.send(Complete(scene.tx))


async def repath(scene: Scene, caller: TestPeer) -> None:
    await caller.send(Repath(scene.tx, scene.path.ready.attempt))


async def path_keepalive(scene: Scene, caller: TestPeer) -> None:
    await caller.send(PathKeepalive(scene.tx))


async def watch(scene: Scene, caller: TestPeer) -> None:
    await caller.send(Watch((secrets.token_bytes(32),)))


async def direct_offer(scene: Scene, caller: TestPeer) -> None:
    tx_key = await post_directly(scene.path.sender, scene.path.receiver)
    await caller.send(DirectOffer(TransactionId(uuid.UUID(tx_key)), OFFER, SDP, PROOF))


async def direct_answer(scene: Scene, caller: TestPeer) -> None:
    asked = await ask_directly(scene.path.sender, scene.path.receiver)
    await caller.send(DirectAnswer(asked.hop, SDP, PROOF))


# The other position is, where there is one, the peer that knows the same id from its other side.
ROWS: Mapping[ToServer, FrameRow] = {
    ToServer.HELLO: FrameRow(SENDER, FIRST, hello),
    ToServer.ICE_CLIENT: FrameRow(SENDER, FIRST, ice_client),
    ToServer.OFFER: FrameRow(SENDER, FIRST, offer),
    ToServer.ANSWER: FrameRow(FIRST, SENDER, answer),
    ToServer.LINK_UP: FrameRow(SENDER, SECOND, link_up),
    ToServer.LINK_DOWN: FrameRow(SENDER, SECOND, link_down),
    ToServer.HOP_FAILED: FrameRow(FIRST, SECOND, hop_failed),
    ToServer.RECEIPT: FrameRow(RECEIVER, THIRD, receipt),
    ToServer.COMPLETE: FrameRow(SENDER, RECEIVER, complete),
    ToServer.REPATH: FrameRow(SENDER, RECEIVER, repath),
    ToServer.PATH_KEEPALIVE: FrameRow(SENDER, RECEIVER, path_keepalive),
    ToServer.WATCH: FrameRow(SENDER, FIRST, watch),
    ToServer.DIRECT_OFFER: FrameRow(SENDER, RECEIVER, direct_offer),
    ToServer.DIRECT_ANSWER: FrameRow(RECEIVER, SENDER, direct_answer),
}
