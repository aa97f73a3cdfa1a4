"""The store does not answer: the caller is told to come back, and nothing is begun."""

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from p2p.models import P2PTransaction
from p2p.protocol.to_server import Hello, LinkUp
from tests.p2p.peers import Network
from tests.p2p.scenes import make_token, open_path, post, tx_fields


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """The URL of a store that is not there."""
    return f"unix://{tmp_path}/none.sock"


async def test_a_post_is_answered_503_and_begins_nothing(
    network: Network, settings: Settings, nowhere: str
) -> None:
    ada, bo = await network.login("ada"), await network.login("bo")
    token = await make_token(bo)
    settings.STORE_URL = nowhere

    response: Any = await post(ada, token)

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response["Retry-After"]) >= 1
    assert not await sync_to_async(P2PTransaction.objects.exists)()


async def test_a_frame_that_needs_the_store_closes_the_socket(
    network: Network, settings: Settings, nowhere: str
) -> None:
    ada = await network.online("ada")
    settings.STORE_URL = nowhere

    await ada.send(LinkUp(bytes(16)))  # type: ignore[arg-type]  # any bytes will do as an id

    assert await ada.expect_close() == 4503


async def test_hello_without_a_store_closes_the_socket(
    network: Network, settings: Settings, nowhere: str
) -> None:
    ada = await network.connect(await network.login("ada"))
    settings.STORE_URL = nowhere

    await ada.send(Hello(None, None, ()))

    assert await ada.expect_close() == 4503


async def test_a_store_that_is_away_for_a_moment_forgets_nothing(
    network: Network, settings: Settings, nowhere: str
) -> None:
    path = await open_path(network)
    real = settings.STORE_URL
    settings.STORE_URL = nowhere
    await path.sender.send(LinkUp(bytes(16)))  # type: ignore[arg-type]  # any bytes will do as an id
    assert await path.sender.expect_close() == 4503
    settings.STORE_URL = real

    back = await network.connect(path.sender.login)
    snapshot = await back.greet(path.sender.resume)

    assert [str(each.tx) for each in snapshot.transactions] == [path.tx]
    assert (await tx_fields(path.tx))["state"] == "open"
