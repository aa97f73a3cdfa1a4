"""What the server says of itself, whether it lives and is ready, and its static files.

Spec: docs/spec/rest.md, section "Server"
"""

import re
import time
from pathlib import Path
from shutil import disk_usage

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mesa import releases, store
from mesa.celery import HEARTBEAT
from mesa.outages import STORE_DOWN
from mesa.patience import within
from mesa.problems import problem
from mesa.version import version
from p2p.protocol.limits import SUPPORTED_SUBPROTOCOLS

# The address changes with the content.
FOR_EVER = "public, max-age=31536000, immutable"
# What the system guesses depends on what is installed there; with `nosniff` a wrong kind is a broken page.
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
# Unless with a weight of zero.
TAKES_GZIP = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?:1|0\.0*[1-9])[\d.]*\s*)?(?:,|$)", re.IGNORECASE)
# A database that takes longer for nothing is none to send a message with.
READY_DEADLINE_S = 3.0
LEAST_FREE_BYTES = 1_048_576


class ServerView(APIView):
    """Tells a client what it talks to; the clock lets it notice that its own is wrong."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response(
            {
                "name": "mesa",
                "version": version(),
                "protocols": SUPPORTED_SUBPROTOCOLS,
                "registration": settings.REGISTRATION,
                "time_ms": time.time_ns() // 1_000_000,
            }
        )


@require_safe
@vary_on_headers("Accept-Encoding")
def static_file(request: HttpRequest, release: str, name: str) -> HttpResponse:
    """Give a file of this release, or of one before it, for as long as anybody wants to keep it.

    Spec: docs/spec/web-app.md, section "Static files"
    """
    is_current = release == settings.STATIC_RELEASE
    files = (
        releases.read_tree(settings.STATIC_DIR)
        if is_current
        else releases.kept(settings.RELEASES_DIR, release)
    )
    content = files.get(name) or (_file_of_django(name) if is_current else None)
    if content is None:
        raise Http404
    kind = KINDS.get(Path(name).suffix, "application/octet-stream")
    headers = {"Cache-Control": FOR_EVER}
    packed = releases.packed(content) if _takes_gzip(request) else None
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(packed or content, content_type=kind, headers=headers)


def _takes_gzip(request: HttpRequest) -> bool:
    return TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")) is not None


def _file_of_django(name: str) -> bytes | None:
    """Read a file of the operators' pages, which come with Django."""
    found = finders.find(name) if name.startswith("admin/") else None
    return Path(found).read_bytes() if isinstance(found, str) and Path(found).is_file() else None


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process lives."""
    return JsonResponse({})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether a message could be sent now: database, store, and a worker that takes tasks."""
    has_store, has_worker = ask_store()
    checks = {"database": has_database(), "store": has_store, "worker": has_worker}
    return JsonResponse({}) if all(checks.values()) else problem("unavailable", checks=checks)


def has_database() -> bool:
    try:
        with within(READY_DEADLINE_S), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return has_space()


def has_space() -> bool:
    """Tell whether SQLite can write: on a full disk it goes on reading. PostgreSQL has a disk of its own."""
    return connection.vendor != "sqlite" or disk_usage(settings.STATE_DIR).free >= LEAST_FREE_BYTES


def ask_store() -> tuple[bool, bool]:
    """Ask the store whether it answers, and whether it has heard from a worker."""
    try:
        return True, bool(store.client().exists(store.key(HEARTBEAT)))
    except STORE_DOWN:
        return False, False
