"""Change the password, let the chain grow, recover an account.

Spec: docs/spec/rest.md, section "Accounts"
"""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.identities import append_statement, statements_of
from accounts.passwords import change_password
from accounts.recovery import RecoveryProof, find_chain, recover_account
from accounts.serializers import (
    NewStatement,
    PasswordChange,
    Recovery,
    RecoveryClaim,
    refuse_weak_password,
)
from accounts.views.base import AnyoneView, UserView, caller, parse
from p2p.protocol.fields import b64_text


class PasswordView(UserView):
    """`POST password/`."""

    throttle_scope = "password"

    def post(self, request: Request) -> Response:
        body = parse(PasswordChange, request.data)
        user, login = caller(request)
        refuse_weak_password("new", body["new"], user.username)
        change_password(request=request._request, sid=login.sid, user=user, old=body["old"], new=body["new"])
        return Response(status=204)


class StatementsView(UserView):
    """`GET statements/` and `POST statements/`: the caller's own chain."""

    def get(self, request: Request) -> Response:
        user, _ = caller(request)
        return Response({"statements": [b64_text(signed) for signed in statements_of(user)]})

    def post(self, request: Request) -> Response:
        body = parse(NewStatement, request.data)
        user, _ = caller(request)
        return Response({"number": append_statement(user=user, signed=body["statement"])}, status=201)


class RecoveryView(AnyoneView):
    """`POST recovery/`."""

    throttle_scope = "recovery"

    def post(self, request: Request) -> Response:
        body = parse(RecoveryClaim, request.data)
        chain = find_chain(username=body["username"], recovery_key=body["recovery_key"])
        return Response({"statements": [b64_text(signed) for signed in chain]})


class RecoverView(AnyoneView):
    """`POST recover/`."""

    throttle_scope = "recovery"

    def post(self, request: Request) -> Response:
        body = parse(Recovery, request.data)
        user = recover_account(
            username=body["username"],
            password=body["password"],
            proof=RecoveryProof(body["challenge"], body["signature"]),
            statement=body["statement"],
        )
        return Response({"user": str(user.pk), "username": user.username})
