"""Who was blocked gets the answers that anybody gets, whatever they ask with the token they hold."""

import secrets
from typing import Any

import pytest

from accounts import delivery, mailbox
from accounts.delivery import digest_of, recipient_of
from accounts.models import DeliveryToken, Envelope
from accounts.quotas import Quota
from p2p.protocol.fields import b64_text
from tests.accounts.rest import ENVELOPE, Rest, code
from tests.factories import LoggedIn, make_device, make_login, make_prekeys

BLOCKED_AND_LIVE = pytest.mark.parametrize("is_blocked", [False, True])


@pytest.fixture
def ada() -> LoggedIn:
    ada = make_login(username="ada")
    Rest(ada).put("prekeys/", make_prekeys(ada.device, one_time=3))
    return ada


@pytest.fixture
def mallory() -> Rest:
    return Rest(make_login(username="mallory"))


def mint(ada: LoggedIn) -> bytes:
    token = secrets.token_bytes(32)
    assert Rest(ada).post("tokens/", {"digests": [b64_text(digest_of(token))]}).status_code == 204
    return token


def block(ada: LoggedIn, token: bytes) -> None:
    assert Rest(ada).delete("tokens/", {"digests": [b64_text(digest_of(token))]}).status_code == 204


def claim(caller: Rest, token: bytes) -> Any:
    return caller.post("bundles/", {"username": "ada", "token": b64_text(token)})


def post(caller: Rest, to: LoggedIn, token: bytes) -> Any:
    body = {"token": b64_text(token), "username": None, "device": str(to.device.pk), "envelope": ENVELOPE}
    return caller.post("mailbox/", body)


@BLOCKED_AND_LIVE
def test_claim_gives_one_time_keys_as_before(ada: LoggedIn, mallory: Rest, is_blocked: bool) -> None:
    token = mint(ada)
    if is_blocked:
        block(ada, token)

    (device,) = claim(mallory, token).json()["devices"]

    assert device["one_time"] is not None
    assert device["one_time_kem"] is not None


def test_blocked_token_reaches_nobody_at_once(ada: LoggedIn, mallory: Rest) -> None:
    token = mint(ada)

    block(ada, token)

    assert recipient_of(digest_of(token)) is None
    assert not DeliveryToken.objects.exists()
    assert post(mallory, ada, token).status_code == 202
    assert not Envelope.objects.exists()


def test_blocked_token_claims_keys_of_its_own_recipient_only(ada: LoggedIn, mallory: Rest) -> None:
    bo = make_login(username="bo")
    token = mint(bo)
    block(bo, token)

    (device,) = claim(mallory, token).json()["devices"]

    assert device["one_time"] is None


@BLOCKED_AND_LIVE
def test_digest_stays_taken(ada: LoggedIn, mallory: Rest, is_blocked: bool) -> None:
    """Whoever holds a token could mint its digest, to see whether it is there."""
    token = mint(ada)
    if is_blocked:
        block(ada, token)

    answer = mallory.post("tokens/", {"digests": [b64_text(digest_of(token))]})

    assert code(answer) == (400, "invalid")


def test_blocking_twice_does_no_harm(ada: LoggedIn, mallory: Rest) -> None:
    token = mint(ada)

    for _ in range(2):
        block(ada, token)

    assert claim(mallory, token).status_code == 200


def test_blocked_tokens_are_bounded(ada: LoggedIn, mallory: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MAX_WITHDRAWN_TOKENS", 2)
    tokens = [mint(ada) for _ in range(3)]

    for token in tokens:
        block(ada, token)

    taken = [claim(mallory, token).json()["devices"][0]["one_time"] is not None for token in tokens]
    assert sum(taken) == 2
    # The one that was blocked last is never the one to go.
    assert taken[-1]


@BLOCKED_AND_LIVE
def test_flood_of_posts_ends_alike(
    ada: LoggedIn, mallory: Rest, monkeypatch: pytest.MonkeyPatch, is_blocked: bool
) -> None:
    quota = mailbox.TOKEN_QUOTA
    monkeypatch.setattr(mailbox, "TOKEN_QUOTA", Quota(quota.name, 3, quota.stretch))
    token = mint(ada)
    if is_blocked:
        block(ada, token)

    answers = [post(mallory, ada, token) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert code(answers[3]) == (429, "throttled")


@BLOCKED_AND_LIVE
def test_full_mailbox_is_told_to_everybody(
    ada: LoggedIn, mallory: Rest, monkeypatch: pytest.MonkeyPatch, is_blocked: bool
) -> None:
    monkeypatch.setattr(mailbox, "MAX_WAITING", 1)
    assert post(Rest(make_login()), ada, mint(ada)).status_code == 202
    token = mint(ada)
    if is_blocked:
        block(ada, token)

    assert code(post(mallory, ada, token)) == (429, "mailbox_full")


def test_full_mailbox_is_told_with_a_token_of_somebody_else(
    ada: LoggedIn, mallory: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_WAITING", 0)
    token = mint(make_login(device=make_device()))

    assert code(post(mallory, ada, token)) == (429, "mailbox_full")


def test_one_contact_and_all_strangers_do_not_fill_a_mailbox() -> None:
    """So that nobody learns from the mailbox, alone, whether own posts still go into it."""
    days = mailbox.ENVELOPE_LIFETIME.days + 1
    posts_of_one = mailbox.TOKEN_QUOTA.uses * days

    assert mailbox.TOKEN_QUOTA.stretch.days == 1
    assert posts_of_one + mailbox.MAX_WAITING_FOR_STRANGERS < mailbox.MAX_WAITING
