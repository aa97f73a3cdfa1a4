"""A browser's login: cookies that no script reads, and a CSRF token for whatever changes something."""

from typing import Any

import pytest
from django.test import Client, override_settings

from accounts import cookies
from tests.accounts.rest import BASE, Rest, code
from tests.factories import keys_of, make_device, make_login

FORBIDDEN = (403, "forbidden")
REFUSED = (401, "not_authenticated")


def browser(username: str = "ada") -> tuple[Client, Any]:
    """A browser after its login, and the answer it got."""
    device = make_device(username=username)
    rest = Rest()
    response = rest.log_in(keys_of(device), device.pk, username, cookies=True)
    assert response.status_code == 200
    return rest.client, response


def csrf(client: Client) -> dict[str, str]:
    return {"X-CSRFToken": client.cookies["csrftoken"].value}


def post(client: Client, path: str, **headers: str) -> Any:
    return client.post(BASE + path, {}, content_type="application/json", headers=headers)


def test_tokens_are_in_cookies_and_not_in_the_body() -> None:
    _, response = browser()

    assert response.json().keys() == {"user", "device", "sid"}
    for name in ("mesa_access", "mesa_refresh"):
        assert response.cookies[name]["httponly"]
    assert response.cookies["mesa_access"]["samesite"] == "Lax"
    assert response.cookies["mesa_refresh"]["samesite"] == "Strict"
    assert response.cookies["mesa_refresh"]["path"] == BASE + "refresh/"


@override_settings(HTTPS=True)
def test_cookies_are_bound_to_the_host_under_tls() -> None:
    device = make_device(username="ada")

    response = Rest().log_in(keys_of(device), device.pk, "ada", cookies=True)

    access = response.cookies["__Host-mesa_access"]
    assert access["secure"]
    assert access["path"] == "/"
    assert not access["domain"]
    assert response.cookies["__Secure-mesa_refresh"]["secure"]


def test_cookie_opens_what_only_reads() -> None:
    client, _ = browser()

    assert client.get(BASE + "me/").json()["username"] == "ada"


def test_cookie_without_csrf_changes_nothing() -> None:
    client, _ = browser()

    assert code(post(client, "logout/")) == FORBIDDEN
    assert client.get(BASE + "me/").status_code == 200


def test_cookie_with_csrf_changes() -> None:
    client, _ = browser()

    assert post(client, "logout/", **csrf(client)).status_code == 204


def test_wrong_csrf_token_is_refused() -> None:
    client, _ = browser()

    assert code(post(client, "logout/", **{"X-CSRFToken": "x" * 64})) == FORBIDDEN


def test_foreign_origin_is_refused() -> None:
    client, _ = browser()

    refused = post(client, "logout/", Origin="https://mallory.example", **csrf(client))

    assert code(refused) == FORBIDDEN


def test_header_wins_over_the_cookie() -> None:
    client, _ = browser("ada")
    bo = make_login(username="bo")

    answer = client.get(BASE + "me/", headers=bo.header)

    assert answer.json()["username"] == "bo"


def test_bad_header_is_not_mended_by_a_good_cookie() -> None:
    client, _ = browser()

    assert code(client.get(BASE + "me/", headers={"Authorization": "Bearer x"})) == REFUSED


def test_header_needs_no_csrf_token() -> None:
    assert Rest(make_login()).post("logout/", {}).status_code == 204


def test_stale_cookie_does_not_keep_anybody_from_logging_in() -> None:
    client, _ = browser("ada")
    post(client, "logout/", **csrf(client))
    client.cookies[cookies.access_name()] = "stale"

    assert post(client, "challenges/").status_code == 201


def test_refresh_by_cookie_rotates_both_cookies() -> None:
    client, first = browser()

    response = post(client, "refresh/", **csrf(client))

    assert response.json() == {}
    assert response.cookies["mesa_refresh"].value != first.cookies["mesa_refresh"].value
    assert client.get(BASE + "me/").status_code == 200


def test_refresh_by_cookie_needs_csrf() -> None:
    client, _ = browser()

    assert code(post(client, "refresh/")) == FORBIDDEN
    # And the token was not used up by the refusal.
    assert post(client, "refresh/", **csrf(client)).status_code == 200


def test_logout_takes_the_cookies_back() -> None:
    client, _ = browser()

    response = post(client, "logout/", **csrf(client))

    assert {name: response.cookies[name].value for name in ("mesa_access", "mesa_refresh")} == {
        "mesa_access": "",
        "mesa_refresh": "",
    }


@pytest.mark.parametrize("method", ["post", "delete"])
def test_every_unsafe_method_needs_csrf(method: str) -> None:
    client, _ = browser()

    response = getattr(client, method)(BASE + "tokens/", {"digests": []}, content_type="application/json")

    assert code(response) == FORBIDDEN
