"""A refresh token that two present at once is good for one of them at most, and the login ends."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import DeviceLogin
from tests.accounts.rest import Rest
from tests.factories import make_login

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

CALLERS = 4


def refresh_at_once(token: str, start: Barrier) -> int:
    try:
        start.wait(timeout=10)
        status: int = Rest().post("refresh/", {"refresh": token}).status_code
        return status
    finally:
        connection.close()


def test_one_of_many_gets_tokens_and_the_login_ends() -> None:
    ada = make_login()
    start = Barrier(CALLERS)

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: refresh_at_once(ada.tokens.refresh, start), range(CALLERS)))

    assert sorted(answers) == [200] + [401] * (CALLERS - 1)
    assert not DeviceLogin.objects.exists()
