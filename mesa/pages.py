"""The pages of the web app, as the server renders them; scripts bring them to life.

Spec: docs/spec/web-app.md, section "Pages"
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from mesa.version import version


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Say what Mesa protects and what not."""
    return _page(request, "landing.html")


@require_safe
@ensure_csrf_cookie
def sign_up(request: HttpRequest) -> HttpResponse:
    return _page(request, "sign_up.html", {"registration": settings.REGISTRATION})


@require_safe
@ensure_csrf_cookie
def log_in(request: HttpRequest) -> HttpResponse:
    return _page(request, "log_in.html")


@require_safe
@ensure_csrf_cookie
def app(request: HttpRequest) -> HttpResponse:
    return _page(request, "app.html")


@require_safe
def invite(request: HttpRequest) -> HttpResponse:
    """Render the page of an invite link, which is the same for all: who invites stands in the fragment."""
    return _page(request, "invite.html")


def _page(request: HttpRequest, template: str, context: dict[str, object] | None = None) -> HttpResponse:
    return render(request, template, {"version": version(), **(context or {})})
