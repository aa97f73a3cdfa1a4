"""The permission table of the operators' pages: for every route, method and kind of caller the status.

302 is the way to the login page, or back from a page that is not there. A new page needs a row here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.test import Client

from accounts.models import User
from tests.factories import log_into_admin, make_login, make_operator, make_user


class AdminCaller(StrEnum):
    """Who may come to an operators' page."""

    ANYONE = "anyone"
    USER = "user with a token"
    USER_IN_SESSION = "user with an admin session"
    BANNED_OPERATOR = "banned operator"
    LOOKER = "operator who may look"
    SUPERUSER = "operator who may act"


def _banned() -> Client:
    client = make_operator("banned", is_superuser=True)
    User.objects.filter(username="banned").update(is_active=False)
    return client


MAKERS: Mapping[AdminCaller, Callable[[], Client]] = {
    AdminCaller.ANYONE: Client,
    AdminCaller.USER: lambda: Client(headers=make_login(username="bo").header),
    AdminCaller.USER_IN_SESSION: lambda: log_into_admin(make_user("bo")),
    AdminCaller.BANNED_OPERATOR: _banned,
    AdminCaller.LOOKER: lambda: make_operator("looker"),
    AdminCaller.SUPERUSER: lambda: make_operator("olga", is_superuser=True),
}
Statuses = Mapping[AdminCaller, int]


@dataclass(frozen=True)
class AdminRow:
    """One route and method: the statuses, and the body that is sent."""

    method: str
    route: str
    statuses: Statuses
    body: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def statuses(looker: int, superuser: int | None = None, *, others: int = 302) -> Statuses:
    """Others are sent to the login page; an operator who may act does at least what one who may look does."""
    return {
        **dict.fromkeys(AdminCaller, others),
        AdminCaller.LOOKER: looker,
        AdminCaller.SUPERUSER: looker if superuser is None else superuser,
    }


ANYBODY = statuses(200, others=200)
LOOK = statuses(200)
ACT = statuses(403, 200)
DONE = statuses(403, 302)
NEVER = statuses(403)
NOT_THERE = statuses(404)
AWAY = statuses(302)

USER = "admin/accounts/user/"
INVITATION = "admin/accounts/invitation/"
TRANSACTION = "admin/p2p/p2ptransaction/"
ACT_ROUTE = USER + "<uuid:user_id>/act/<slug:name>/"
OF_ONE = "<path:object_id>/"
PASSWORDS = {
    "old_password": "correct horse battery",
    "new_password1": "another correct horse",
    "new_password2": "another correct horse",
}

ADMIN_ROWS = (
    AdminRow("GET", "admin/", LOOK),
    # An operator who is logged in already goes on to the overview.
    AdminRow("GET", "admin/login/", {**ANYBODY, AdminCaller.LOOKER: 302, AdminCaller.SUPERUSER: 302}),
    AdminRow("POST", "admin/login/", ANYBODY, {"username": "nobody", "password": "at all"}),
    AdminRow("POST", "admin/logout/", LOOK),
    AdminRow("GET", "admin/password_change/", LOOK),
    AdminRow("POST", "admin/password_change/", AWAY, PASSWORDS),
    AdminRow("GET", "admin/password_change/done/", LOOK),
    AdminRow("GET", "admin/autocomplete/", NEVER),
    AdminRow("GET", "admin/jsi18n/", LOOK),
    AdminRow("GET", "admin/r/<path:content_type_id>/<path:object_id>/", NOT_THERE),
    AdminRow("GET", "admin/^(?P<app_label>accounts|p2p)/$", LOOK),
    AdminRow("GET", "admin/(?P<url>.*)$", NOT_THERE),
    AdminRow("GET", USER, LOOK),
    AdminRow("POST", USER, LOOK, {"action": "delete_selected"}),
    AdminRow("GET", USER + OF_ONE, AWAY),
    AdminRow("GET", USER + OF_ONE + "change/", LOOK),
    AdminRow("POST", USER + OF_ONE + "change/", NEVER, {"username": "mallory"}),
    AdminRow("GET", USER + OF_ONE + "history/", LOOK),
    AdminRow("GET", USER + OF_ONE + "delete/", NEVER),
    AdminRow("POST", USER + OF_ONE + "delete/", NEVER, {"post": "yes"}),
    AdminRow("GET", USER + "add/", NEVER),
    AdminRow("POST", USER + "add/", NEVER, {"username": "mallory"}),
    AdminRow("GET", ACT_ROUTE, ACT),
    AdminRow("POST", ACT_ROUTE, DONE),
    AdminRow("GET", INVITATION, LOOK),
    AdminRow("GET", INVITATION + "make/", ACT),
    AdminRow("POST", INVITATION + "make/", ACT, {"count": "1", "days": "1"}),
    AdminRow("GET", INVITATION + "withdraw/", ACT),
    AdminRow("POST", INVITATION + "withdraw/", DONE),
    AdminRow("GET", TRANSACTION, LOOK),
)
