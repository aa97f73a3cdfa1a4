"""The end of a login reaches its sockets at once, and everything that carries its `sid`."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from channels.layers import get_channel_layer

from accounts.logins import end_all_logins, end_login, recheck_login
from accounts.models import DeviceLogin, RevokedToken
from accounts.removal import remove_account
from mesa import push
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_login

WAIT_S = 5


async def heard_by_socket(ada: LoggedIn, act: Callable[[], object]) -> dict[str, Any]:
    """What the channel of a login's socket receives when something is done."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(push.login_group(ada.login.sid), channel)
    await asyncio.to_thread(act)
    message: dict[str, Any] = await asyncio.wait_for(layer.receive(channel), WAIT_S)
    await layer.flush()
    return message


@pytest.mark.django_db(transaction=True)
def test_logout_closes_the_socket() -> None:
    ada = make_login()

    heard = asyncio.run(heard_by_socket(ada, lambda: Rest(ada).post("logout/", {})))

    assert heard == {"type": "session.end", "cause": "logout"}


@pytest.mark.django_db(transaction=True)
def test_reused_refresh_token_closes_the_socket() -> None:
    ada = make_login()
    Rest().post("refresh/", {"refresh": ada.tokens.refresh})

    heard = asyncio.run(
        heard_by_socket(ada, lambda: Rest().post("refresh/", {"refresh": ada.tokens.refresh}))
    )

    assert heard == {"type": "session.end", "cause": "revoked"}


@pytest.mark.django_db(transaction=True)
def test_removal_closes_the_socket() -> None:
    ada = make_login()

    heard = asyncio.run(heard_by_socket(ada, lambda: remove_account(user=ada.device.user)))

    assert heard == {"type": "session.end", "cause": "removed"}


def test_logout_ends_this_login_and_no_other() -> None:
    ada = make_login()
    second = make_login(device=ada.device)

    assert Rest(ada).post("logout/", {}).status_code == 204

    assert code(Rest(ada).get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": ada.tokens.refresh})) == (401, "not_authenticated")
    assert Rest(second).get("me/").status_code == 200


def test_logout_twice_is_not_authenticated() -> None:
    ada = make_login()
    Rest(ada).post("logout/", {})

    assert code(Rest(ada).post("logout/", {})) == (401, "not_authenticated")


def test_ending_a_login_twice_does_no_harm() -> None:
    ada = make_login()

    end_login(sid=ada.login.sid, cause="revoked")
    end_login(sid=ada.login.sid, cause="logout")

    assert list(RevokedToken.objects.values_list("pk", flat=True)) == [ada.login.sid]


def test_recheck_finds_a_live_login_as_it_is() -> None:
    ada = make_login()

    assert recheck_login(ada.login) == ada.login


def test_recheck_finds_an_ended_login_no_more() -> None:
    ada, bo, olga = make_login(), make_login(), make_login()
    end_login(sid=ada.login.sid, cause="logout")
    end_all_logins(user=bo.device.user, cause="revoked")
    DeviceLogin.objects.filter(pk=olga.login.sid).update(expires_on="2020-01-01")

    assert [recheck_login(each.login) for each in (ada, bo, olga)] == [None, None, None]
