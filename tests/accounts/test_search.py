"""User search: by prefix, bounded, and never more than was asked for."""

import pytest

from accounts.search import MAX_FOUND
from tests.accounts.rest import Rest, code
from tests.factories import make_device, make_login, make_user


def found(prefix: str) -> list[str]:
    answer = Rest(make_login(username="caller")).get("users/", prefix=prefix).json()
    return [user["username"] for user in answer["users"]]


def test_search_finds_by_prefix_in_order() -> None:
    for name in ("bo22", "bo2", "bo3", "abo2"):
        make_device(username=name)

    assert found("bo2") == ["bo2", "bo22"]


def test_search_folds_what_was_typed() -> None:
    make_device(username="bo22")

    assert found("BO2") == ["bo22"]


def test_caller_is_never_found() -> None:
    assert found("caller") == []


def test_users_who_can_not_be_written_to_are_not_found() -> None:
    make_user("olga", is_staff=True)
    make_device(user=make_user("olga2", is_active=False))

    assert found("olg") == []


def test_search_gives_a_bounded_list() -> None:
    for number in range(MAX_FOUND + 5):
        make_device(username=f"many{number:02}")

    assert found("many") == [f"many{number:02}" for number in range(MAX_FOUND)]


def test_two_characters_find_only_the_whole_name() -> None:
    for name in ("bo", "bo2", "bo22"):
        make_device(username=name)

    assert found("bo") == ["bo"]


@pytest.mark.parametrize("prefix", ["", "b", " "])
def test_short_prefix_is_refused(prefix: str) -> None:
    rest = Rest(make_login())

    assert code(rest.get("users/", prefix=prefix)) == (400, "invalid")


def test_search_without_a_prefix_is_refused() -> None:
    assert code(Rest(make_login()).get("users/")) == (400, "invalid")


def test_search_with_another_key_is_refused() -> None:
    assert code(Rest(make_login()).get("users/", prefix="bo2", page="2")) == (400, "invalid")


@pytest.mark.parametrize("prefix", ["%%%", "bo%", "b_2", "___", "\\\\\\", "bo2*", "b%2"])
def test_wildcards_mean_themselves(prefix: str) -> None:
    make_device(username="bo22")

    assert found(prefix) == []


def test_underscore_finds_itself() -> None:
    make_device(username="a_b_c")
    make_device(username="axbxc")

    assert found("a_b") == ["a_b_c"]


@pytest.mark.parametrize("prefix", ["bo2\x00", "\ud83d"])
def test_text_that_is_no_text_is_refused(prefix: str) -> None:
    query = prefix.encode("utf-8", "surrogatepass")
    raw = "".join(f"%{byte:02X}" for byte in query)

    answer = Rest(make_login()).client.get(f"/api/accounts/users/?prefix={raw}")

    assert answer.status_code in {200, 400}
    assert answer.json().get("users", []) == []
