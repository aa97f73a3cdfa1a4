"""Mailboxes: who may post, who may read, and what is not written down."""

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.utils import timezone

from accounts import mailbox
from accounts.delivery import delete_tokens, digest_of
from accounts.models import Envelope
from accounts.quotas import Quota
from mesa import push
from p2p.protocol.fields import b64_text
from tests.accounts.rest import ENVELOPE, Rest, code
from tests.factories import LoggedIn, make_delivery_token, make_login

ACCEPTED: tuple[int, dict[str, str]] = (202, {})


@pytest.fixture
def ada() -> LoggedIn:
    return make_login(username="ada")


@pytest.fixture
def bo() -> LoggedIn:
    return make_login(username="bo")


def post(sender: LoggedIn, to: LoggedIn, *, token: bytes | None = None, **changes: Any) -> Any:
    """By token if there is one, else by name."""
    body = {
        "token": None if token is None else b64_text(token),
        "username": to.device.user.username if token is None else None,
        "device": str(to.device.pk),
        "envelope": ENVELOPE,
    }
    return Rest(sender).post("mailbox/", {**body, **changes})


def waiting(of: LoggedIn) -> list[dict[str, str]]:
    found: list[dict[str, str]] = Rest(of).get("mailbox/").json()["envelopes"]
    return found


def test_contact_request_by_name_waits_for_the_device(ada: LoggedIn, bo: LoggedIn) -> None:
    response = post(ada, bo)

    assert (response.status_code, response.json()) == ACCEPTED
    (envelope,) = waiting(bo)
    assert envelope.keys() == {"id", "envelope"}
    assert envelope["envelope"] == ENVELOPE


def test_envelope_by_token_waits_for_the_device(ada: LoggedIn, bo: LoggedIn) -> None:
    token = make_delivery_token(recipient=bo.device.user)

    assert post(ada, bo, token=token).status_code == 202
    assert len(waiting(bo)) == 1


def test_envelope_expires_on_a_date(ada: LoggedIn, bo: LoggedIn) -> None:
    post(ada, bo)

    assert Envelope.objects.get().expires_on == (timezone.now() + timedelta(days=14)).date()
    assert {field.name for field in Envelope._meta.get_fields()} == {"id", "device", "sealed", "expires_on"}


@pytest.mark.django_db(transaction=True)
def test_envelope_raises_a_frame_for_its_device_only(ada: LoggedIn, bo: LoggedIn) -> None:
    async def heard() -> dict[str, Any]:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(push.device_group(bo.device.pk), channel)
        await asyncio.to_thread(post, ada, bo)
        message: dict[str, Any] = await asyncio.wait_for(layer.receive(channel), 5)
        await layer.flush()
        return message

    message = asyncio.run(heard())

    assert json.loads(message["text"]) == {"type": "mailbox"}


def test_dead_tokens_answer_like_a_live_one_and_leave_nothing(ada: LoggedIn, bo: LoggedIn) -> None:
    live, deleted = (make_delivery_token(recipient=bo.device.user) for _ in range(2))
    delete_tokens(user=bo.device.user, digests=[digest_of(deleted)])
    of_somebody_else = make_delivery_token(recipient=ada.device.user)
    good = post(ada, bo, token=live)

    answers = [post(ada, bo, token=token) for token in (bytes(32), deleted, of_somebody_else)]

    for answer in answers:
        assert (answer.status_code, answer.content) == (good.status_code, good.content)
    assert len(waiting(bo)) == 1


def test_token_does_not_open_another_device(ada: LoggedIn, bo: LoggedIn) -> None:
    token = make_delivery_token(recipient=bo.device.user)

    assert post(ada, bo, token=token, device=str(ada.device.pk)).status_code == 202
    assert not Envelope.objects.exists()


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_name_and_device_must_belong_together(ada: LoggedIn, bo: LoggedIn, username: str) -> None:
    assert code(post(ada, bo, username=username)) == (404, "not_found")


def test_unknown_device_is_not_found(ada: LoggedIn, bo: LoggedIn) -> None:
    assert code(post(ada, bo, device=str(uuid.uuid4()))) == (404, "not_found")


def test_token_and_name_together_are_refused(ada: LoggedIn, bo: LoggedIn) -> None:
    assert code(post(ada, bo, token=bytes(32), username="bo")) == (400, "invalid")


