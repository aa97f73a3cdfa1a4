"""Begin transactions, and tell how many there are to forward them.

Spec: docs/spec/rest.md, section "P2P"
"""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.views.base import UserView, caller, parse
from p2p.census import forwarders_at_least
from p2p.serializers import NewTransaction
from p2p.services import start_transaction


class TransactionsView(UserView):
    """`POST transactions/`."""

    throttle_scope = "transactions"

    def post(self, request: Request) -> Response:
        body = parse(NewTransaction, request.data)
        _, login = caller(request)
        start_transaction(
            login=login, tx_id=body["id"], token=body["token"], tickets=body["tickets"], now=timezone.now()
        )
        return Response({"id": str(body["id"])}, status=202)


class ForwardersView(UserView):
    """`GET forwarders/`."""

    def get(self, request: Request) -> Response:
        return Response({"at_least": forwarders_at_least(timezone.now())})
