"""Routes of p2p. Spec: docs/spec/rest.md, section "P2P"."""

from django.urls import path

from p2p.views import TransactionsView

urlpatterns = [
    path("transactions/", TransactionsView.as_view(), name="transactions"),
]
