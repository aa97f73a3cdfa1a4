"""The one route: a row is written, and a task sent."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.bare.models import BareTransaction
from bench.bare.tasks import begin


class NewTransaction(serializers.Serializer[Any]):
    """The body of a POST, of which only the id is used."""

    id = serializers.UUIDField()
    token = serializers.CharField()
    tickets = serializers.ListField(child=serializers.CharField())


class TransactionsView(APIView):
    """`POST /api/p2p/transactions/`."""

    def post(self, request: Request) -> Response:
        body = NewTransaction(data=request.data)
        body.is_valid(raise_exception=True)
        tx = body.validated_data["id"]
        BareTransaction.objects.create(pk=tx, started=timezone.now())
        begin.delay(str(tx), request.user.pk)
        return Response({"id": str(tx)}, status=202)
