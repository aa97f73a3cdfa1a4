import logging
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.http import Http404
from django.test import Client
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import OutOfMemoryError  # type: ignore[attr-defined]  # the stubs lack it
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from mesa import problems

pytestmark = pytest.mark.usefixtures("empty_store")


class NameTaken(Exception):
    """A domain error of an app."""

    code = "username_taken"


class Shape(serializers.Serializer):
    name = serializers.CharField(max_length=3)


ERRORS: list[tuple[Exception, int, str]] = [
    (exceptions.NotAuthenticated(), 401, "not_authenticated"),
    (exceptions.AuthenticationFailed(), 401, "not_authenticated"),
    (exceptions.PermissionDenied(), 403, "forbidden"),
    (Http404(), 404, "not_found"),
    (exceptions.MethodNotAllowed("GET"), 405, "method_not_allowed"),
    (exceptions.ParseError(), 400, "invalid"),
    (exceptions.Throttled(wait=7), 429, "throttled"),
    (redis.ConnectionError("unix://secret"), 503, "unavailable"),
    (OutOfMemoryError("mesa:secret"), 503, "unavailable"),
    (BrokerError("unix://secret"), 503, "unavailable"),
    (OperationalError("postgresql://secret"), 503, "unavailable"),
    (NameTaken("ada"), 409, "username_taken"),
]


def answer(error: Exception) -> Any:
    class Raising(APIView):
        authentication_classes = ()
        permission_classes = (AllowAny,)

        def get(self, request: Request) -> Response:
            raise error

    return Raising.as_view()(APIRequestFactory().get("/"))


@pytest.fixture(autouse=True)
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "_domain", [])
    problems.register(NameTaken)


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
def test_refusal_is_a_problem_and_tells_no_more(error: Exception, status: int, code: str) -> None:
    response = answer(error)

    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert f'"type": "urn:mesa:problem:{code}"'.encode() in response.content
    assert b"ada" not in response.content
    assert b"secret" not in response.content


def test_waiting_says_how_long() -> None:
    assert answer(exceptions.Throttled(wait=7.2))["Retry-After"] == "8"
    assert int(answer(redis.TimeoutError())["Retry-After"]) >= 1


def test_bad_shape_names_its_fields() -> None:
    shape = Shape(data={"name": "too long"})
    shape.is_valid()

    response = answer(exceptions.ValidationError(shape.errors))

    assert response.status_code == 400
    assert b'"fields": {"name": [' in response.content


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), redis.ResponseError("WRONGTYPE"), FileNotFoundError()]
)
def test_error_that_nobody_foresaw_is_left_to_django(error: Exception) -> None:
    assert problems.problem_response(error, {}) is None


def test_missing_csrf_token_is_a_problem() -> None:
    response = Client(enforce_csrf_checks=True).post("/healthz")

    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    assert response.json()["code"] == "forbidden"


@pytest.mark.parametrize("path", ["/api/server/", "/api/accounts/register/"])
def test_no_address_describes_itself(client: Client, path: str) -> None:
    response = client.options(path)

    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing", "/api/nothing/", "/api/server/nothing"])
def test_unknown_address_is_a_problem(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_server_page_tells_what_is_spoken(client: Client) -> None:
    body = client.get("/api/server/").json()

    assert body.keys() == {"name", "version", "protocols", "registration", "time_ms"}
    assert body["protocols"] == ["mesa.1"]


def test_body_over_the_limit_is_refused_unread(client: Client) -> None:
    response = client.post("/api/server/", b"x" * (256 * 1024 + 1), content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_other_content_types_are_refused() -> None:
    class Echo(APIView):
        authentication_classes = ()
        permission_classes = (AllowAny,)

        def post(self, request: Request) -> Response:
            return Response(request.data)

    factory = APIRequestFactory()

    assert Echo.as_view()(factory.post("/", {"a": "1"}, format="multipart")).status_code == 415
    assert Echo.as_view()(factory.post("/", b"[1]", content_type="application/json")).status_code == 200


def test_every_answer_carries_the_policies(client: Client) -> None:
    response = client.get("/healthz")

    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_unready_server_does_not_log_each_probe(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"database": True, "store": True, "worker": False}
    assert caplog.records == []


@pytest.mark.django_db
def test_server_that_can_write_no_message_down_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesa.views.LEAST_FREE_BYTES", 2**62)

    checks = client.get("/readyz").json()["checks"]

    assert checks["database"] is (connection.vendor != "sqlite")
