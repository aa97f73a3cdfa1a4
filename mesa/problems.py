"""Every refusal of the REST API, as RFC 9457 problem details.

An app names its own errors once (`register`), each with a `code` of the table below; a view lets them fly.

Spec: docs/spec/rest.md, section "Terms and notation"
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from mesa.outages import DATABASE_DOWN, STORE_DOWN

CONTENT_TYPE = "application/problem+json"
INTERNAL = "internal"
RETRY_AFTER_S = 2

CODES: Mapping[str, tuple[int, str]] = {
    "invalid": (400, "The request does not have the right shape"),
    "not_authenticated": (401, "Log in first"),
    "login_refused": (401, "Name, password or device is wrong"),
    "recovery_refused": (401, "Name or recovery code is wrong"),
    "wrong_password": (403, "The password is wrong"),
    "banned": (403, "An operator has banned this account"),
    "registration_closed": (403, "No accounts are made here"),
    "invitation_refused": (403, "An invitation is needed, and this is none"),
    "forbidden": (403, "Not yours"),
    "not_found": (404, "No such thing"),
    "method_not_allowed": (405, "Not a method of this address"),
    "username_taken": (409, "The name is taken"),
    "transaction_exists": (409, "The transaction id is in use"),
    "statement_behind": (409, "The chain of statements has gone on"),
    "stock_full": (409, "No more of these may be kept"),
    "too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "Send JSON"),
    "statement_invalid": (422, "A statement or its signature does not verify"),
    "throttled": (429, "Too many requests"),
    "mailbox_full": (429, "The mailbox is full"),
    INTERNAL: (500, "The server failed"),
    "unavailable": (503, "The server can not answer at the moment"),
}
WAITING = frozenset({"throttled", "mailbox_full", "unavailable"})

KNOWN: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
    (exceptions.ValidationError, "invalid"),
    (exceptions.ParseError, "invalid"),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), "not_authenticated"),
    ((exceptions.PermissionDenied, PermissionDenied), "forbidden"),
    ((exceptions.NotFound, Http404), "not_found"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.Throttled, "throttled"),
    (RequestDataTooBig, "too_large"),
    ((*STORE_DOWN, *DATABASE_DOWN), "unavailable"),
]
_domain: list[type[Exception]] = []


class JSONOnly(BaseContentNegotiation):
    """Answers JSON whatever was asked for: there is nothing else."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def register(family: type[Exception]) -> None:
    """Have a family of domain errors answered by the `code` that each of its classes carries.

    Those with `wait` have seconds to wait, those with `more` further keys of the answer.
    """
    if family not in _domain:
        _domain.append(family)


def problem(code: str, *, retry_after_s: float | None = None, **more: object) -> JsonResponse:
    """Build the answer for one code of the table."""
    status, title = CODES[code]
    body = {"type": f"urn:mesa:problem:{code}", "title": title, "status": status, "code": code, **more}
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    if code in WAITING:
        response["Retry-After"] = str(max(1, math.ceil(retry_after_s or RETRY_AFTER_S)))
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if code != INTERNAL:
        keep_from_log(response)
    return response


def keep_from_log(response: HttpResponse) -> None:
    """Have Django log nothing about a refusal: it is an answer, and a stranger's paths could fill a disk."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # what Django itself sets


def problem_response(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """Answer an error that a view let fly; None for a bug, which Django then logs and answers with 500."""
    code = code_of(error)
    if code is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return problem(code, fields=_fields(error.detail))
    return problem(code, retry_after_s=getattr(error, "wait", None), **getattr(error, "more", {}))


def code_of(error: Exception) -> str | None:
    """Find the code of an error; None for one that nobody foresaw."""
    if isinstance(error, tuple(_domain)):
        return str(error.code)  # type: ignore[attr-defined]  # the families promise it, see register
    return next((code for kinds, code in KNOWN if isinstance(error, kinds)), None)


def _fields(detail: Any) -> dict[str, list[str]]:
    if not isinstance(detail, dict):
        return {"": [str(entry) for entry in detail]}
    return {str(name): _sentences(entry) for name, entry in detail.items()}


def _sentences(entry: Any) -> list[str]:
    if isinstance(entry, dict):
        return [sentence for inner in entry.values() for sentence in _sentences(inner)]
    if isinstance(entry, list):
        return [sentence for inner in entry for sentence in _sentences(inner)]
    return [str(entry)]
