"""Django's HTTP handler for views without coroutines: each request is worked on in one of a few threads.

Django's own goes between the event loop and a thread at every other middleware, before the first and after
the last, and gives each request a new thread, with a database connection that lives no longer.
"""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, Final

import django
from asgiref.sync import ThreadSensitiveContext
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpResponseBase
from django.urls import set_script_prefix

# So many requests are worked on at once; others wait for their turn, in order, and not too long.
LANES: Final = 32
LANE_WITHIN_S: Final = 5.0


class LaneHandler(ASGIHandler):
    """Works on each request in a thread that has no other, through all middleware and the view in one go."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
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
            # What an answer reads of a file it reads there, too.
            async with ThreadSensitiveContext(executor=lane):
                await self._serve(lane, scope, receive, send)
        finally:
            self._idle.put_nowait(lane)

    async def _serve(self, lane: ThreadPoolExecutor, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            context = contextvars.copy_context()
            working = asyncio.get_running_loop().run_in_executor(
                lane, context.run, self._respond, scope, body
            )
            try:
                response = await asyncio.shield(working)
            except asyncio.CancelledError:
                # A thread can not be stopped, and no other request may come to it before it is done.
                await asyncio.wait({working})
                raise
            try:
                await self.send_response(response, send)
            finally:
                if response.streaming:
                    await asyncio.get_running_loop().run_in_executor(lane, response.close)

    def _respond(self, scope: Any, body: IO[bytes]) -> Any:
        """Work on a request in its thread; to its last signal, if the answer is whole by then."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        response._handler_class = self.__class__
        if not response.streaming:
            response.close()
        return response

    @staticmethod
    def _too_busy() -> HttpResponseBase:
        # Django REST framework can be imported only once Django is set up.
        from mesa.problems import problem

        return problem("unavailable")


def get_http_application() -> LaneHandler:
    """Set Django up, and give what answers its requests."""
    django.setup(set_prefix=False)
    return LaneHandler()
