"""Whoever is refused gets what they can read: operators a page, programs a problem document."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.http.response import HttpResponseBase
from django.test import Client, override_settings

from tests.factories import PASSWORD, make_operator

PROBLEM = "application/problem+json"


def is_page(answer: HttpResponseBase) -> bool:
    return answer.headers["Content-Type"].startswith("text/html") and b"To the overview" in b"".join(answer)


def test_operator_sees_a_page_where_there_is_nothing() -> None:
    answer = make_operator("olga", is_superuser=True).get("/admin/nosuch/")

    assert answer.status_code == 404
    assert is_page(answer)
    assert b"No such page" in answer.content


def test_operator_who_looks_is_told_who_may_act() -> None:
    answer = make_operator("looker").get("/admin/accounts/invitation/make/")

    assert answer.status_code == 403
    assert is_page(answer)
    assert b"an operator who acts" in answer.content


def test_form_that_was_not_opened_here_is_refused_on_a_page() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "olga"})

    assert answer.status_code == 403
    assert is_page(answer)
    assert b"Open its page again" in answer.content


def test_too_many_wrong_passwords_are_told_on_a_page_with_the_time_to_wait() -> None:
    make_operator("olga")
    client = Client()
    wrong = {"username": "olga", "password": f"not {PASSWORD}"}

    answers = [client.post("/admin/login/", wrong) for _ in range(6)]

    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert answers[-1].status_code == 429
    assert is_page(answers[-1])
    assert b"15 minutes" in answers[-1].content
    assert answers[-1].headers["Retry-After"] == "900"


def test_operator_is_told_to_come_back_while_the_store_is_down(tmp_path: Path) -> None:
    make_operator("olga")
    right = {"username": "olga", "password": PASSWORD}

    with override_settings(STORE_URL=f"unix://{tmp_path}/nothing.sock"):
        answer = Client().post("/admin/login/", right)

    assert answer.status_code == 503
    assert is_page(answer)
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize("path", ["/nosuch", "/api/nosuch/", "/administrators/"])
def test_programs_get_a_problem_document(path: str) -> None:
    answer = Client().get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == PROBLEM


REFUSED: dict[str, Callable[[Client], HttpResponseBase]] = {
    "host": lambda client: client.get("/admin/", headers={"host": "mallory.example"}),
    "host, program": lambda client: client.get("/api/server/", headers={"host": "mallory.example"}),
    "form": lambda client: client.post("/admin/login/", {"username": "ada"}),
    "path": lambda client: client.get("/admin/accounts/user/ada/"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_who_is_refused_writes_nothing_into_the_log(caplog: pytest.LogCaptureFixture, which: str) -> None:
    answer = REFUSED[which](Client(enforce_csrf_checks=True))

    assert answer.status_code in (302, 400, 403)
    assert caplog.text == ""
