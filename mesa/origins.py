"""Which web pages may open a browser's session socket.

A browser sends the login cookie with a socket that any page opens: only the `Origin` tells that it was ours.

Spec: docs/spec/signaling.md, section "Close codes"
"""

from typing import Any

from django.conf import settings

from p2p.protocol.errors import OriginRefused


class OriginCheck:
    """Lets the allowed origins through, compared whole: scheme, host and port.

    The stock validator refuses before the handshake, where a page can not read why.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        origins = [value for name, value in scope["headers"] if name == b"origin"]
        if len(origins) == 1 and origins[0].decode("latin-1") in settings.ALLOWED_ORIGINS:
            await self.application(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": OriginRefused.close_code})


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a socket at an address that has none."""
    await receive()
    await send({"type": "websocket.close"})
