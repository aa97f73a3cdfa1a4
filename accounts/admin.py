"""The operator's view: one account at a time, found by its exact name, and what can be done to it.

Envelopes, tokens, prekeys, logins and statements are not registered: their rows are of no use to an operator,
and of much to somebody who sits down at an operator's desk.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import Form, IntegerField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.acts import Act, acts_on, carry_out, note
from accounts.errors import TooBusy
from accounts.invitations import DEFAULT_DAYS, MAX_AT_ONCE, MAX_DAYS, make_invitations, withdraw_invitations
from accounts.models import Invitation, User
from accounts.names import fold_name
from accounts.passwords import hashing_slot
from accounts.views.logins import LoginView
from mesa.throttles import of_address, take


class OperatorLogin(AdminAuthenticationForm):
    """The login page: a few passwords are checked at a time, and of an address as many as by REST."""

    def clean(self) -> dict[str, Any]:
        # Before one is checked: names that nobody has cost as much, and are not counted by name.
        if self.request is None or take(LoginView.throttle_scope, of_address(self.request)):
            raise ValidationError("Too many tries from this address. Wait a minute.")
        try:
            with hashing_slot():
                cleaned: dict[str, Any] = super().clean()
        except TooBusy:
            raise ValidationError("Too many people log in at the moment. Try again.") from None
        return cleaned


admin.site.login_form = OperatorLogin


class ReadOnly(admin.ModelAdmin):
    """A list that changes nothing by itself."""

    show_facets = admin.ShowFacets.NEVER
    # A total over a large table is slow, and of use to nobody here.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"title": str(self.opts.verbose_name_plural).capitalize()})

    def answer(self, request: HttpRequest, template: str, **more: object) -> TemplateResponse:
        """Show a page of this model in the admin's frame."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, **more}
        return TemplateResponse(request, f"admin/accounts/{template}.html", context)


@admin.register(User)
class UserAdmin(ReadOnly):
    """Names and counts."""

    list_display = (
        # To find the account that a report names.
        "username",
        # Whether there is a ban to lift.
        "state",
        # Who else is an operator, and of what kind.
        "kind",
        # How many installations: one that never finished its sign-up has none, an operator neither.
        "device_count",
    )
    search_fields = ("username",)
    search_help_text = "The exact name. Without one: operators, and who is banned."
    fields = ("username", "state", "kind", "device_count")
    ordering = ("username",)
    change_form_template = "admin/accounts/user.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(devices_counted=Count("devices"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Find one user by name. Nobody goes through the list of users, an operator neither."""
        name = fold_name(search_term.strip())
        return queryset.filter(Q(username=name) if name else Q(is_staff=True) | Q(is_active=False)), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # Django lets the address ask for any column: names by their beginning, passwords letter by letter.
        return False

    @admin.display(description="devices", ordering="devices_counted")
    def device_count(self, user: User) -> int:
        counted: int = user.devices_counted  # type: ignore[attr-defined]  # get_queryset annotates it
        return counted

    @admin.display(description="state")
    def state(self, user: User) -> str:
        return "open" if user.is_active else "banned"

    @admin.display(description="kind")
    def kind(self, user: User) -> str:
        if user.is_superuser:
            return "operator who acts"
        return "operator who looks" if user.is_staff else "user"

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        return [path("<uuid:user_id>/act/<slug:name>/", act, name="accounts_user_act"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        acts = [] if user is None else acts_on(user, operator=operator_of(request))
        return super().change_view(request, object_id, form_url, {"acts": acts, "title": "Account"})

    def act_view(self, request: HttpRequest, user_id: object, name: str) -> HttpResponse:
        """Ask whether an act is meant, and carry it out when that is confirmed."""
        operator = require_superuser(request)
        user = self.get_object(request, str(user_id))
        if user is None:
            raise Http404
        act = next((each for each in acts_on(user, operator=operator) if each.name == name), None)
        if act is None:
            raise Http404
        if request.method != "POST":
            return self.answer(request, "confirm", title=act.label, act=act, account=user)
        carry_out(act, user=user, operator=operator)
        messages.success(request, f"Done: {act.done}.")
        return HttpResponseRedirect(_after(act, user))


def _after(act: Act, user: User) -> str:
    if act.removes:
        return reverse("admin:accounts_user_changelist")
    return reverse("admin:accounts_user_change", args=[user.pk])


class InvitationForm(Form):
    """How many, and how long they are good."""

    count = IntegerField(min_value=1, max_value=MAX_AT_ONCE, initial=1, label="How many")
    days = IntegerField(min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS, label="Good for days")


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    """How many invitations are open, and until when. A code is shown when it is made, and never again."""

    list_display = ("expires_on",)
    list_display_links = None
    ordering = ("expires_on",)
    change_list_template = "admin/accounts/invitations.html"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        make = path("make/", self.admin_site.admin_view(self.make_view), name="accounts_invitation_make")
        withdraw = path(
            "withdraw/", self.admin_site.admin_view(self.withdraw_view), name="accounts_invitation_withdraw"
        )
        # There is no more to see of one invitation than its day.
        whole = [page for page in super().get_urls() if (page.name or "").endswith("_changelist")]
        return [make, withdraw, *whole]

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for number and days, then show the codes."""
        operator = require_superuser(request)
        form = InvitationForm(request.POST or None)
        if not form.is_valid():
            return self.answer(request, "invite", title="Make invitations", form=form)
        codes = make_invitations(**form.cleaned_data)
        note(operator, Invitation, f"made: {len(codes)}")
        address = request.build_absolute_uri("/").rstrip("/")
        return self.answer(request, "invited", title="Codes", codes=codes, address=address)

    def withdraw_view(self, request: HttpRequest) -> HttpResponse:
        """Ask whether it is meant, then end all invitations that nobody has used."""
        operator = require_superuser(request)
        if request.method != "POST":
            return self.answer(request, "confirm", title="Withdraw all invitations", act=WITHDRAWAL)
        note(operator, Invitation, f"withdrawn: {withdraw_invitations()}")
        messages.success(request, f"Done: {WITHDRAWAL['done']}.")
        return HttpResponseRedirect(reverse("admin:accounts_invitation_changelist"))


WITHDRAWAL: dict[str, str] = {
    "label": "Withdraw all invitations",
    "means": "Codes that nobody has used yet are refused from now on.",
    "done": "invitations withdrawn",
}


def operator_of(request: HttpRequest) -> User:
    """Give the operator of a request that the admin let in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def require_superuser(request: HttpRequest) -> User:
    """Give the operator of a request who may act, not only look.

    Raises:
        PermissionDenied: this one may not.
    """
    operator = operator_of(request)
    if not operator.is_superuser:
        raise PermissionDenied
    return operator
