"""Routes of p2p. Spec: docs/spec/rest.md, section "P2P"."""

from django.urls import path

from p2p.views import ForwardersView, TransactionsView

urlpatterns = [
    path("forwarders/", ForwardersView.as_view(), name="forwarders"),
    path("transactions/", TransactionsView.as_view(), name="transactions"),
]
