"""The way in: HTTP to Django, sockets to the consumer."""

from django.core.asgi import get_asgi_application

http = get_asgi_application()

# Apps are ready only now: what follows imports models.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from bench.bare.consumers import DeviceConsumer  # noqa: E402

sockets = URLRouter([path("ws/agent/", DeviceConsumer.as_asgi())])
application = ProtocolTypeRouter({"http": http, "websocket": sockets})
