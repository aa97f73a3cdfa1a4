"""The recovery code over REST: who may use it, what it changes, and that all of that happens or nothing."""

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from accounts.delivery import digest_of, may_claim, recipient_of
from accounts.models import Device, DeviceLogin, StandingPrekey
from accounts.passwords import AT_ONCE, hashing_slot
from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto.identity import DeviceKeys, RecoveryKey, create_device, create_recovery_code
from peer_agent.crypto.statements import AddDevice, NewRecoveryKey, Recover
from tests.accounts.hashing import while_hashing
from tests.accounts.household import Household
from tests.accounts.rest import Rest, code
from tests.accounts.socket_ear import heard_by_socket
from tests.factories import PASSWORD, make_delivery_token, make_prekeys, make_recovery_proof

NEW_PASSWORD = "another correct horse"
REFUSED = (401, "recovery_refused")


@pytest.fixture
def ada() -> Household:
    return Household()


def new_key() -> RecoveryKey:
    return RecoveryKey.from_code(create_recovery_code())


def body(ada: Household, keys: DeviceKeys | None = None, **changes: Any) -> dict[str, Any]:
    """What a new device of ada's sends; without keys, what the old one sends to set a password."""
    challenge = Rest().challenge()
    recovered = None if keys is None else b64_text(ada.sign(Recover(keys.entry), ada.recovery, keys))
    return {
        "username": "ada",
        "password": NEW_PASSWORD,
        "challenge": challenge,
        "signature": make_recovery_proof(ada.user, challenge),
        "statement": recovered,
        **changes,
    }


def recover(ada: Household, keys: DeviceKeys | None = None, **changes: Any) -> Any:
    return Rest().post("recover/", body(ada, keys, **changes))


def untouched(ada: Household) -> bool:
    ada.user.refresh_from_db()
    return (
        ada.user.check_password(PASSWORD)
        and ada.rest.get("me/").status_code == 200
        and len(ada.held()) == 1
        and list(ada.user.devices.all()) == [ada.login.device]
    )


def test_chain_is_given_to_whoever_names_its_recovery_key(ada: Household) -> None:
    key = b64_text(ada.recovery.signing.public.raw)

    response = Rest().post("recovery/", {"username": "ADA", "recovery_key": key})

    assert response.status_code == 200
    assert [b64_bytes(text) for text in response.json()["statements"]] == ada.held()


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_other_key_and_unknown_name_are_one_answer(ada: Household, username: str) -> None:
    key = b64_text(new_key().signing.public.raw)

    assert code(Rest().post("recovery/", {"username": username, "recovery_key": key})) == REFUSED


def test_replaced_recovery_key_gets_no_chain(ada: Household) -> None:
    ada.post(ada.new_code())
    key = b64_text(ada.recovery.signing.public.raw)

    assert code(Rest().post("recovery/", {"username": "ada", "recovery_key": key})) == REFUSED


def test_new_device_takes_the_place_of_all(ada: Household) -> None:
    keys = create_device()

    response = recover(ada, keys)

    assert response.json() == {"user": str(ada.user.pk), "username": "ada"}
    device = Device.objects.get(user=ada.user)
    assert device.pk.bytes == keys.device_id
    assert len(ada.held()) == 2
    assert Rest().log_in(keys, device.pk, "ada", password=NEW_PASSWORD).status_code == 200


def test_old_device_is_out(ada: Household) -> None:
    ada.rest.put("prekeys/", make_prekeys(ada.login.device))

    recover(ada, create_device())

    assert code(ada.rest.get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": ada.login.tokens.refresh})) == (401, "not_authenticated")
    for password in (PASSWORD, NEW_PASSWORD):
        refused = Rest().log_in(ada.keys, ada.login.device.pk, "ada", password=password)
        assert code(refused) == (401, "login_refused")
    assert not StandingPrekey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_sockets_are_closed_at_once(ada: Household) -> None:
    request = body(ada, create_device())

    heard = asyncio.run(heard_by_socket(ada.login, lambda: Rest().post("recover/", request)))

    assert heard == {"type": "session.end", "cause": "removed"}


def test_delivery_tokens_of_the_lost_device_reach_nobody(ada: Household) -> None:
    token = digest_of(make_delivery_token(recipient=ada.user))

    recover(ada, create_device())

    assert recipient_of(token) is None
    # As after any deletion: who holds it is not told, and learns of the new device by a claim.
    assert may_claim(digest=token, user=ada.user)


def test_password_alone_is_set_and_the_device_stays(ada: Household) -> None:
    token = digest_of(make_delivery_token(recipient=ada.user))
    ada.rest.put("prekeys/", make_prekeys(ada.login.device))

    assert recover(ada).status_code == 200

    assert not DeviceLogin.objects.exists()
    assert Rest().log_in(ada.keys, ada.login.device.pk, "ada", password=NEW_PASSWORD).status_code == 200
    assert len(ada.held()) == 1
    assert StandingPrekey.objects.filter(device=ada.login.device).count() == 2
    assert recipient_of(token) == ada.user.pk


def test_recovery_overrules_a_thief_who_was_faster(ada: Household) -> None:
    keys, thief = create_device(), create_device()
    request = body(ada, keys)
    ada.link(thief)

    assert Rest().post("recover/", request).status_code == 200
    assert [device.pk.bytes for device in ada.user.devices.all()] == [keys.device_id]
    assert len(ada.held()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "nobody"},
        {"username": "bo"},
        {"challenge": b64_text(bytes(32))},
        {"signature": b64_text(bytes(64))},
    ],
    ids=lambda changes: next(iter(changes)),
)
@pytest.mark.parametrize("with_device", [False, True])
def test_bad_proofs_are_one_answer(ada: Household, changes: dict[str, str], *, with_device: bool) -> None:
    Household("bo")

    response = recover(ada, create_device() if with_device else None, **changes)

    assert code(response) == REFUSED
    assert untouched(ada)


