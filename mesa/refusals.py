"""What refused requests get: a page under /admin/, where people are, a problem document elsewhere."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from mesa.problems import CODES, INTERNAL, RETRY_AFTER_S, keep_from_log, problem

ADMIN_PATH: Final = "/admin/"
# Title and sentence for each code that a page can end with.
PAGES: Final = {
    "invalid": ("Not understood", "The server does not understand this request."),
    "forbidden": ("Not allowed", "Only an operator who acts may do this. You look: ask one who acts."),
    "form": (
        "Not done",
        "This form is older than your login, or was not opened from this server. Open its page again.",
    ),
    "not_found": ("No such page", "There is nothing here. An account that was removed has no page."),
    "throttled": (
        "Too many wrong passwords",
        "Nobody gets in with this name from here for {minutes} minutes.",
    ),
    "unavailable": ("Not at the moment", "The server's database or store does not answer. Try again soon."),
    INTERNAL: ("The server failed", "What was asked may not be done. The server's log says why."),
}
FORM: Final = "form"
SITE: Final = {"site_header": "Mesa", "site_title": "Mesa"}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refused(request, "invalid")


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _refused(request, "forbidden", page=FORM)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refused(request, "forbidden")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refused(request, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    return _refused(request, INTERNAL)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Answer while a server that Mesa needs is down."""
    refused = _refused(request, "unavailable")
    refused.headers["Retry-After"] = str(RETRY_AFTER_S)
    return refused


def locked_out(request: HttpRequest, answer: HttpResponse | None, credentials: Any) -> HttpResponse:
    """Answer a login with one of too many wrong passwords."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    refused = _refused(request, "throttled", minutes=seconds // 60)
    refused.headers["Retry-After"] = str(seconds)
    return refused


def _refused(request: HttpRequest, code: str, *, page: str = "", **values: object) -> HttpResponse:
    if not request.path.startswith(ADMIN_PATH):
        return problem(code)
    title, sentence = PAGES[page or code]
    # Rendered without the request: nothing in it may ask a database or a store, which may be what failed.
    context = {
        "title": title,
        "sentence": sentence.format(**values),
        "site_header": "Mesa",
        "site_title": "Mesa",
    }
    refused = HttpResponse(render_to_string("admin/refused.html", context), status=CODES[code][0])
    if code != INTERNAL:
        keep_from_log(refused)
    return refused
