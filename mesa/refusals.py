"""What refused requests get: people a page, operators one of theirs, programs a problem document."""

from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from mesa.problems import CODES, INTERNAL, RETRY_AFTER_S, keep_from_log, problem
from mesa.version import version

ADMIN_PATH: Final = "/admin/"
API_PATH: Final = "/api/"
# Title and sentence for each code that a page can end with.
PAGES: Final = {
    "invalid": ("Not understood", "The server does not understand this request."),
    "forbidden": ("Not allowed", "This did not come from a page of this server. Open the page again."),
    "not_found": ("No such page", "There is nothing at this address. Check it, or begin at the first page."),
    "throttled": ("Too many tries", "Wait {minutes} minutes, then try again."),
    "unavailable": ("Not at the moment", "The server can not answer now. Your messages wait on your device."),
    INTERNAL: (
        "The server failed",
        "This is not your fault. Nothing on your device is lost; try again soon.",
    ),
}
OPERATORS_PAGES: Final = PAGES | {
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
    is_operators = request.path.startswith(ADMIN_PATH)
    if not is_operators and not _is_for_people(request):
        return problem(code)
    sentences = OPERATORS_PAGES if is_operators else PAGES
    title, sentence = sentences.get(page) or sentences[code]
    # Rendered without the request: nothing in it may ask a database or a store, which may be what failed.
    context = {
        "title": title,
        "sentence": sentence.format(**values),
        "site_header": "Mesa",
        "site_title": "Mesa",
        "version": version(),
    }
    template = "admin/refused.html" if is_operators else "refused.html"
    refused = HttpResponse(render_to_string(template, context), status=CODES[code][0])
    if code != INTERNAL:
        keep_from_log(refused)
    return refused


def _is_for_people(request: HttpRequest) -> bool:
    """Tell a browser that opens a page from programs, and from scripts that ask for a file."""
    return not request.path.startswith(API_PATH) and "text/html" in request.headers.get("Accept", "")
