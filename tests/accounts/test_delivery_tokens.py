"""Delivery tokens: minted and ended by their recipient alone, and known to the server as hashes."""

import secrets
from typing import Any

import pytest

from accounts import delivery
from accounts.delivery import digest_of, recipient_of
from accounts.errors import DigestTaken
from accounts.models import DeliveryToken
from p2p.protocol.fields import b64_text
from tests.accounts.rest import Rest, code
from tests.factories import make_delivery_token, make_login, make_user


def digests(*tokens: bytes) -> dict[str, Any]:
    return {"digests": [b64_text(digest_of(token)) for token in tokens]}


def test_minted_token_reaches_its_recipient() -> None:
    ada = make_login()
    token = secrets.token_bytes(32)

    assert Rest(ada).post("tokens/", digests(token)).status_code == 204

    assert recipient_of(digest_of(token)) == ada.device.user_id


def test_unknown_token_reaches_nobody() -> None:
    assert recipient_of(digest_of(bytes(32))) is None


def test_digest_is_not_a_token() -> None:
    token = make_delivery_token(recipient=make_user())

    assert recipient_of(token) is None


def test_deleted_token_reaches_nobody() -> None:
    ada = make_login()
    kept, ended = (make_delivery_token(recipient=ada.device.user) for _ in range(2))

    assert Rest(ada).delete("tokens/", digests(ended)).status_code == 204

    assert recipient_of(digest_of(ended)) is None
    assert recipient_of(digest_of(kept)) == ada.device.user_id


def test_deleting_what_does_not_exist_answers_alike() -> None:
    assert Rest(make_login()).delete("tokens/", digests(bytes(32))).status_code == 204


def test_token_of_somebody_else_is_not_deleted() -> None:
    ada, mallory = make_login(), make_login()
    token = make_delivery_token(recipient=ada.device.user)

    assert Rest(mallory).delete("tokens/", digests(token)).status_code == 204

    assert recipient_of(digest_of(token)) == ada.device.user_id


def test_existing_digest_is_refused_and_nothing_of_its_batch_is_kept() -> None:
    ada, mallory = make_login(), make_login()
    token, fresh = make_delivery_token(recipient=ada.device.user), secrets.token_bytes(32)

    assert code(Rest(mallory).post("tokens/", digests(fresh, token))) == (400, "invalid")

    assert recipient_of(digest_of(token)) == ada.device.user_id
    assert recipient_of(digest_of(fresh)) is None


def test_race_for_a_digest_is_refused_by_the_database() -> None:
    ada = make_user()
    digest = digest_of(make_delivery_token(recipient=ada))

    with pytest.raises(DigestTaken):
        delivery.mint_tokens(user=make_user(), digests=[digest])


def test_live_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = make_login()
    monkeypatch.setattr(delivery, "MAX_LIVE_TOKENS", 3)
    first = [secrets.token_bytes(32) for _ in range(3)]
    assert Rest(ada).post("tokens/", digests(*first)).status_code == 204

    assert code(Rest(ada).post("tokens/", digests(bytes(32)))) == (409, "stock_full")

    Rest(ada).delete("tokens/", digests(first[0]))
    assert Rest(ada).post("tokens/", digests(bytes(32))).status_code == 204


@pytest.mark.parametrize("method", ["post", "delete"])
@pytest.mark.parametrize("count", [0, 65])
def test_batch_is_bounded(method: str, count: int) -> None:
    body = digests(*(secrets.token_bytes(32) for _ in range(count)))

    assert code(getattr(Rest(make_login()), method)("tokens/", body)) == (400, "invalid")


def test_digest_twice_in_a_batch_is_refused() -> None:
    assert code(Rest(make_login()).post("tokens/", digests(bytes(32), bytes(32)))) == (400, "invalid")


def test_row_holds_hash_and_recipient_and_nothing_else() -> None:
    token = make_delivery_token(recipient=make_user())

    row = DeliveryToken.objects.get()
    assert {field.name for field in DeliveryToken._meta.get_fields()} == {"digest", "recipient"}
    assert bytes(row.digest) == digest_of(token) != token
