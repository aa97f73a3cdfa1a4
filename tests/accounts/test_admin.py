"""The operator's pages: counts and states, never what belongs to users."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import models
from tests.factories import log_into_admin, make_delivery_token, make_device, make_operator, make_user


@pytest.fixture
def olga() -> Client:
    return make_operator()


def test_operator_sees_names_and_counts(olga: Client) -> None:
    make_device(username="ada")

    page = olga.get(reverse("admin:accounts_user_changelist"))

    assert page.status_code == 200
    assert b"ada" in page.content


def test_operator_can_not_change_a_user(olga: Client) -> None:
    ada = make_user("ada")
    address = reverse("admin:accounts_user_change", args=[ada.pk])

    assert olga.get(address).status_code == 200
    assert olga.post(address, {"username": "mallory"}).status_code == 403
    assert olga.post(reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"}).status_code == 403
    assert olga.get(reverse("admin:accounts_user_add")).status_code == 403


def test_page_of_a_user_shows_neither_password_nor_tokens(olga: Client) -> None:
    ada = make_user("ada")
    make_delivery_token(recipient=ada)

    page = olga.get(reverse("admin:accounts_user_change", args=[ada.pk])).content

    assert b"md5$" not in page
    assert ada.password.encode() not in page
    assert b"token" not in page.replace(b"csrfmiddlewaretoken", b"")


def test_only_users_are_registered() -> None:
    registered = {model for model in admin.site._registry if model.__module__ == "accounts.models"}

    assert registered == {models.User}


@pytest.mark.parametrize("fields", [{}, {"is_staff": True, "is_active": False}])
def test_others_are_turned_away(fields: dict[str, Any]) -> None:
    client = log_into_admin(make_user("mallory", **fields))

    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 302
