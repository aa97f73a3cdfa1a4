"""The caller's own account: what it is, its settings, its end.

Spec: docs/spec/rest.md, section "Accounts"
"""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies
from accounts.models import User
from accounts.removal import close_account
from accounts.serializers import Removal, Settings
from accounts.views.base import UserView, caller, parse


class MeView(UserView):
    """`GET me/`, and `DELETE me/`: the end of the account."""

    @property
    def throttle_scope(self) -> str | None:
        """Tries of a password count with those of `POST password/`."""
        return "password" if self.request.method == "DELETE" else None

    def get(self, request: Request) -> Response:
        user, login = caller(request)
        return Response(
            {
                "user": str(user.pk),
                "username": user.username,
                "device": str(login.device_id),
                "sid": str(login.sid),
            }
        )

    def delete(self, request: Request) -> Response:
        user, _ = caller(request)
        close_account(request=request._request, user=user, password=parse(Removal, request.data)["password"])
        response = Response(status=204)
        cookies.clear_login_cookies(response)
        return response


class SettingsView(UserView):
    """`GET settings/` and `PUT settings/`."""

    def get(self, request: Request) -> Response:
        user, _ = caller(request)
        return Response({"visibility": user.visibility})

    def put(self, request: Request) -> Response:
        user, _ = caller(request)
        User.objects.filter(pk=user.pk).update(**parse(Settings, request.data))
        return Response(status=204)
