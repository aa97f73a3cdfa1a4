"""A refresh whose answer is lost costs nothing; a token that was overtaken still ends the login."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import DeviceLogin, RevokedToken
from tests.accounts.rest import Rest, code
from tests.factories import LoggedIn, make_client, make_login

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

REFUSED = (401, "not_authenticated")
CALLERS = 4


@pytest.fixture
def ada() -> LoggedIn:
    return make_login(username="ada")


def refresh(token: str) -> dict[str, str]:
    response = Rest().post("refresh/", {"refresh": token})
    assert response.status_code == 200
    pair: dict[str, str] = response.json()
    return pair


def me(access: str) -> int:
    status: int = (
        make_client().get("/api/accounts/me/", headers={"Authorization": f"Bearer {access}"}).status_code
    )
    return status


def refused(token: str) -> bool:
    return code(Rest().post("refresh/", {"refresh": token})) == REFUSED


def is_ended(ada: LoggedIn) -> bool:
    return not DeviceLogin.objects.exists() and RevokedToken.objects.filter(pk=ada.login.sid).exists()


def test_refresh_is_tried_again_with_the_same_token_until_an_answer_arrives(ada: LoggedIn) -> None:
    for _ in range(3):
        refresh(ada.tokens.refresh)

    pair = refresh(ada.tokens.refresh)

    assert me(pair["access"]) == 200
    assert me(refresh(pair["refresh"])["access"]) == 200


def test_old_pair_works_while_the_new_one_is_unused(ada: LoggedIn) -> None:
    refresh(ada.tokens.refresh)

    assert me(ada.tokens.access) == 200
    assert me(refresh(ada.tokens.refresh)["access"]) == 200


def test_answer_that_overtakes_another_is_as_good(ada: LoggedIn) -> None:
    """The client hears the first answer, although the server saw its second try later."""
    heard = refresh(ada.tokens.refresh)
    refresh(ada.tokens.refresh)

    assert me(heard["access"]) == 200
    assert me(refresh(heard["refresh"])["access"]) == 200


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_old_refresh_token_ends_the_login_once_a_token_of_the_new_pair_was_used(
    ada: LoggedIn, kind: str
) -> None:
    pair = refresh(ada.tokens.refresh)
    if kind == "access":
        assert me(pair["access"]) == 200
    else:
        refresh(pair["refresh"])

    assert refused(ada.tokens.refresh)

    assert is_ended(ada)
    assert me(pair["access"]) == 401
    assert refused(pair["refresh"])


def test_pair_that_was_overtaken_is_good_for_nothing(ada: LoggedIn) -> None:
    lost, used = refresh(ada.tokens.refresh), refresh(ada.tokens.refresh)
    assert me(used["access"]) == 200

    assert me(lost["access"]) == 401
    assert me(used["access"]) == 200
    assert refused(lost["refresh"])
    assert is_ended(ada)


def test_requests_under_way_with_the_access_token_before_are_answered(ada: LoggedIn) -> None:
    pair = refresh(ada.tokens.refresh)
    assert me(pair["access"]) == 200

    assert me(ada.tokens.access) == 200


def test_access_token_two_pairs_old_is_refused_without_ending_the_login(ada: LoggedIn) -> None:
    first = refresh(ada.tokens.refresh)
    assert me(first["access"]) == 200
    second = refresh(first["refresh"])
    assert me(second["access"]) == 200

    assert me(ada.tokens.access) == 401
    assert me(second["access"]) == 200


def test_refresh_that_nobody_used_lengthens_the_login_too(ada: LoggedIn) -> None:
    DeviceLogin.objects.update(expires_on=timezone.now().date())

    refresh(ada.tokens.refresh)

    assert DeviceLogin.objects.get().expires_on == (timezone.now() + timedelta(days=14)).date()


def test_only_the_first_use_of_a_pair_writes(ada: LoggedIn) -> None:
    pair = refresh(ada.tokens.refresh)

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert me(pair["access"]) == 200
        return sum(query["sql"].startswith("UPDATE") for query in queries)

    assert [writes() for _ in range(3)] == [1, 0, 0]


def at_once(shown: list[tuple[str, str]]) -> list[int]:
    """Present tokens at the same moment: (`access` or `refresh`, token)."""
    start = Barrier(len(shown))

    def present(kind: str, token: str) -> int:
        try:
            start.wait(timeout=10)
            if kind == "access":
                return me(token)
            status: int = Rest().post("refresh/", {"refresh": token}).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(len(shown)) as pool:
        return list(pool.map(lambda each: present(*each), shown))


def test_all_who_refresh_at_once_are_answered_and_one_pair_stays(ada: LoggedIn) -> None:
    assert at_once([("refresh", ada.tokens.refresh)] * CALLERS) == [200] * CALLERS

    assert me(refresh(ada.tokens.refresh)["access"]) == 200


def test_all_who_use_a_new_pair_at_once_are_answered(ada: LoggedIn) -> None:
    pair = refresh(ada.tokens.refresh)

    assert at_once([("access", pair["access"])] * CALLERS) == [200] * CALLERS
    assert me(refresh(pair["refresh"])["access"]) == 200


def test_of_pairs_used_at_once_one_stays(ada: LoggedIn) -> None:
    pairs = [refresh(ada.tokens.refresh) for _ in range(CALLERS)]

    answers = at_once([("access", pair["access"]) for pair in pairs])

    assert sorted(answers) == [200] + [401] * (CALLERS - 1)
    assert [me(pair["access"]) for pair in pairs] == answers
