"""Logins for TURN servers: what they are made of, who can tell whose they are, and that they are renewed."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings

from p2p.consumers import PeerConsumer
from p2p.protocol.to_peer import IceServers
from p2p.turn import ice_servers, turn_login
from tests.p2p.peers import Network
from tests.protocol.vector_files import Case, load

NOW = datetime(2026, 11, 1, 12, 0, 1, tzinfo=UTC)
SECRET = "t" * 40
STUN, TURN, TURNS = "stun:turn.mesa.example", "turn:turn.mesa.example:3478", "turns:turn.mesa.example:5349"
SERVERS = override_settings(ICE_SERVERS=[STUN, TURN, TURNS], TURN_SECRET=SECRET)
OFTEN_S = 0.02


def renew_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", OFTEN_S)
    monkeypatch.setattr(PeerConsumer, "recheck_every_s", OFTEN_S)
    monkeypatch.setattr(PeerConsumer, "renew_servers_every_s", OFTEN_S)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["name"]) for case in load("signaling", "turn_login")]
)
def test_vector(case: Case) -> None:
    login = turn_login(
        case["secret"], bytes.fromhex(case["random"]), now=datetime.fromtimestamp(case["now"], UTC)
    )

    assert (login.username, login.credential) == (case["username"], case["credential"])


@pytest.mark.parametrize("later_s", [0, 1, 299, 598, 599])
def test_login_lives_for_an_hour_and_ends_at_a_full_step(later_s: int) -> None:
    now = NOW + timedelta(seconds=later_s)

    ends = int(turn_login(SECRET, bytes(12), now=now).username.split(":")[0])

    assert ends % 600 == 0
    assert 3_600 <= ends - now.timestamp() < 4_200


def test_every_frame_has_one_login_of_its_own_for_all_turn_servers() -> None:
    frames = [ice_servers([STUN, TURN, TURNS], SECRET, now=NOW) for _ in range(50)]

    logins = [{(each.username, each.credential) for each in frame[1:]} for frame in frames]
    assert [(frame[0].username, frame[0].credential) for frame in frames] == [(None, None)] * 50
    assert [len(each) for each in logins] == [1] * 50
    assert len(set.union(*logins)) == 50


def test_turn_server_without_a_secret_is_not_named() -> None:
    assert [each.urls for each in ice_servers([STUN, TURN], "", now=NOW)] == [(STUN,)]


def test_credential_shows_in_no_text_of_a_frame() -> None:
    servers = ice_servers([TURN], SECRET, now=NOW)

    assert str(servers[0].credential) not in f"{IceServers(servers)!r} {servers}"


@SERVERS
async def test_two_sockets_of_one_device_get_logins_that_nothing_joins(network: Network) -> None:
    first = await network.online("ada")
    second = await network.connect(first.login)
    await second.greet(first.resume)

    welcomes = [peer.welcome for peer in (first, second)]
    logins = [each.ice_servers[1] for each in welcomes if each is not None]
    names = [str(each.username).split(":")[1] for each in logins]
    assert len({*names, first.device, str(first.user)}) == 4
    assert logins[0].credential != logins[1].credential


@SERVERS
async def test_socket_that_stays_gets_new_logins(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    renew_often(monkeypatch)
    ada = await network.online("ada")
    assert ada.welcome is not None

    renewed = [await ada.expect(IceServers) for _ in range(2)]

    given = [ada.welcome.ice_servers, *(frame.ice_servers for frame in renewed)]
    assert [[server.urls for server in each] for each in given] == [[(STUN,), (TURN,), (TURNS,)]] * 3
    assert len({each[1].username for each in given}) == 3


@override_settings(ICE_SERVERS=[STUN])
async def test_nothing_is_renewed_that_does_not_end(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew_often(monkeypatch)
    ada = await network.connect(await network.login("ada"))

    await ada.greet()

    assert await ada.socket.receive_nothing(timeout=10 * OFTEN_S, interval=OFTEN_S)


@SERVERS
async def test_no_login_is_logged(
    network: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    renew_often(monkeypatch)
    with caplog.at_level(logging.DEBUG):
        ada = await network.online("ada")
        renewed = await ada.expect(IceServers)

    said = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    login = renewed.ice_servers[1]
    assert not [each for each in (SECRET, login.username, login.credential) if str(each) in said]