def test_neither_token_nor_name_is_refused(ada: LoggedIn, bo: LoggedIn) -> None:
    assert code(post(ada, bo, username=None)) == (400, "invalid")


@pytest.mark.parametrize("size", [0, 1, 48, 49, 4_096, 49 + 4_095, 50 + 4_096, 49 + 4_096 * 17])
def test_envelope_of_another_size_is_refused(ada: LoggedIn, bo: LoggedIn, size: int) -> None:
    assert code(post(ada, bo, envelope=b64_text(bytes(size)))) == (400, "invalid")


@pytest.mark.parametrize("steps", [1, 2, 16])
def test_envelope_of_a_size_of_the_spec_is_taken(ada: LoggedIn, bo: LoggedIn, steps: int) -> None:
    assert post(ada, bo, envelope=b64_text(bytes(49 + 4_096 * steps))).status_code == 202


def test_requests_by_name_are_few_a_day(ada: LoggedIn, bo: LoggedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = mailbox.REQUEST_QUOTA
    assert quota.uses == 20
    monkeypatch.setattr(mailbox, "REQUEST_QUOTA", Quota(quota.name, 2, quota.stretch))

    answers = [post(ada, bo) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert code(answers[2]) == (429, "throttled")
    # The quota is ada's, not bo's, and a contact's posts are not counted.
    assert post(make_login(), bo).status_code == 202
    assert post(ada, bo, token=make_delivery_token(recipient=bo.device.user)).status_code == 202


def test_strangers_fill_the_smaller_part(
    ada: LoggedIn, bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_WAITING_FOR_STRANGERS", 2)
    token = make_delivery_token(recipient=bo.device.user)
    answers = [post(ada, bo) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert code(answers[2]) == (429, "mailbox_full")
    assert answers[2].headers["Retry-After"]
    assert post(ada, bo, token=token).status_code == 202


def test_full_mailbox_refuses_contacts_too(
    ada: LoggedIn, bo: LoggedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_WAITING", 2)
    token = make_delivery_token(recipient=bo.device.user)

    assert [post(ada, bo, token=token).status_code for _ in range(3)] == [202, 202, 429]

    Rest(bo).delete("mailbox/", {"ids": [waiting(bo)[0]["id"]]})
    assert post(ada, bo, token=token).status_code == 202


def test_reader_gets_a_bounded_part(bo: LoggedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    expires_on = timezone.now().date()
    Envelope.objects.bulk_create(
        Envelope(device=bo.device, sealed=bytes(49), expires_on=expires_on) for _ in range(60)
    )

    assert len(waiting(bo)) == mailbox.MAX_FETCHED


def test_nobody_reads_the_mailbox_of_another_device(ada: LoggedIn, bo: LoggedIn) -> None:
    post(ada, bo)

    assert waiting(ada) == []


def test_expired_envelope_is_not_handed_out(ada: LoggedIn, bo: LoggedIn) -> None:
    post(ada, bo)
    Envelope.objects.update(expires_on=timezone.now().date() - timedelta(days=1))

    assert waiting(bo) == []


def test_deleted_envelope_is_gone(ada: LoggedIn, bo: LoggedIn) -> None:
    post(ada, bo)
    ids = [envelope["id"] for envelope in waiting(bo)]

    assert [Rest(bo).delete("mailbox/", {"ids": ids}).status_code for _ in range(2)] == [204, 204]
    assert not Envelope.objects.exists()


def test_nobody_deletes_from_the_mailbox_of_another_device(ada: LoggedIn, bo: LoggedIn) -> None:
    post(ada, bo)
    ids = [envelope["id"] for envelope in waiting(bo)]

    assert Rest(ada).delete("mailbox/", {"ids": ids}).status_code == 204
    assert len(waiting(bo)) == 1


def test_deleting_a_token_ends_deliverability(ada: LoggedIn, bo: LoggedIn) -> None:
    token = make_delivery_token(recipient=bo.device.user)
    post(ada, bo, token=token)

    Rest(bo).delete("tokens/", {"digests": [b64_text(digest_of(token))]})

    assert post(ada, bo, token=token).status_code == 202
    assert len(waiting(bo)) == 1
