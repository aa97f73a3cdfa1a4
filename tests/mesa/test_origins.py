import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.live_tree import LiveTree

FOREIGN = [
    "https://mallory.example",
    "http://localhost.mallory.example",
    "https://localhost:{port}",
    "http://localhost:1",
    "http://localhost",
    "null",
    None,
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_foreign_page_is_refused_with_a_code_it_can_read(
    live_server_tree: LiveTree, origin: str | None
) -> None:
    written = Origin(origin.format(port=live_server_tree.port)) if origin else None
    address = f"ws://127.0.0.1:{live_server_tree.port}/ws/session/"

    async with connect(address, origin=written) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4403


async def test_own_page_comes_as_far_as_the_login(live_server_tree: LiveTree) -> None:
    address = f"ws://127.0.0.1:{live_server_tree.port}/ws/session/"
    origin = f"http://127.0.0.1:{live_server_tree.port}"

    async with connect(address, origin=Origin(origin), subprotocols=[Subprotocol("mesa.1")]) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401


async def test_socket_at_another_address_is_refused(live_server_tree: LiveTree) -> None:
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{live_server_tree.port}/ws/elsewhere/"):
            pass
