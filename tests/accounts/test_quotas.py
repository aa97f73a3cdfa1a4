"""Who spends whose allowance: strangers can not use up what contacts need."""

from typing import Any

import pytest

from accounts import bundles
from accounts.delivery import delete_tokens, digest_of
from accounts.quotas import Quota
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_delivery_token, make_login, make_prekeys

THROTTLED = (429, "throttled")


@pytest.fixture
def bo() -> LoggedIn:
    bo = make_login(username="bo")
    Rest(bo).put("prekeys/", make_prekeys(bo.device, one_time=9))
    return bo


def limit(monkeypatch: pytest.MonkeyPatch, name: str, uses: int) -> None:
    quota: Quota = getattr(bundles, name)
    monkeypatch.setattr(bundles, name, Quota(quota.name, uses, quota.stretch))


def claim(token: bytes | None, username: str = "bo") -> Any:
    body = {"username": username, "token": None if token is None else b64_text(token)}
    return Rest(make_login()).post("bundles/", body)


def test_strangers_do_not_keep_a_contact_from_a_new_session(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "TARGET_QUOTA", 2)
    assert [claim(None).status_code for _ in range(3)] == [200, 200, 429]

    assert claim(make_delivery_token(recipient=bo.device.user)).status_code == 200


def test_contacts_do_not_use_up_what_strangers_have(bo: LoggedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "TARGET_QUOTA", 1)
    token = make_delivery_token(recipient=bo.device.user)

    assert [claim(token).status_code for _ in range(3)] == [200] * 3
    assert claim(None).status_code == 200


@pytest.mark.parametrize("is_known", [False, True])
def test_token_that_is_not_of_that_user_counts_as_none(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    limit(monkeypatch, "TARGET_QUOTA", 1)
    token = make_delivery_token(recipient=make_login().device.user) if is_known else bytes(32)

    assert [claim(token).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("is_blocked", [False, True])
def test_claims_of_one_token_are_bounded_whether_it_lives_or_not(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch, is_blocked: bool
) -> None:
    limit(monkeypatch, "TOKEN_QUOTA", 2)
    token, other = (make_delivery_token(recipient=bo.device.user) for _ in range(2))
    if is_blocked:
        delete_tokens(user=bo.device.user, digests=[digest_of(token)])

    answers = [claim(token) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert code(answers[2]) == THROTTLED
    assert claim(other).status_code == 200


def test_unknown_target_spends_a_quota_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, "TARGET_QUOTA", 1)

    assert [claim(None, "nobody").status_code for _ in range(2)] == [404, 429]
    assert claim(bytes(32), "nobody").status_code == 429