def test_proof_by_another_key_is_refused(ada: Household) -> None:
    request = body(ada, create_device())
    request["signature"] = make_recovery_proof(ada.user, request["challenge"], by=new_key())

    assert code(Rest().post("recover/", request)) == REFUSED
    assert untouched(ada)


def test_challenge_is_good_for_one_try(ada: Household) -> None:
    request = body(ada)
    Rest().post("recover/", {**request, "signature": b64_text(bytes(64))})

    assert code(Rest().post("recover/", request)) == REFUSED
    assert untouched(ada)


def test_replaced_code_recovers_nothing(ada: Household) -> None:
    request = body(ada, create_device())
    ada.post(ada.new_code())

    assert code(Rest().post("recover/", request)) == REFUSED
    assert ada.rest.get("me/").status_code == 200


def test_code_that_is_replaced_meanwhile_recovers_nothing(ada: Household) -> None:
    request, replacement = body(ada, create_device()), ada.new_code()

    with while_hashing(lambda: ada.post(replacement)):
        response = Rest().post("recover/", request)

    assert code(response) == REFUSED
    assert ada.rest.get("me/").status_code == 200


def test_bad_proof_costs_no_hashing(ada: Household) -> None:
    with ExitStack() as all_slots:
        for _ in range(AT_ONCE):
            all_slots.enter_context(hashing_slot())

        assert code(recover(ada, signature=b64_text(bytes(64)))) == REFUSED


def test_new_code_recovers(ada: Household) -> None:
    second = new_key()
    ada.post(ada.sign(NewRecoveryKey(second.signing.public), ada.recovery, second))
    ada.recovery = second
    request = body(ada, create_device())
    request["signature"] = make_recovery_proof(ada.user, request["challenge"], by=second)

    assert Rest().post("recover/", request).status_code == 200


def other_statements(ada: Household) -> dict[str, tuple[bytes, tuple[int, str]]]:
    """Statements that may not come this way, and what each is answered with."""
    keys, bo = create_device(), Household("bo")
    good = ada.sign(Recover(keys.entry), ada.recovery, keys)
    invalid, behind = (422, "statement_invalid"), (409, "statement_behind")
    return {
        "of another kind": (ada.new_code(), invalid),
        "signed by the device": (ada.sign(Recover(keys.entry), ada.keys, keys), invalid),
        "with a flipped bit": (good[:-1] + bytes([good[-1] ^ 1]), invalid),
        "for a device of another user": (ada.sign(Recover(bo.keys.entry), ada.recovery, bo.keys), invalid),
        "that adds": (ada.sign(AddDevice(ada.keys.device_id, keys.entry), ada.keys, keys), invalid),
        "of another chain": (bo.sign(Recover(keys.entry), bo.recovery, keys), behind),
    }


@pytest.mark.parametrize(
    "which",
    [
        "of another kind",
        "signed by the device",
        "with a flipped bit",
        "for a device of another user",
        "that adds",
        "of another chain",
    ],
)
def test_nothing_happens_with_a_statement(ada: Household, which: str) -> None:
    statement, answer = other_statements(ada)[which]

    response = recover(ada, statement=b64_text(statement))

    assert code(response) == answer
    assert untouched(ada)


@pytest.mark.parametrize("password", ["short", "1234567890", ""])
def test_weak_password_is_refused(ada: Household, password: str) -> None:
    response = recover(ada, create_device(), password=password)

    assert code(response) == (400, "invalid")
    assert list(response.json()["fields"]) == ["password"]
    assert untouched(ada)
