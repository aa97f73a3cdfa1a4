"""A device asks whether the server knows it: only who holds its key gets a yes."""

from typing import Any

import pytest

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto.identity import create_device
from tests.accounts.household import Household
from tests.accounts.rest import Rest
from tests.factories import PASSWORD


@pytest.fixture
def ada() -> Household:
    return Household()


def ask(ada: Household, **changes: Any) -> Any:
    challenge = Rest().challenge()
    signature = b64_text(ada.keys.prove_login(b64_bytes(challenge)))
    body = {"device": str(ada.login.device.pk), "challenge": challenge, "signature": signature}
    return Rest().post("known/", {**body, **changes}).json()


def test_device_with_an_account_is_known_also_without_a_login(ada: Household) -> None:
    ada.rest.post("logout/", {})

    assert ask(ada) == {"known": True}


def test_device_of_a_removed_account_is_not_known(ada: Household) -> None:
    ada.rest.delete("me/", {"password": PASSWORD})

    assert ask(ada) == {"known": False}


def test_without_the_key_a_device_looks_like_none(ada: Household) -> None:
    challenge = Rest().challenge()
    foreign = b64_text(create_device().prove_login(b64_bytes(challenge)))

    assert ask(ada, challenge=challenge, signature=foreign) == {"known": False}


def test_challenge_is_good_once(ada: Household) -> None:
    challenge = Rest().challenge()
    proof = {"challenge": challenge, "signature": b64_text(ada.keys.prove_login(b64_bytes(challenge)))}

    assert [ask(ada, **proof), ask(ada, **proof)] == [{"known": True}, {"known": False}]
