"""Every address that answers over HTTP."""

from django.contrib import admin
from django.urls import include, path

from mesa import views

urlpatterns = [
    path("", views.front_page, name="front-page"),
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
