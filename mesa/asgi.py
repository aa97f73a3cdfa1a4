"""The way in: HTTP to Django, sockets to the peer consumer."""

import os

from mesa.http import get_http_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mesa.settings")
http = get_http_application()

# Apps are ready only now: what follows imports models.
from typing import Any  # noqa: E402

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from accounts.socket_auth import CookieAuth, HeaderAuth  # noqa: E402
from mesa.checks import refuse_unfit_store  # noqa: E402
from mesa.origins import OriginCheck, no_such_socket  # noqa: E402
from p2p.consumers import PeerConsumer  # noqa: E402

# Here, because daphne tells an application nothing of its start.
refuse_unfit_store()

sockets: list[tuple[str, Any]] = [
    (r"^ws/session/$", OriginCheck(CookieAuth(PeerConsumer.as_asgi()))),
    # Without the cookie there is nothing a foreign page could misuse, and agents send no Origin.
    (r"^ws/agent/$", HeaderAuth(PeerConsumer.as_asgi())),
    (r"", no_such_socket),
]

application = ProtocolTypeRouter(
    {"http": http, "websocket": URLRouter([re_path(pattern, inner) for pattern, inner in sockets])}
)
