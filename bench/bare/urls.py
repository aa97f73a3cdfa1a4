"""Where the one route is."""

from django.urls import path

from bench.bare.views import TransactionsView

urlpatterns = [path("api/p2p/transactions/", TransactionsView.as_view())]
