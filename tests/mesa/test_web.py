"""One websocket can not make the web process hold more than its bounds, whatever it sends or leaves."""

import http.client
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from mesa.process_tree import ProcessTree, Program
from p2p.protocol.limits import FRAME_BYTES
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

    def ask(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", "/")
        with connection.getresponse() as response:
            return response.read().decode()

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
        wait_for(lambda: web.ask() == "1")

    assert web.peak_kib - before < 3 * SLACK_KIB


def test_a_socket_that_reads_late_gets_all_of_it(web: Web) -> None:
    with web.open("/some") as ws:
        texts = [ws.recv(timeout=10) for _ in range(SOME_PIECES)]

    assert set(texts) == {PIECE}
