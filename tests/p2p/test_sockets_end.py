"""Every end of a login closes its open sockets: at once, and after a lost word with the next look."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError, connection
from django.test import override_settings

from accounts.logins import end_all_logins, end_login
from accounts.models import User
from accounts.removal import remove_account
from mesa import store
from p2p.consumers import PeerConsumer
from p2p.protocol.fields import b64_text
from p2p.protocol.to_peer import SessionEnd
from p2p.protocol.words import SessionEndCause
from peer_agent.crypto.identity import create_device
from peer_agent.crypto.statements import Recover, RemoveDevice
from tests.accounts.household import Household
from tests.accounts.rest import Rest
from tests.factories import PASSWORD, LoggedIn, make_recovery_proof
from tests.p2p.peers import Network

End = Callable[[Household, LoggedIn], object]
AT_ONCE_S = 5.0


def log_out(ada: Household, login: LoggedIn) -> None:
    Rest(login).post("logout/", {})


def use_a_refresh_token_again(ada: Household, login: LoggedIn) -> None:
    pair = Rest().post("refresh/", {"refresh": login.tokens.refresh}).json()
    Rest().post("refresh/", {"refresh": pair["refresh"]})
    assert Rest().post("refresh/", {"refresh": login.tokens.refresh}).status_code == 401


def change_the_password_elsewhere(ada: Household, login: LoggedIn) -> None:
    body = {"old": PASSWORD, "new": "another correct horse"}
    assert ada.rest.post("password/", body).status_code == 204


def recover(ada: Household, *, keys: Any = None) -> None:
    challenge = Rest().challenge()
    statement = None if keys is None else b64_text(ada.sign(Recover(keys.entry), ada.recovery, keys))
    body = {
        "username": "ada",
        "password": "another correct horse",
        "challenge": challenge,
        "signature": make_recovery_proof(ada.user, challenge),
        "statement": statement,
    }
    assert Rest().post("recover/", body).status_code == 200


def reset_the_password(ada: Household, login: LoggedIn) -> None:
    recover(ada)


def recover_on_a_new_device(ada: Household, login: LoggedIn) -> None:
    recover(ada, keys=create_device())


def remove_the_device(ada: Household, login: LoggedIn) -> None:
    removed = RemoveDevice(ada.keys.device_id, login.device.pk.bytes)  # type: ignore[arg-type]  # any bytes
    assert ada.post(ada.sign(removed, ada.keys)).status_code == 201


def ban(ada: Household, login: LoggedIn) -> None:
    User.objects.filter(pk=ada.user.pk).update(is_active=False)
    end_all_logins(user=ada.user, cause=SessionEndCause.REVOKED)


def remove_the_account(ada: Household, login: LoggedIn) -> None:
    remove_account(user=ada.user)


ENDS: dict[End, SessionEndCause] = {
    log_out: SessionEndCause.LOGOUT,
    use_a_refresh_token_again: SessionEndCause.REVOKED,
    change_the_password_elsewhere: SessionEndCause.REVOKED,
    reset_the_password: SessionEndCause.REVOKED,
    recover_on_a_new_device: SessionEndCause.REMOVED,
    remove_the_device: SessionEndCause.REMOVED,
    ban: SessionEndCause.REVOKED,
    remove_the_account: SessionEndCause.REMOVED,
}


async def second_device(network: Network) -> tuple[Household, Any]:
    """ada, and the open socket of her second device."""
    ada = await sync_to_async(Household)()
    login = await sync_to_async(ada.link)()
    peer = await network.connect(login)
    await peer.greet()
    return ada, peer


@pytest.mark.parametrize("end", ENDS)
async def test_the_socket_is_closed_at_once(network: Network, end: End) -> None:
    ada, peer = await second_device(network)

    await sync_to_async(end)(ada, peer.login)

    assert (await peer.expect(SessionEnd)).cause is ENDS[end]
    assert await peer.expect_close() == 4401


@pytest.mark.parametrize("end", ENDS)
async def test_a_lost_word_of_the_end_keeps_no_socket_open(
    network: Network, monkeypatch: pytest.MonkeyPatch, end: End
) -> None:
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", 0.05)
    monkeypatch.setattr(PeerConsumer, "recheck_every_s", 0.05)
    ada, peer = await second_device(network)

    await sync_to_async(without_a_word)(lambda: end(ada, peer.login))
    await store.async_client().flushall()

    await peer.expect(SessionEnd)
    assert await peer.expect_close() == 4401


def without_a_word(act: Callable[[], object]) -> None:
    """Do something while nothing that is pushed arrives."""
    nowhere = {"hosts": [f"unix://{settings.STATE_DIR}/nowhere.sock"]}
    layers = {"default": {**settings.CHANNEL_LAYERS["default"], "CONFIG": nowhere}}
    with override_settings(CHANNEL_LAYERS=layers):
        act()


async def test_other_logins_keep_their_sockets(network: Network) -> None:
    ada, peer = await second_device(network)
    bo = await network.online("bo")

    await sync_to_async(log_out)(ada, peer.login)

    await peer.expect_close()
    assert await bo.find(SessionEnd) is None


async def test_a_login_that_ended_while_its_socket_opened_is_noticed_soon(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", 0.05)
    login = await network.login("ada")
    peer = await network.connect(login)
    await peer.greet()

    # What is told before a socket has joined its group is told to nobody.
    await sync_to_async(without_a_word)(lambda: end_login(sid=login.login.sid, cause=SessionEndCause.REVOKED))

    # A minute before the second look.
    assert await peer.expect_close() == 4401


async def test_a_database_that_does_not_answer_ends_no_session_and_is_asked_again(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerConsumer, "first_recheck_s", 0.05)
    monkeypatch.setattr(PeerConsumer, "recheck_every_s", 0.05)
    ada, peer = await second_device(network)
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def refuse(*_: Any) -> None:
        loop.call_soon_threadsafe(refused.set)
        raise OperationalError

    await sync_to_async(lambda: connection.execute_wrappers.append(refuse))()
    async with asyncio.timeout(AT_ONCE_S):
        await refused.wait()
    await peer.publish()

    await sync_to_async(lambda: connection.execute_wrappers.clear())()
    await sync_to_async(without_a_word)(lambda: log_out(ada, peer.login))
    assert await peer.expect_close() == 4401
