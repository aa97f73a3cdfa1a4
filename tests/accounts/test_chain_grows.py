"""The chain of an account over REST: what follows on it, what overrules what, and what goes with a device."""

import asyncio
import threading
from datetime import date

import pytest
from django.db import connection

from accounts.days import TOLERANCE_DAYS
from accounts.mailbox import post_by_name
from accounts.models import Device, Envelope, OneTimePrekey, PrekeyKind, StandingPrekey
from p2p.protocol.fields import b64_bytes
from peer_agent.crypto.identity import DeviceKeys, Suite, create_device
from peer_agent.crypto.statements import BY_RECOVERY, RaiseSuite, Recover, RemoveDevice
from tests.accounts.household import Household
from tests.accounts.rest import Rest, code
from tests.accounts.socket_ear import heard_by_socket
from tests.factories import LoggedIn, make_login, make_user, today

BEHIND = (409, "statement_behind")
INVALID = (422, "statement_invalid")


@pytest.fixture
def ada() -> Household:
    return Household()


def test_own_chain_is_given(ada: Household) -> None:
    response = ada.rest.get("statements/")

    assert response.status_code == 200
    assert [b64_bytes(text) for text in response.json()["statements"]] == ada.held()


def test_statement_follows_on_the_chain(ada: Household) -> None:
    statement = ada.new_code()

    response = ada.post(statement)

    assert (response.status_code, response.json()) == (201, {"number": 1})
    assert ada.held()[1:] == [statement]


def test_claimers_get_the_whole_chain(ada: Household) -> None:
    ada.post(ada.new_code())

    bundle = Rest(make_login()).post("bundles/", {"username": "ada", "token": None}).json()

    assert [b64_bytes(text) for text in bundle["statements"]] == ada.held()


def test_statement_that_came_second_is_told_where_the_chain_is(ada: Household) -> None:
    first, second = ada.new_code(), ada.new_code()
    ada.post(first)

    response = ada.post(second)

    assert code(response) == BEHIND
    assert response.json()["number"] == 1
    assert ada.held()[1:] == [first]


@pytest.mark.django_db(transaction=True)
def test_of_statements_at_the_same_moment_one_is_taken(ada: Household) -> None:
    statements, statuses = [ada.new_code() for _ in range(4)], []

    def post(statement: bytes) -> None:
        statuses.append(ada.post(statement).status_code)
        connection.close()

    threads = [threading.Thread(target=post, args=(each,)) for each in statements]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409, 409, 409]
    assert len(ada.held()) == 2


def test_statement_sent_again_is_behind(ada: Household) -> None:
    statement = ada.new_code()
    ada.post(statement)

    assert code(ada.post(statement)) == BEHIND
    assert len(ada.held()) == 2


def test_statement_of_another_chain_is_behind(ada: Household) -> None:
    bo = Household("bo")

    assert code(ada.post(bo.new_code())) == BEHIND


def test_statement_too_far_ahead_is_behind(ada: Household) -> None:
    ada.hold(ada.addition(create_device()))
    ahead = ada.new_code()
    ada.user.statements.filter(version=1).delete()

    response = ada.post(ahead)

    assert code(response) == BEHIND
    assert response.json()["number"] == 0


def test_statement_0_can_not_come_again(ada: Household) -> None:
    assert code(ada.post(ada.held()[0])) == BEHIND


def test_bad_signature_is_refused(ada: Household) -> None:
    statement = bytearray(ada.new_code())
    statement[-1] ^= 1

    assert code(ada.post(bytes(statement))) == INVALID
    assert len(ada.held()) == 1


@pytest.mark.parametrize("raw", [b"\x01", b"\x02" + bytes(200), b"\x01\x04" + bytes(4)])
def test_anything_else_is_refused(ada: Household, raw: bytes) -> None:
    assert code(ada.post(raw)) == INVALID


@pytest.mark.parametrize("days", [-TOLERANCE_DAYS - 1, TOLERANCE_DAYS + 1])
def test_day_far_from_the_servers_is_refused(days: int) -> None:
    ada = Household(day=today() - 10)

    assert code(ada.post(ada.new_code(day=today() + days))) == INVALID


