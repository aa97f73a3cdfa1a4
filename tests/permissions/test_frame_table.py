"""Walks the permission table of the socket's frames; a frame without a row fails."""

from collections.abc import Awaitable
from typing import Any, cast

import pytest

from mesa import store
from p2p import store_keys
from p2p.protocol.errors import SessionEnded
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import TO_SERVER
from p2p.protocol.to_peer import Snapshot, Welcome
from p2p.protocol.words import ToServer
from p2p.records import LinkKey, PeerId
from tests.factories import LoggedIn
from tests.p2p.peers import Network, TestPeer, as_json, communicator, make_onion_key
from tests.p2p.scenes import open_path, tx_fields
from tests.permissions.frame_rows import ROWS, FrameCaller, FrameRow, Outcome, Scene

# Answers to a peer's own frames: they say nothing about others.
OWN_ANSWERS = (Snapshot, Welcome)
Trace = dict[str, Any]


async def make_scene(network: Network) -> Scene:
    mallory = await network.online("mallory")
    path = await open_path(network)
    return Scene(network, path, mallory)


async def take_trace(scene: Scene, owner: TestPeer) -> Trace:
    """What the store holds of the path and of the owner, and what the owner's session has become."""
    client = store.async_client()
    peer = PeerId(await cast("Awaitable[str]", client.get(store_keys.device(owner.device_key))))
    links = {LinkKey(b64_text(order.out.link)) for order in scene.path.orders}
    record = await client.hgetall(store_keys.peer(peer))
    return {
        "tx": await tx_fields(scene.path.tx),
        "links": {link: await client.hgetall(store_keys.link(link)) for link in links},
        "offers": await dump(store_keys.offers(peer)),
        "watched": await dump(store_keys.watched(peer)),
        "socket": record["socket"],
    }


async def dump(name: str) -> object:
    client = store.async_client()
    kind = await client.type(name)
    if kind == "none":
        return None
    if kind == "hash":
        return await client.hgetall(name)
    if kind == "zset":
        return await client.zrange(name, 0, -1)
    return await client.lrange(name, 0, -1) if kind == "list" else sorted(await client.smembers(name))


async def told(peers: list[TestPeer]) -> list[str]:
    """The types of frames that peers were sent, other than answers to their own."""
    frames = [frame for peer in peers for frame in await peer.everything()]
    return [as_json(frame)["type"] for frame in frames if not isinstance(frame, OWN_ANSWERS)]


async def refused_socket(login: LoggedIn, path: str) -> TestPeer:
    """A socket that carries no login; what is sent on it is what this login would send."""
    socket = communicator(None, path=path, headers=((b"origin", b"http://localhost:8000"),))
    assert (await socket.connect())[0]
    refused = TestPeer(login, socket, onion_key=make_onion_key(login), is_closed=True)
    assert await refused.expect_close() == SessionEnded.close_code
    return refused


async def play_without_login(scene: Scene, row: FrameRow, path: str) -> Outcome:
    """Send a row's frame on a refused socket, and see whether it is answered or anything came of it."""
    owner = scene.path.peers[row.owner]
    await told([*scene.path.peers, scene.mallory])
    before = await take_trace(scene, owner)
    caller = await refused_socket(scene.mallory.login, path)
    await row.send(scene, caller)
    # Messages are taken in turn: when the socket's end was handled, so was the frame.
    await caller.socket.disconnect()
    changed = await take_trace(scene, owner) != before
    heard = await told([*scene.path.peers, scene.mallory])
    return Outcome.DONE if changed or heard or not caller.socket.output_queue.empty() else Outcome.CLOSED


async def play(scene: Scene, row: FrameRow, caller: FrameCaller) -> Outcome:
    """Have a caller send a row's frame, and see whether anything came of it for others or for the owner."""
    owner = scene.path.peers[row.owner]
    sender = {
        FrameCaller.OWNER: owner,
        FrameCaller.OTHER_POSITION: scene.path.peers[row.other],
        FrameCaller.STRANGER: scene.mallory,
    }[caller]
    await told(scene.path.peers)
    before = await take_trace(scene, owner)
    await row.send(scene, sender)
    # A second socket closes the first, so there is nothing left to wait for.
    replaced = len(scene.network.peers) > len(scene.path.peers) + 1
    if not replaced:
        await sender.settled()
    changed = await take_trace(scene, owner) != before
    heard = [] if replaced else await told(scene.path.peers)
    return Outcome.DONE if changed or heard else Outcome.IGNORED


@pytest.mark.parametrize("caller", [each for each in FrameCaller if each is not FrameCaller.NO_LOGIN])
@pytest.mark.parametrize("frame", ToServer)
async def test_frame_does_what_the_table_says(frame: ToServer, caller: FrameCaller, network: Network) -> None:
    scene = await make_scene(network)

    assert await play(scene, ROWS[frame], caller) is ROWS[frame].outcomes[caller]


@pytest.mark.parametrize("path", ["/ws/agent/", "/ws/session/"])
@pytest.mark.parametrize("frame", ToServer)
async def test_frame_without_a_login_does_what_the_table_says(
    frame: ToServer, path: str, network: Network
) -> None:
    scene = await make_scene(network)

    outcome = await play_without_login(scene, ROWS[frame], path)

    assert outcome is ROWS[frame].outcomes[FrameCaller.NO_LOGIN]


def test_every_frame_has_a_row() -> None:
    assert set(ROWS) == set(ToServer) == set(TO_SERVER)


@pytest.mark.parametrize("frame", ToServer)
def test_every_row_speaks_of_every_caller(frame: ToServer) -> None:
    row = ROWS[frame]

    assert row.outcomes.keys() == set(FrameCaller)
    assert row.owner != row.other
