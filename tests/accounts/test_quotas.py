"""Who spends whose allowance: strangers can not use up what contacts need."""

import uuid
from typing import Any

import pytest

from accounts import bundles, mailbox
from accounts.delivery import delete_tokens, digest_of
from accounts.quotas import Quota
from mesa import store
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_delivery_token, make_login, make_prekeys

THROTTLED = (429, "throttled")


@pytest.fixture
def bo() -> LoggedIn:
    bo = make_login(username="bo")
    Rest(bo).put("prekeys/", make_prekeys(bo.device, one_time=9))
    return bo


def limit(monkeypatch: pytest.MonkeyPatch, name: str, uses: int, *, module: Any = bundles) -> None:
    quota: Quota = getattr(module, name)
    monkeypatch.setattr(module, name, Quota(quota.name, uses, quota.stretch))


def claim(token: bytes | None, username: str = "bo", *, by: LoggedIn | None = None) -> Any:
    body = {"username": username, "token": None if token is None else b64_text(token)}
    return Rest(by or make_login()).post("bundles/", body)


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


def test_one_caller_does_not_use_up_what_all_strangers_have(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bundles.TARGET_QUOTA.uses >= 100 * bundles.CALLER_QUOTA.uses
    limit(monkeypatch, "CALLER_QUOTA", 2)
    mallory = make_login(username="mallory")

    answers = [claim(None, by=mallory) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert code(answers[2]) == THROTTLED
    assert claim(None).status_code == 200


def test_a_caller_who_has_spent_all_still_reaches_contacts(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "CALLER_QUOTA", 1)
    ada, token = make_login(username="ada"), make_delivery_token(recipient=bo.device.user)

    assert [claim(None, by=ada).status_code for _ in range(2)] == [200, 429]
    assert claim(token, by=ada).status_code == 200


def test_made_up_tokens_leave_no_more_counters_than_a_caller_has_posts(
    bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, "CALLER_QUOTA", 3, module=mailbox)
    mallory, ada = make_login(username="mallory"), make_login(username="ada")

    answers = [post(mallory, bo, uuid.uuid4().bytes * 2) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 3
    assert code(answers[-1]) == THROTTLED
    assert len(list(store.client().scan_iter("mesa:quota:posts_token:*"))) == 3
    assert post(ada, bo, make_delivery_token(recipient=bo.device.user)).status_code == 202


def post(sender: LoggedIn, receiver: LoggedIn, token: bytes) -> Any:
    body = {
        "token": b64_text(token),
        "username": None,
        "device": str(receiver.device.pk),
        "envelope": b64_text(bytes(49 + 4_096)),
    }
    return Rest(sender).post("mailbox/", body)
