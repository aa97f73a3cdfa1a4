"""A small application for the web server's tests.

`/echo` answers, `/busy` takes no frame, `/flood` writes on and on, `/some` as much as may wait to be read.
A request is answered with the number of floods that were lost, and what came of its body.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PIECE = "x" * 60_000
SOME_PIECES = 60
MANY_PIECES = 1_000
lost_floods: list[int] = []


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(dict(scope["headers"]).get(b"content-length"), receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    await SOCKETS[scope["path"]](receive, send)


async def answer(length: bytes | None, receive: Receive, send: Send) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    said = json.dumps({"lost": len(lost_floods), "length": int(length or 0), "size": size})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": said.encode()})


async def echo(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def busy(receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def let_others_run() -> None:
    """Let the server write what it has, and notice what came."""
    turn = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turn.set_result, None)
    await turn


async def flood(receive: Receive, send: Send) -> None:
    lost = asyncio.ensure_future(receive())
    for _ in range(MANY_PIECES):
        if lost.done():
            break
        await send({"type": "websocket.send", "text": PIECE})
        await let_others_run()
    await lost
    lost_floods.append(1)


async def some(receive: Receive, send: Send) -> None:
    for _ in range(SOME_PIECES):
        await send({"type": "websocket.send", "text": PIECE})
        await let_others_run()
    await receive()


SOCKETS = {"/echo": echo, "/busy": busy, "/flood": flood, "/some": some}