@pytest.mark.parametrize("days", [-TOLERANCE_DAYS, TOLERANCE_DAYS])
def test_day_of_a_clock_that_is_a_little_off_is_taken(days: int) -> None:
    ada = Household(day=today() - 10)

    assert ada.post(ada.new_code(day=today() + days)).status_code == 201


def test_second_device_is_refused_for_the_time_being(ada: Household) -> None:
    assert code(ada.post(ada.addition(create_device()))) == (409, "stock_full")
    assert Device.objects.get() == ada.login.device


def test_recovery_has_its_own_route(ada: Household) -> None:
    keys = create_device()

    assert code(ada.post(ada.sign(Recover(keys.entry), ada.recovery, keys))) == INVALID


def test_device_of_somebody_else_can_not_be_named(ada: Household) -> None:
    bo = Household("bo")
    ada.hold(ada.addition(bo.keys))

    assert code(ada.post(ada.new_code())) == INVALID
    assert Device.objects.get(pk=bo.login.device.pk).user == bo.user


def test_suite_of_a_device_rises(ada: Household) -> None:
    keys = create_device()
    laptop = ada.link(keys, suite=Suite.CLASSICAL)

    response = ada.post(ada.sign(RaiseSuite(keys.device_id, Suite.HYBRID), keys))

    assert response.status_code == 201
    assert Device.objects.get(pk=laptop.device.pk).suite == Suite.HYBRID
    assert Rest(laptop).get("me/").status_code == 200


def test_recovery_overrules_what_a_device_said(ada: Household) -> None:
    before = ada.new_code()
    thief = create_device()
    ada.link(thief)

    response = ada.post(before)

    assert (response.status_code, response.json()) == (201, {"number": 1})
    assert ada.held()[1:] == [before]
    assert [device.pk for device in ada.user.devices.all()] == [ada.login.device.pk]


def test_device_does_not_overrule(ada: Household) -> None:
    before = ada.addition(create_device())
    ada.hold(ada.addition(create_device()))

    assert code(ada.post(before)) == BEHIND


def test_recovery_does_not_overrule_recovery(ada: Household) -> None:
    before = ada.new_code()
    ada.hold(ada.addition(create_device()))
    ada.hold(ada.new_code())

    assert code(ada.post(before)) == BEHIND
    assert len(ada.held()) == 3


@pytest.mark.parametrize("by_recovery", [False, True])
def test_removed_device_goes_with_all_that_is_its(ada: Household, *, by_recovery: bool) -> None:
    keys = create_device()
    laptop = ada.link(keys)
    leave_things_for(laptop)

    response = ada.post(removal(ada, keys, by_recovery=by_recovery))

    assert response.status_code == 201
    assert list(ada.user.devices.all()) == [ada.login.device]
    assert code(Rest(laptop).get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": laptop.tokens.refresh})) == (401, "not_authenticated")
    assert ada.rest.get("me/").status_code == 200
    assert not any(model.objects.exists() for model in (StandingPrekey, OneTimePrekey, Envelope))


@pytest.mark.django_db(transaction=True)
def test_sockets_of_a_removed_device_are_closed_at_once(ada: Household) -> None:
    keys = create_device()
    laptop = ada.link(keys)

    heard = asyncio.run(heard_by_socket(laptop, lambda: ada.post(removal(ada, keys))))

    assert heard == {"type": "session.end", "cause": "removed"}


def removal(ada: Household, keys: DeviceKeys, *, by_recovery: bool = False) -> bytes:
    if by_recovery:
        return ada.sign(RemoveDevice(BY_RECOVERY, keys.device_id), ada.recovery)
    return ada.sign(RemoveDevice(ada.keys.device_id, keys.device_id), ada.keys)


def leave_things_for(laptop: LoggedIn) -> None:
    signed, one_time = PrekeyKind.SIGNED, PrekeyKind.ONE_TIME
    StandingPrekey.objects.create(device=laptop.device, kind=signed, key_id=1, packed=b"key")
    OneTimePrekey.objects.create(
        device=laptop.device, kind=one_time, key_id=2, packed=b"key", forget_on=date(2030, 1, 1)
    )
    post_by_name(sender=make_user("bo"), username="ada", device_id=laptop.device.pk, sealed=bytes(49 + 4_096))
