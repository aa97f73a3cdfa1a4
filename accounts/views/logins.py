"""Sign up, log in, stay logged in, log out.

Spec: docs/spec/rest.md, section "Accounts"
"""

from typing import Any

from django.middleware.csrf import get_token
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies
from accounts.authentication import enforce_csrf
from accounts.challenges import issue_challenge
from accounts.errors import RefreshRefused
from accounts.logins import TokenPair, end_login, refresh_login
from accounts.registration import register_user
from accounts.serializers import DeviceProof, Nothing, Refresh, Registration, SignIn
from accounts.sign_in import Proof, is_known, sign_in
from accounts.views.base import AnyoneView, UserView, caller, parse
from p2p.protocol.fields import b64_text
from p2p.protocol.words import SessionEndCause


class RegisterView(AnyoneView):
    """`POST register/`."""

    throttle_scope = "register"

    def post(self, request: Request) -> Response:
        body = parse(Registration, request.data)
        device = register_user(
            username=body["username"],
            password=body["password"],
            statement=body["statements"][0],
            invitation=body.get("invitation", ""),
        )
        answer = {"user": str(device.user_id), "username": device.user.username, "device": str(device.pk)}
        return Response(answer, status=201)


class ChallengesView(AnyoneView):
    """`POST challenges/`."""

    throttle_scope = "challenges"

    def post(self, request: Request) -> Response:
        parse(Nothing, request.data)
        return Response({"challenge": b64_text(issue_challenge())}, status=201)


class LoginView(AnyoneView):
    """`POST login/`."""

    throttle_scope = "login"

    def post(self, request: Request) -> Response:
        body = parse(SignIn, request.data)
        device, pair = sign_in(
            request=request._request,
            username=body["username"],
            password=body["password"],
            proof=Proof(body["device"], body["challenge"], body["signature"]),
        )
        answer = {"user": str(device.user_id), "device": str(device.pk), "sid": str(pair.sid)}
        return _hand_over(request, pair, answer, by_cookie=body["cookies"])


class KnownView(AnyoneView):
    """`POST known/`."""

    throttle_scope = "login"

    def post(self, request: Request) -> Response:
        body = parse(DeviceProof, request.data)
        proof = Proof(body["device"], body["challenge"], body["signature"])
        return Response({"known": is_known(proof)})


class RefreshView(AnyoneView):
    """`POST refresh/`."""

    def post(self, request: Request) -> Response:
        token = parse(Refresh, request.data).get("refresh")
        by_cookie = token is None
        if token is None:
            token = request.COOKIES.get(cookies.refresh_name())
            if token is None:
                raise RefreshRefused
            enforce_csrf(request)
        return _hand_over(request, refresh_login(refresh=token), {}, by_cookie=by_cookie)


class LogoutView(UserView):
    """`POST logout/`."""

    def post(self, request: Request) -> Response:
        parse(Nothing, request.data)
        _, login = caller(request)
        end_login(sid=login.sid, cause=SessionEndCause.LOGOUT)
        response = Response(status=204)
        cookies.clear_login_cookies(response)
        return response


def _hand_over(request: Request, pair: TokenPair, answer: dict[str, Any], *, by_cookie: bool) -> Response:
    if not by_cookie:
        return Response({**answer, "access": pair.access, "refresh": pair.refresh})
    response = Response(answer)
    cookies.set_login_cookies(response, pair)
    # A page with these cookies needs Django's CSRF cookie beside them.
    get_token(request._request)
    return response
