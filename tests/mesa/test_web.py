"""One connection can not make the web process hold more than its bounds, whatever it sends or leaves."""

import http.client
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from mesa.process_tree import ProcessTree, Program
from p2p.protocol.limits import FRAME_BYTES
from tests.live_tree import LiveTree
from tests.mesa.socket_app import PIECE, SOME_PIECES
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
MIB = 1_048_576
# What Python and the sockets need by themselves.
SLACK_KIB = 6 * 1_024


@dataclass(frozen=True, slots=True)
class Web:
    """The web server with the tests' own application."""

    pid: int
    port: int

    def open(self, path: str) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}{path}", max_size=None, compression=None, close_timeout=2)

    def ask(self, body: bytes | list[bytes] | None = None) -> dict[str, int]:
        """Send a request, its body in pieces if it is a list; returns what the application was given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET" if body is None else "POST", "/", body)
        with connection.getresponse() as response:
            return dict(json.loads(response.read()))

    @property
    def files(self) -> list[str]:
        """Files without a name that the process has open, beside its output: what it put aside."""
        found = []
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            # A connection may be closed meanwhile.
            with suppress(FileNotFoundError):
                name = os.readlink(entry)
                found += [name] * (int(entry.name) > 2 and name.endswith("(deleted)"))
        return found

    @property
    def peak_kib(self) -> int:
        """The most memory that the process ever had."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1])


@pytest.fixture
def web() -> Iterator[Web]:
    tree = ProcessTree()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "mesa.web", "--fd", str(listener.fileno()), "-v", "0"]
        application = "tests.mesa.socket_app:application"
        program = Program("web", [*command, application], {}, ROOT, descriptors=[listener.fileno()])
        made = Web(tree.start(program), listener.getsockname()[1])
        try:
            with made.open("/echo") as ready:
                ready.send("x" * FRAME_BYTES)
                assert len(ready.recv(timeout=10)) == FRAME_BYTES
            yield made
        finally:
            tree.stop()


def send_until_closed(ws: ClientConnection, message: str | list[str], times: int = 1) -> int:
    """Send a message again and again; returns the code that the server closed with."""
    try:
        for _ in range(times):
            ws.send(message)
        ws.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 0
    raise AssertionError("the socket stays open")


@pytest.mark.parametrize(
    "message",
    [pytest.param("x" * 10 * MIB, id="one frame"), pytest.param(["x" * 10_000] * 1_000, id="pieces")],
)
def test_a_message_over_the_limit_closes_the_socket_and_is_not_held(
    web: Web, message: str | list[str]
) -> None:
    before = web.peak_kib
    with web.open("/echo") as ws:
        code = send_until_closed(ws, message)

    assert code == 4413
    assert web.peak_kib - before < SLACK_KIB


def test_frames_that_nobody_takes_are_bounded_in_number(web: Web) -> None:
    before = web.peak_kib
    with web.open("/busy") as ws:
        code = send_until_closed(ws, "x" * 10_000, times=10_000)

    assert code == 4429
    assert web.peak_kib - before < SLACK_KIB


def test_a_socket_that_reads_nothing_is_dropped(web: Web) -> None:
    before = web.peak_kib
    with socket.create_connection(("127.0.0.1", web.port)) as caller:
        caller.sendall(
            b"GET /flood HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        wait_for(lambda: web.ask()["lost"] == 1)

    assert web.peak_kib - before < 3 * SLACK_KIB


def test_a_socket_that_reads_late_gets_all_of_it(web: Web) -> None:
    with web.open("/some") as ws:
        texts = [ws.recv(timeout=10) for _ in range(SOME_PIECES)]

    assert set(texts) == {PIECE}


def test_a_socket_is_not_compressed(web: Web) -> None:
    """Compressed zeros would undo the padding of frames (T-22)."""
    with connect(f"ws://127.0.0.1:{web.port}/echo", compression="deflate") as ws:
        assert ws.response is not None
        assert "Sec-WebSocket-Extensions" not in ws.response.headers


KIB = 1_024
LIMIT_BYTES = 256 * KIB


def pieces(size: int) -> list[bytes]:
    return [b"x" * (64 * KIB)] * (size // (64 * KIB))


@pytest.mark.parametrize("size", [100, 200 * KIB, LIMIT_BYTES])
def test_a_body_within_the_limit_is_passed_on(web: Web, size: int) -> None:
    assert web.ask(b"x" * size) == {"lost": 0, "length": size, "size": size}


def test_a_body_in_pieces_within_the_limit_is_passed_on(web: Web) -> None:
    assert web.ask(pieces(LIMIT_BYTES)) == {"lost": 0, "length": 0, "size": LIMIT_BYTES}


@pytest.mark.parametrize("body", [b"x" * (3 * MIB), pieces(3 * MIB)], ids=["at once", "in pieces"])
def test_of_a_body_over_the_limit_the_application_gets_the_length_only(
    web: Web, body: bytes | list[bytes]
) -> None:
    web.ask()
    before = web.peak_kib

    assert web.ask(body) == {"lost": 0, "length": 3 * MIB, "size": 0}

    assert web.peak_kib - before < 2 * KIB


@pytest.mark.parametrize("length", [b"Content-Length: 200000", b"Transfer-Encoding: chunked"])
def test_no_body_is_put_into_a_file(web: Web, length: bytes) -> None:
    web.ask(b"x" * 200_000)
    with socket.create_connection(("127.0.0.1", web.port)) as caller:
        caller.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\n\r\n20000\r\n" + b"x" * 90_000
        )
        web.ask()

        assert web.files == []


def send_head(web: Web, head: bytes) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", web.port), timeout=10)
    caller.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
    return caller


def test_a_far_too_long_body_is_refused_before_it_is_sent(web: Web) -> None:
    with send_head(web, b"Content-Length: 4294967296") as caller:
        answer = caller.recv(1_000)

        assert answer.startswith(b"HTTP/1.1 413 ")
        assert caller.recv(1_000) == b""


def test_a_body_without_end_ends_the_connection(web: Web) -> None:
    web.ask()
    before = web.peak_kib
    with send_head(web, b"Transfer-Encoding: chunked") as caller, pytest.raises(ConnectionError):
        caller.sendall((b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 1_000)

    assert web.peak_kib - before < 2 * KIB


@pytest.mark.parametrize("body", [b"x" * MIB, pieces(MIB)], ids=["at once", "in pieces"])
def test_the_server_refuses_a_body_over_the_limit(
    live_server_tree: LiveTree, body: bytes | list[bytes]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live_server_tree.port, timeout=10)
    connection.request("POST", "/api/accounts/register/", body, {"Content-Type": "application/json"})

    with connection.getresponse() as response:
        assert (response.status, json.loads(response.read())["code"]) == (413, "too_large")
