"""The operator's view: how many transactions, how they end. Who and over whom is nowhere to be shown."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from p2p.models import P2PTransaction


@admin.register(P2PTransaction)
class P2PTransactionAdmin(admin.ModelAdmin):
    """A read-only list to count by state and cause."""

    # The id is random, but its sender knows it: shown, it would help to tell a user's traffic.
    list_display = ("state", "cause", "attempts", "started", "ended")
    list_display_links = None
    list_filter = ("state", "cause", "attempts")
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-started",)

    def get_urls(self) -> list[URLPattern]:
        """Give the list only: a page of one transaction would answer to who knows an id."""
        return [page for page in super().get_urls() if (page.name or "").endswith("_changelist")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": "Transactions"})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets the address ask for any column, the id too.
        return lookup.partition("__")[0] in self.list_filter

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: P2PTransaction | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: P2PTransaction | None = None) -> bool:
        return False
