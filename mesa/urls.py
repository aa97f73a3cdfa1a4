"""Every address that answers over HTTP."""

from django.contrib import admin
from django.urls import include, path

from mesa import pages, views

urlpatterns = [
    path("", pages.landing, name="landing"),
    path("sign-up/", pages.sign_up, name="sign-up"),
    path("log-in/", pages.log_in, name="log-in"),
    path("app/", pages.app, name="app"),
    path("invite/", pages.invite, name="invite"),
    path("api/accounts/", include("accounts.urls")),
    path("api/p2p/", include("p2p.urls")),
    path("api/server/", views.ServerView.as_view(), name="server"),
    path("admin/", admin.site.urls),
    path("static/<str:release>/<path:name>", views.static_file, name="static"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

handler400 = "mesa.refusals.bad_request"
handler403 = "mesa.refusals.permission_denied"
handler404 = "mesa.refusals.page_not_found"
handler500 = "mesa.refusals.server_error"
