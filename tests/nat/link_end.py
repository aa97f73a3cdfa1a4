"""One end of a link as a process, told by lines of JSON what to do: the agent's transport and nothing else.

Run as `python -m tests.nat.link_end`. `offer` and `answer` begin anew; each line is answered by one line.
"""

import asyncio
import json
import sys
from typing import Any

from aioice import stun, turn

from p2p.protocol.link import SET_UP_DEADLINE_S
from p2p.protocol.parts import IceServer
from peer_agent.ice_patch import apply_ice_patch
from peer_agent.rtc import AiortcTransport, Callbacks, TransportFailed

Line = dict[str, Any]
ECHO_LIMIT_S = 5.0
FIRST_CHANNEL = 0x4000
ALLOCATION_MISMATCH = 437


class LinkEnd:
    """The transport of the moment, and what it said."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self._received: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._transport: AiortcTransport | None = None

    async def do(self, line: Line) -> Line:
        try:
            done: Line = await getattr(self, line.pop("do"))(**line)
        except TransportFailed as error:
            return {"failed": str(error)}
        return done

    async def offer(self, servers: list[Line], *, turn_only: bool) -> Line:
        return {"description": await self._begin(servers, turn_only=turn_only).offer()}

    async def answer(self, servers: list[Line], *, turn_only: bool, description: str) -> Line:
        return {"description": await self._begin(servers, turn_only=turn_only).answer(description)}

    async def accept(self, description: str) -> Line:
        assert self._transport is not None
        await self._transport.accept(description)
        return {}

    async def open(self) -> Line:
        """Wait for the link as long as an agent would."""
        try:
            async with asyncio.timeout(SET_UP_DEADLINE_S):
                await self._opened.wait()
        except TimeoutError:
            return {"is_open": False}
        return {"is_open": True}

    async def send(self, text: str) -> Line:
        assert self._transport is not None
        self._transport.send(text.encode())
        return {}

    async def receive(self) -> Line:
        async with asyncio.timeout(ECHO_LIMIT_S):
            frame = await self._received.get()
        return {"text": frame.decode() if isinstance(frame, bytes) else ""}

    async def reach(self, server: str, username: str, credential: str, peer: str) -> Line:
        """Ask a TURN server for a way to a peer; answers with the code of its refusal, or 0."""
        transport = await _allocate(server, username, credential)
        client: Any = vars(transport)["_TurnTransport__inner_protocol"]
        try:
            await client.channel_bind(FIRST_CHANNEL, (peer, 40_000))
        except stun.TransactionFailed as error:
            return {"code": error.response.error_code}
        finally:
            transport.close()
        return {"code": 0}

    async def close(self) -> Line:
        if self._transport is not None:
            await self._transport.close()
        return {}

    def _begin(self, servers: list[Line], *, turn_only: bool) -> AiortcTransport:
        self._opened, self._received = asyncio.Event(), asyncio.Queue()
        callbacks = Callbacks(self._opened.set, lambda: None, self._received.put_nowait, lambda: None)
        given = [IceServer((each["url"],), each["username"], each["credential"]) for each in servers]
        self._transport = AiortcTransport(callbacks, given, turn_only=turn_only)
        return self._transport


async def _allocate(server: str, username: str, credential: str) -> Any:
    """Allocate; from another port where the server still has an allocation of before (RFC 8656, 7.4)."""
    host, port = server.rsplit(":", 1)
    while True:
        try:
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol, (host, int(port)), username, credential
            )
        except stun.TransactionFailed as error:
            if error.response.error_code != ALLOCATION_MISMATCH:
                raise
        else:
            return transport


async def main() -> None:
    assert apply_ice_patch()
    loop, end = asyncio.get_running_loop(), LinkEnd()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(json.dumps(await end.do(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
