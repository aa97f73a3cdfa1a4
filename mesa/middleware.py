"""What every HTTP answer carries, and what no request may exceed."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from mesa.outages import DATABASE_DOWN, STORE_DOWN
from mesa.patience import within
from mesa.problems import problem
from mesa.refusals import unavailable

GetResponse = Callable[[HttpRequest], HttpResponse]

API_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
ADMIN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Pages of the web app, and their scripts: a worker obeys the policy of its own file.
# Spec: docs/spec/web-app.md, section "Content policy"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
POLICIES = {"text/html": PAGE_POLICY, "text/javascript": PAGE_POLICY}
# Agents wait for 15 s; the store takes its own share of them.
REQUEST_DEADLINE_S = 8.0
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class Deadline:
    """Gives each request so much time for the database in all: whoever asks is told before it gives up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with within(REQUEST_DEADLINE_S):
            return self.get_response(request)


class SecurityHeaders:
    """Adds the content policy and keeps answers out of every cache."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_admin = request.path.startswith("/admin/")
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        policy = ADMIN_POLICY if is_admin else POLICIES.get(kind, API_POLICY)
        response.headers.setdefault("Content-Security-Policy", policy)
        if is_admin:
            # A page without a referrer sends its forms with the origin `null`, which the CSRF check refuses.
            response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class Outages:
    """Answers 503 where a view, an operators' page among them, finds the database or the store down."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request) if isinstance(error, (*STORE_DOWN, *DATABASE_DOWN)) else None


class BodyLimit:
    """Refuses a body over the limit before it is parsed: DRF's parsers do not look at Django's limit."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A body without a length counts as none: the parsers read as much as the header says.
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return problem("too_large")
        return self.get_response(request)
