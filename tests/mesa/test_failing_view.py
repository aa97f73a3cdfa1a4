"""A view that fails by a bug: whoever asked is told nothing of it, and the log everything."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from mesa import urls
from mesa.refusals import server_error

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("empty_store")]


def fail(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("this is a bug")


urlpatterns = [path("api/fail/", fail), path("admin/fail/", fail), *urls.urlpatterns]
handler500 = server_error


@pytest.mark.parametrize("where", ["/api/fail/", "/admin/fail/"])
def test_bug_is_logged_and_not_told(caplog: pytest.LogCaptureFixture, where: str) -> None:
    answer = Client(raise_request_exception=False).get(where)

    assert answer.status_code == 500
    assert b"bug" not in answer.content
    assert "RuntimeError: this is a bug" in caplog.text
