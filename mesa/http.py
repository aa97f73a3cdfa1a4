"""Django's HTTP handler for views without coroutines: each request is worked on in one of a few threads.

Django's own goes between the event loop and a thread at every other middleware, and gives each request a new
thread, with a database connection that lives no longer.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponseBase

# So many requests are worked on at once; others wait for their turn, in order, and not too long.
LANES: Final = 32
LANE_WITHIN_S: Final = 5.0


class LaneHandler(ASGIHandler):
    """Works on each request in a thread that has no other, through all middleware and the view in one go."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._respond = sync_to_async(self.get_response)
        # The latest first: as few threads as there is work for, each with a warm database connection.
        self._idle: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for _ in range(LANES):
            self._idle.put_nowait(ThreadPoolExecutor(1, "http"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            async with asyncio.timeout(LANE_WITHIN_S):
                lane = await self._idle.get()
        except TimeoutError:
            await self.send_response(self._too_busy(), send)
            return
        try:
            # Also for a client that goes away it ends with a word to the thread, so after what that is at.
            async with ThreadSensitiveContext(executor=lane):
                await self.handle(scope, receive, send)
        finally:
            self._idle.put_nowait(lane)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await self._respond(request)

    @staticmethod
    def _too_busy() -> HttpResponseBase:
        # Django REST framework can be imported only once Django is set up.
        from mesa.problems import problem

        return problem("unavailable")


def get_http_application() -> LaneHandler:
    """Set Django up, and give what answers its requests."""
    django.setup(set_prefix=False)
    return LaneHandler()
