"""The server of dictionaries on a port of its own, for agents that are processes."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import httpx
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from p2p.protocol.fields import b64_text
from p2p.protocol.frames import to_text
from p2p.protocol.limits import SUBPROTOCOL
from p2p.protocol.parts import LIMITS, IceServer
from p2p.protocol.to_peer import Welcome
from tests.peer_agent.fake_server import FakeServer, Json, User

LIMIT_S = 60
PASSWORD = "correct horse battery"
READ_BYTES = 65_536
WELCOME = Welcome((SUBPROTOCOL,), (), LIMITS, b"e" * 16, b"r" * 32, resumed=False)


class Server(FakeServer):
    """The server of dictionaries, with the routes more that commands about the account and `status` ask.

    greets: session sockets are welcomed, and told nothing more; else they are refused. lingers: a socket that
    the agent closes stays open on this side.
    knows: whether the device is still there. closes_by: the code with which sockets are closed, not welcomed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.greets = False
        self.knows = True
        self.protocols = [SUBPROTOCOL]
        self.closes_by: int | None = None
        self.visibility = "prefix"
        self.lingers = False
        self.clock_behind_s = 0.0
        self.forwarders = 10
        self.ice_servers: tuple[IceServer, ...] = ()
        self.sockets: list[socket.socket] = []
        self.frames: list[Json] = []

    def hang_up(self) -> None:
        """Break every session socket."""
        for each in self.sockets:
            # One that the agent has closed already is none any more.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()

    def _get_me(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"user": name, "username": name, "device": caller.device, "sid": "1"}

    def _delete_me(self, caller: User, name: str, body: Json) -> tuple[int, Json | None]:
        if body["password"] != PASSWORD:
            return 403, {"code": "wrong_password", "status": 403}
        self.knows = False
        return 204, None

    def _get_settings(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"visibility": self.visibility}

    def _put_settings(self, caller: User, name: str, body: Json) -> tuple[int, None]:
        self.visibility = body["visibility"]
        return 204, None

    def _post_challenges(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 201, {"challenge": b64_text(bytes(32))}

    def _post_known(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"known": self.knows}

    def _get_server(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        now_ms = int((time.time() - self.clock_behind_s) * 1_000)
        return 200, {"name": "mesa", "version": "0", "protocols": self.protocols, "time_ms": now_ms}

    def _get_forwarders(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"at_least": self.forwarders}

    def _get_statements(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"statements": caller.statements}


@contextmanager
def listening(server: Server, name: str) -> Iterator[str]:
    """Serve one user over HTTP; gives the address."""
    transport = server.transport(name)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            # Who asked may be gone before it is answered.
            with suppress(ConnectionError):
                self._answer_one()

        def _answer_one(self) -> None:
            if server.greets and "Upgrade" in self.headers:
                self._greet()
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = httpx.Request(self.command, f"http://server{self.path}", content=body)
            is_socket = "Upgrade" in self.headers
            answer = httpx.Response(503) if is_socket else asyncio.run(transport.handle_async_request(asked))
            self.send_response(answer.status_code)
            for header in ("Content-Type", "Retry-After"):
                if header in answer.headers:
                    self.send_header(header, answer.headers[header])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _greet(self) -> None:
            protocol = ServerProtocol(subprotocols=[cast("Subprotocol", SUBPROTOCOL)])
            asked = f"{self.requestline}\n{self.headers}".replace("\n", "\r\n")
            protocol.receive_data(asked.encode())
            (request,) = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            server.sockets.append(self.connection)
            _talk(server, self.connection, protocol)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_address[1]}"
        finally:
            http.shutdown()
            server.hang_up()
            thread.join(LIMIT_S)


def _talk(server: Server, connection: socket.socket, protocol: ServerProtocol) -> None:
    """Answer the first frame by a welcome, and stay; or close the socket."""
    if server.closes_by is not None:
        protocol.send_close(server.closes_by)
    has_greeted = False
    while True:
        for data in protocol.data_to_send():
            connection.sendall(data)
        if protocol.close_expected() and not server.lingers:
            return
        data = connection.recv(READ_BYTES)
        if not data:
            return
        protocol.receive_data(data)
        for text in _texts(protocol):
            server.frames.append(json.loads(text))
            if not has_greeted:
                has_greeted = True
                protocol.send_text(to_text(replace(WELCOME, ice_servers=server.ice_servers)).encode())


def _texts(protocol: ServerProtocol) -> list[bytes]:
    """The text frames that came since the last look."""
    frames = [event for event in protocol.events_received() if isinstance(event, Frame)]
    return [bytes(frame.data) for frame in frames if frame.opcode is Opcode.TEXT]
