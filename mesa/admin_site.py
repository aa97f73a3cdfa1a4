"""The operators' site: its first page is the overview."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from mesa.overview import take_overview


class OperatorSite(AdminSite):
    """Django's admin under Mesa's name."""

    site_header = site_title = "Mesa"
    index_title = "Overview"
    index_template = "admin/overview.html"
    site_url = None
    enable_nav_sidebar = False

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"overview": take_overview(timezone.now())})
