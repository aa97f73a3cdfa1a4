"""What the views of accounts share."""

from collections.abc import Mapping
from typing import Any, TypeVar

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.logins import Login
from accounts.models import User
from accounts.parsers import StrictJSONParser

Shape = TypeVar("Shape", bound=Serializer)


class UserView(APIView):
    """A view for callers with a live login."""

    parser_classes = (StrictJSONParser,)
    # What a route takes is in the spec; OPTIONS need not tell it again.
    metadata_class = None


class AnyoneView(UserView):
    """A view before login. It looks at no token: a stale cookie must not keep anybody from logging in."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def parse(shape: type[Serializer], source: object) -> Mapping[str, Any]:
    """Read a body into the values that its shape names.

    Raises:
        ValidationError: it does not have that shape.
    """
    serializer = shape(data=source)
    serializer.is_valid(raise_exception=True)
    values: Mapping[str, Any] = serializer.validated_data
    return values


def caller(request: Request) -> tuple[User, Login]:
    """Give user and login of an authenticated request."""
    user, login = request.user, request.auth
    if not isinstance(user, User) or not isinstance(login, Login):
        raise TypeError("only behind TokenAuthentication")
    return user, login
