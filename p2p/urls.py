"""Routes of p2p. Spec: docs/spec/rest.md, section "P2P"."""

from django.urls import path

from p2p.views import DirectView, TransactionsView

urlpatterns = [
    path("transactions/", TransactionsView.as_view(), name="transactions"),
    path("direct/", DirectView.as_view(), name="direct"),
]
