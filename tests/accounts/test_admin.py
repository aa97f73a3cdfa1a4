"""The operator's pages of accounts: one account at a time, and what is done to it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import models
from accounts.models import Invitation, User
from mesa.dumps import holding, take_dump
from p2p.protocol.fields import b64_text
from tests.accounts.rest import ENVELOPE, Rest, code
from tests.factories import (
    PASSWORD,
    keys_of,
    log_into_admin,
    make_delivery_token,
    make_device,
    make_login,
    make_operator,
    make_prekeys,
    make_user,
)

USERS = "/admin/accounts/user/"
ACTS = ["ban", "unban", "revoke", "remove", "look-only", "superuser"]


@pytest.fixture
def looker() -> Client:
    """Who may look."""
    return make_operator("looker")


@pytest.fixture
def olga() -> Client:
    """Who may act."""
    return make_operator("olga", is_superuser=True)


def act_address(user: User, name: str) -> str:
    return reverse("admin:accounts_user_act", args=[user.pk, name])


def names_listed(client: Client, query: str = "") -> set[str]:
    listed = client.get(f"{USERS}{query}").context["cl"].result_list
    return {user.username for user in listed}


def test_operator_finds_one_account_by_its_exact_name(looker: Client) -> None:
    make_device(username="ada")
    make_device(username="ada-2")

    page = looker.get(f"{USERS}?q=Ada")

    assert {user.username for user in page.context["cl"].result_list} == {"ada"}
    assert (b">ada<" in page.content, b"ada-2" in page.content) == (True, False)


def test_without_a_name_operators_and_banned_users_are_listed(looker: Client) -> None:
    make_user("ada")
    make_user("mallory", is_active=False)

    assert names_listed(looker) == {"looker", "mallory"}


@pytest.mark.parametrize(
    "query",
    [
        "?username__startswith=a",
        "?q=ada&password__startswith=a",
        "?q=ada&ver__gte=0",
        "?q=ada&devices__signing_key__gte=a",
        "?q=ada&delivery_tokens__isnull=False",
    ],
)
def test_address_can_not_ask_for_other_columns(looker: Client, query: str) -> None:
    make_device(username="ada")

    # Django answers such an address like one that is spoilt.
    assert looker.get(f"{USERS}{query}").status_code in {302, 400}


def test_operator_can_not_change_a_user(looker: Client, olga: Client) -> None:
    ada = make_user("ada")
    address = reverse("admin:accounts_user_change", args=[ada.pk])

    for client in (looker, olga):
        assert client.get(address).status_code == 200
        assert client.post(address, {"username": "mallory"}).status_code == 403
        removal = reverse("admin:accounts_user_delete", args=[ada.pk])
        assert client.post(removal, {"post": "yes"}).status_code == 403
        assert client.get(reverse("admin:accounts_user_add")).status_code == 403


def test_page_of_a_user_shows_neither_password_nor_tokens(looker: Client) -> None:
    ada = make_user("ada")
    make_delivery_token(recipient=ada)

    page = looker.get(reverse("admin:accounts_user_change", args=[ada.pk])).content

    assert b"md5$" not in page
    assert ada.password.encode() not in page
    assert b"token" not in page.replace(b"csrfmiddlewaretoken", b"")


def test_only_users_and_invitations_are_registered() -> None:
    registered = {model.__name__ for model in admin.site._registry}

    assert registered == {"User", "Invitation", "P2PTransaction"}


@pytest.mark.parametrize("fields", [{}, {"is_staff": True, "is_active": False}])
def test_others_are_turned_away(fields: dict[str, Any]) -> None:
    client = log_into_admin(make_user("mallory", **fields))

    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 302


def test_banned_user_is_out_at_once_and_told_why(olga: Client) -> None:
    ada = make_login(username="ada")

    olga.post(act_address(ada.device.user, "ban"))

    keys, device = keys_of(ada.device), ada.device.pk
    assert code(Rest(ada).get("me/")) == (401, "not_authenticated")
    assert code(Rest().post("refresh/", {"refresh": ada.tokens.refresh})) == (401, "not_authenticated")
    assert code(Rest().log_in(keys, device, "ada")) == (403, "banned")


def test_lifted_ban_lets_in_again_and_brings_back_no_login(olga: Client) -> None:
    ada = make_login(username="ada")
    olga.post(act_address(ada.device.user, "ban"))

    olga.post(act_address(ada.device.user, "unban"))

    assert code(Rest(ada).get("me/")) == (401, "not_authenticated")
    assert Rest().log_in(keys_of(ada.device), ada.device.pk, "ada").status_code == 200


def test_strangers_find_no_banned_user(olga: Client) -> None:
    ada, bo = make_login(username="ada"), make_login(username="bo")
    olga.post(act_address(ada.device.user, "ban"))

    post = {"token": None, "username": "ada", "device": str(ada.device.pk), "envelope": ENVELOPE}
    assert Rest(bo).get("users/", prefix="ada").json() == {"users": []}
    assert code(Rest(bo).post("bundles/", {"username": "ada", "token": None})) == (404, "not_found")
    assert code(Rest(bo).post("mailbox/", post)) == (404, "not_found")


def answers_to_a_contact(bo: Rest, device: models.Device, token: bytes) -> list[Any]:
    """What a holder of a delivery token gets for all that can be asked with one."""
    text = b64_text(token)
    bundle = bo.post("bundles/", {"username": "ada", "token": text})
    post = {"token": text, "username": None, "device": str(device.pk), "envelope": ENVELOPE}
    posted = bo.post("mailbox/", post)
    tx = {"id": str(uuid.uuid4()), "token": text, "tickets": []}
    started = bo.client.post("/api/p2p/transactions/", tx, content_type="application/json")
    given = bundle.json()["devices"][0]["one_time"] is not None
    return [bundle.status_code, given, posted.status_code, posted.json(), started.status_code]


def test_contact_of_a_banned_user_sees_somebody_offline(olga: Client) -> None:
    ada, bo = make_login(username="ada"), Rest(make_login(username="bo"))
    Rest(ada).put("prekeys/", make_prekeys(ada.device, one_time=3))
    token = make_delivery_token(recipient=ada.device.user)
    offline = answers_to_a_contact(bo, ada.device, token)

    olga.post(act_address(ada.device.user, "ban"))

    assert answers_to_a_contact(bo, ada.device, token) == offline == [200, True, 202, {}, 202]


def test_revoking_ends_logins_and_leaves_the_account(olga: Client) -> None:
    ada = make_login(username="ada")

    olga.post(act_address(ada.device.user, "revoke"))

    assert code(Rest(ada).get("me/")) == (401, "not_authenticated")
    assert Rest().log_in(keys_of(ada.device), ada.device.pk, "ada").status_code == 200


def test_revoking_ends_an_operators_sessions_too(olga: Client) -> None:
    other = make_operator("other")
    assert other.get(USERS).status_code == 200

    olga.post(act_address(User.objects.get(username="other"), "revoke"))

    assert other.get(USERS).status_code == 302


def test_removed_account_is_in_no_table(olga: Client) -> None:
    ada = make_login(username="ada-of-old")
    user = ada.device.user
    Rest(ada).put("prekeys/", make_prekeys(ada.device))
    make_delivery_token(recipient=user)
    for name in ("ban", "unban", "revoke"):
        olga.post(act_address(user, name))
    before = take_dump()

    olga.post(act_address(user, "remove"))

    ids = [user.pk.bytes, ada.device.pk.bytes]
    tables = {name: rows for name, rows in take_dump().items() if name != "store"}
    assert len(holding({name: before[name] for name in tables}, texts=[user.username], ids=ids)) > 5
    assert holding(tables, texts=[user.username], ids=ids) == []
    assert LogEntry.objects.count() == 4


def test_log_says_who_did_what_to_the_minute_and_names_no_user(olga: Client) -> None:
    ada = make_user("ada")

    olga.post(act_address(ada, "ban"))

    (entry,) = LogEntry.objects.all()
    assert (entry.user.get_username(), entry.change_message) == ("olga", "banned")
    assert (entry.object_id, entry.object_repr) == (str(ada.pk), "user")
    assert (entry.action_time.second, entry.action_time.microsecond) == (0, 0)
    assert b"banned" in olga.get(reverse("admin:accounts_user_history", args=[ada.pk])).content


@pytest.mark.parametrize("name", ACTS)
def test_nothing_happens_before_it_is_confirmed(olga: Client, name: str) -> None:
    user = make_user("other", is_staff=True, is_superuser=name == "look-only", is_active=name != "unban")
    before = User.objects.filter(pk=user.pk).values().get()

    page = olga.get(act_address(user, name))

    assert page.status_code == 200
    assert b"csrfmiddlewaretoken" in page.content
    assert User.objects.filter(pk=user.pk).values().get() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ACTS)
def test_confirmation_needs_the_csrf_token(name: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    operator = make_user("olga", is_staff=True, is_superuser=True)
    strict.cookies = log_into_admin(operator).cookies
    user = make_user("other", is_staff=True, is_superuser=name == "look-only", is_active=name != "unban")

    assert strict.post(act_address(user, name)).status_code == 403
    assert User.objects.filter(pk=user.pk, is_active=user.is_active).exists()


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_only_look_can_do_nothing(looker: Client, name: str, method: str) -> None:
    user = make_user("other", is_staff=True, is_superuser=name == "look-only", is_active=name != "unban")
    before = User.objects.filter(pk=user.pk).values().get()

    assert getattr(looker, method)(act_address(user, name)).status_code == 403
    assert User.objects.filter(pk=user.pk).values().get() == before


@pytest.mark.parametrize("name", ACTS)
def test_nobody_acts_on_the_own_account(olga: Client, name: str) -> None:
    assert olga.post(act_address(User.objects.get(username="olga"), name)).status_code == 404


def test_act_that_makes_no_sense_is_not_there(olga: Client) -> None:
    ada = make_user("ada")

    for name in ("unban", "look-only", "superuser", "bow"):
        assert olga.post(act_address(ada, name)).status_code == 404
    assert olga.post(f"{USERS}{uuid.uuid4()}/act/ban/").status_code == 404


def test_operators_can_be_let_look_and_let_act(olga: Client) -> None:
    other = make_user("other", is_staff=True)

    olga.post(act_address(other, "superuser"))
    assert User.objects.get(pk=other.pk).is_superuser
    olga.post(act_address(other, "look-only"))

    assert not User.objects.get(pk=other.pk).is_superuser


def test_page_of_a_user_offers_what_can_be_done(olga: Client, looker: Client) -> None:
    ada = make_user("ada")
    address = reverse("admin:accounts_user_change", args=[ada.pk])

    offered = [name for name in ACTS if act_address(ada, name).encode() in olga.get(address).content]

    assert offered == ["ban", "revoke", "remove"]
    assert b"/act/" not in looker.get(address).content


def test_invitations_are_shown_once(olga: Client) -> None:
    page = olga.post("/admin/accounts/invitation/make/", {"count": "3", "days": "7"})
    codes = page.context["codes"]
    listed = olga.get("/admin/accounts/invitation/").content.decode()

    assert len(codes) == Invitation.objects.count() == 3
    assert "--server http://testserver --invitation CODE" in page.content.decode()
    assert all(each in page.content.decode() for each in codes)
    assert not any(each in listed for each in codes)
    assert {row.expires_on for row in Invitation.objects.all()} == {timezone.now().date() + timedelta(days=7)}
    assert LogEntry.objects.get().change_message == "made: 3"


@pytest.mark.parametrize("fields", [{}, {"count": "0", "days": "1"}, {"count": "1", "days": "999"}])
def test_wrong_numbers_make_no_invitation(olga: Client, fields: dict[str, str]) -> None:
    page = olga.post("/admin/accounts/invitation/make/", fields)

    assert page.status_code == 200
    assert not Invitation.objects.exists()


def test_withdrawing_needs_confirmation(olga: Client) -> None:
    olga.post("/admin/accounts/invitation/make/", {"count": "2", "days": "7"})

    olga.get("/admin/accounts/invitation/withdraw/")
    assert Invitation.objects.count() == 2
    olga.post("/admin/accounts/invitation/withdraw/")

    assert Invitation.objects.count() == 0


@pytest.mark.parametrize("page", ["make", "withdraw"])
def test_who_may_only_look_invites_nobody(looker: Client, page: str) -> None:
    fields = {"count": "1", "days": "1"}

    assert looker.post(f"/admin/accounts/invitation/{page}/", fields).status_code == 403
    assert not Invitation.objects.exists()


def log_in_by_page(username: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/admin/login/", {"username": username, "password": password})
    return client


def test_login_page_lets_operators_in_and_nobody_else() -> None:
    make_user("olga", is_staff=True)
    make_user("ada")

    assert log_in_by_page("olga").get("/admin/").status_code == 200
    assert log_in_by_page("olga", "wrong horse battery").get("/admin/").status_code == 302
    assert log_in_by_page("ada").get("/admin/").status_code == 302


def test_login_page_locks_after_wrong_passwords() -> None:
    make_user("olga", is_staff=True)
    for _ in range(5):
        log_in_by_page("olga", "wrong horse battery")

    assert log_in_by_page("olga").get("/admin/").status_code == 302


def test_forms_of_the_pages_are_sent_with_their_origin() -> None:
    pages = [Client().get("/admin/login/"), Client().get("/api/server/")]

    assert [page.headers["Referrer-Policy"] for page in pages] == ["same-origin", "no-referrer"]
