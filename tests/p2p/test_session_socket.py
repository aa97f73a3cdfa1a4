"""The session socket: who may open it, how it begins, and every way it is closed."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.logins import end_login
from mesa import store
from p2p import frame_rate
from p2p.consumers import PeerConsumer
from p2p.protocol.fields import b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.limits import FRAME_BYTES
from p2p.protocol.to_peer import PathReady, ReadyToReceive, SessionEnd, Snapshot, Welcome
from p2p.protocol.to_server import Hello, LinkUp
from p2p.protocol.words import SessionEndCause
from tests.p2p.peers import Network, communicator, make_offers
from tests.p2p.scenes import send_to

HELLO = to_text(Hello(None, None, ()))


async def close_code(login: Any, **more: Any) -> int:
    """Open a socket that the server closes; returns the code."""
    socket = communicator(login, **more)
    await socket.connect()
    message = await socket.receive_output(timeout=5)
    assert message["type"] == "websocket.close"
    return int(message["code"])


async def test_hello_is_answered_by_welcome_and_snapshot(network: Network) -> None:
    ada = await network.connect(await network.login("ada"))

    await ada.send(Hello(None, None, ()))

    welcome = await ada.expect(Welcome)
    assert welcome.versions == ("mesa.1",)
    assert welcome.ice_servers == ()
    assert not welcome.resumed
    assert await ada.expect(Snapshot) == Snapshot((), (), (), ())


async def test_without_a_login_the_socket_closes(network: Network) -> None:
    assert await close_code(None) == 4401


async def test_a_browser_needs_an_allowed_origin(network: Network) -> None:
    ada = await network.login("ada")
    cookie = (b"cookie", f"mesa_access={ada.tokens.access}".encode())

    foreign = await close_code(
        None, path="/ws/session/", headers=(cookie, (b"origin", b"https://evil.example"))
    )
    missing = await close_code(None, path="/ws/session/", headers=(cookie,))

    assert (foreign, missing) == (4403, 4403)


async def test_a_browser_with_its_cookie_is_let_in(network: Network) -> None:
    ada = await network.login("ada")
    cookie = (b"cookie", f"mesa_access={ada.tokens.access}".encode())
    socket = communicator(None, path="/ws/session/", headers=(cookie, (b"origin", b"http://localhost:8000")))

    await socket.connect()
    await socket.send_to(text_data=HELLO)

    assert json.loads(await socket.receive_from())["type"] == "welcome"
    await socket.disconnect()


async def test_an_agents_cookie_counts_for_nothing(network: Network) -> None:
    ada = await network.login("ada")
    cookie = (b"cookie", f"mesa_access={ada.tokens.access}".encode())

    assert await close_code(None, headers=(cookie,)) == 4401


@pytest.mark.parametrize("subprotocols", [[], ["mesa.0"], ["other"]])
async def test_without_a_common_version_the_socket_closes(network: Network, subprotocols: list[str]) -> None:
    assert await close_code(await network.login("ada"), subprotocols=subprotocols) == 4426


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", 4400),
        ('{"type":"unknown"}', 4400),
        ('{"type":"link_up","link":"short"}', 4400),
        (HELLO[:-1] + ',"more":1}', 4400),
        (to_text(LinkUp(bytes(16))), 4400),  # type: ignore[arg-type]  # any bytes will do as an id
        ('{"type":"' + "x" * FRAME_BYTES + '"}', 4413),
    ],
)
async def test_a_first_frame_that_is_not_hello_closes_the_socket(
    network: Network, text: str, code: int
) -> None:
    ada = await network.connect(await network.login("ada"))

    await ada.socket.send_to(text_data=text)

    assert await ada.expect_close() == code


async def test_a_binary_frame_closes_the_socket(network: Network) -> None:
    ada = await network.online("ada")

    await ada.socket.send_to(bytes_data=b"\x00")

    assert await ada.expect_close() == 4400


async def test_a_second_hello_closes_the_socket(network: Network) -> None:
    ada = await network.online("ada")

    await ada.send(Hello(ada.resume, None, ()))

    assert await ada.expect_close() == 4400


async def test_hello_must_come_in_time(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PeerConsumer, "hello_within_s", 0.01)

    ada = await network.connect(await network.login("ada"))

    assert await ada.expect_close() == 4408


async def test_too_many_frames_close_the_socket(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_rate, "FRAMES_BURST", 4)
    monkeypatch.setattr(frame_rate, "FRAMES_PER_S", 0.001)
    ada = await network.online("ada")

    for _ in range(4):
        await ada.send(LinkUp(bytes(16)))  # type: ignore[arg-type]  # any bytes will do as an id

    assert await ada.expect_close() == 4429


async def test_a_second_socket_of_the_device_closes_the_first(network: Network) -> None:
    first = await network.online("ada")

    second = await network.connect(first.login)
    await second.greet()

    assert await first.expect_close() == 4409
    await first.close()
    await second.publish()


async def test_the_end_of_the_login_is_told_and_closes_the_socket(network: Network) -> None:
    ada = await network.online("ada")

    await sync_to_async(end_login)(sid=ada.login.login.sid, cause=SessionEndCause.LOGOUT)

    assert (await ada.expect(SessionEnd)).cause is SessionEndCause.LOGOUT
    assert await ada.expect_close() == 4401


async def test_a_socket_asks_again_whether_its_login_lives(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", 0.05)
    monkeypatch.setattr(PeerConsumer, "recheck_every_s", 0.05)
    login = await network.login("ada")
    ada = await network.connect(login)
    await ada.greet()
    await sync_to_async(login.device.logins.all().delete)()

    assert (await ada.expect(SessionEnd)).cause is SessionEndCause.REVOKED
    assert await ada.expect_close() == 4401


async def test_a_socket_whose_login_nobody_minds_any_more_is_closed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerConsumer, "hello_within_s", "no number of seconds")
    ada = await network.connect(await network.login("ada"))

    assert await ada.expect_close() == 4503

    with pytest.raises(TypeError):
        await ada.close()


async def test_a_resume_token_brings_the_same_peer_back(network: Network) -> None:
    ada = await network.online("ada")
    await ada.close()
    handles = {name async for name in store.async_client().scan_iter("mesa:peer:*")}

    back = await network.connect(ada.login)
    await back.greet(ada.resume)

    assert back.welcome is not None
    assert back.welcome.resumed
    assert {name async for name in store.async_client().scan_iter("mesa:peer:*")} == handles


async def test_a_resumed_forwarder_forwards_at_once(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")
    crowd = await network.forwarders(3)
    await crowd[0].close()
    back = await network.connect(crowd[0].login)
    await back.greet(crowd[0].resume)

    await send_to(ada, bo.login)

    await ada.expect(PathReady)
    await back.expect(ReadyToReceive)


async def test_a_resume_token_is_good_once_and_for_its_device_only(network: Network) -> None:
    ada, mallory = await network.online("ada"), await network.connect(await network.login("mallory"))
    await ada.close()

    await mallory.greet(ada.resume)
    first = await network.connect(ada.login)
    await first.greet(ada.resume)
    second = await network.connect(ada.login)
    await second.greet(ada.resume)

    welcomes = [peer.welcome for peer in (mallory, first, second)]
    assert [each.resumed for each in welcomes if each is not None] == [False, True, False]


async def test_the_store_does_not_hold_what_opens_a_session(network: Network) -> None:
    ada = await network.online("ada")

    values = [
        str(await store.async_client().hgetall(name)) + name
        async for name in store.async_client().scan_iter("mesa:peer:*")
    ]
    names = [name async for name in store.async_client().scan_iter("mesa:resume:*")]

    assert b64_text(ada.resume) not in str(values + names)


async def test_an_emptied_store_makes_the_server_welcome_its_peers_anew(network: Network) -> None:
    ada = await network.online("ada")
    before = ada.welcome
    await store.async_client().flushall()

    again = await ada.expect_welcome()

    assert before is not None
    assert again.epoch != before.epoch
    assert not again.resumed
    await ada.greet(again.resume)
    ada.offers = make_offers()
    await ada.settled()
    assert [name async for name in store.async_client().scan_iter("mesa:offers:*")] != []


async def test_a_frame_that_meets_the_emptied_store_first_leads_to_the_same(network: Network) -> None:
    ada = await network.online("ada")
    await store.async_client().flushall()

    await ada.refresh()

    assert not (await ada.expect(Welcome)).resumed


async def test_two_sockets_do_not_share_a_peer(network: Network) -> None:
    ada, bo = await network.online("ada"), await network.online("bo")

    handles = [name async for name in store.async_client().scan_iter("mesa:peer:*")]

    assert len(set(handles)) == 2
    assert ada.resume != bo.resume


async def test_frames_after_the_close_are_dropped(network: Network) -> None:
    ada = await network.online("ada")
    await ada.socket.send_to(text_data="[]")
    ada.offers = ()
    await ada.refresh()

    assert await ada.expect_close() == 4400
    assert await ada.socket.receive_nothing()
    stocks = [name async for name in store.async_client().scan_iter("mesa:offers:*")]
    assert len(stocks) == 1


async def test_nothing_is_pushed_to_a_socket_before_its_hello(network: Network) -> None:
    ada = await network.online("ada")
    second = await network.connect(ada.login)

    await ada.settled()

    assert await second.socket.receive_nothing()
