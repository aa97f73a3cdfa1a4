"""The operator's view: who has an account, whether it is open, how many devices it has. It changes nothing.

Envelopes, tokens, prekeys, logins and statements are not registered: their rows are of no use to an operator,
and of much to somebody who sits down at an operator's desk.
"""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.models import User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Names and counts."""

    list_display = (
        # To find the account that a report names.
        "username",
        # Whether it was closed.
        "is_active",
        # Who else is an operator.
        "is_staff",
        # How many installations: one that never finished its sign-up has none.
        "device_count",
    )
    list_filter = ("is_active", "is_staff")
    search_fields = ("username__exact",)
    fields = ("username", "is_active", "is_staff", "device_count")
    # A total over a large table is slow, and of use to nobody here.
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(devices_counted=Count("devices"))

    @admin.display(description="devices", ordering="devices_counted")
    def device_count(self, user: User) -> int:
        counted: int = user.devices_counted  # type: ignore[attr-defined]  # get_queryset annotates it
        return counted

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False
