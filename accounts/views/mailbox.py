"""Leave, fetch and delete sealed envelopes.

Spec: docs/spec/rest.md, section "Accounts"
"""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.mailbox import delete_envelopes, fetch_envelopes, post_by_name, post_by_token
from accounts.serializers import EnvelopeIds, Post
from accounts.views.base import UserView, caller, parse
from p2p.protocol.fields import b64_text


class MailboxView(UserView):
    """`POST mailbox/` to anybody's, `GET` and `DELETE mailbox/` of the caller's own device."""

    throttle_scope = "mailbox"

    def post(self, request: Request) -> Response:
        body = parse(Post, request.data)
        user, _ = caller(request)
        if body["token"] is not None:
            post_by_token(sender=user, token=body["token"], device_id=body["device"], sealed=body["envelope"])
        else:
            post_by_name(
                sender=user, username=body["username"], device_id=body["device"], sealed=body["envelope"]
            )
        return Response({}, status=202)

    def get(self, request: Request) -> Response:
        _, login = caller(request)
        waiting = fetch_envelopes(device_id=login.device_id)
        envelopes = [{"id": str(each.pk), "envelope": b64_text(bytes(each.sealed))} for each in waiting]
        return Response({"envelopes": envelopes})

    def delete(self, request: Request) -> Response:
        _, login = caller(request)
        delete_envelopes(device_id=login.device_id, ids=parse(EnvelopeIds, request.data)["ids"])
        return Response(status=204)
