"""A server that can not be asked, or tells another time: `status` says which of the reasons it is."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from peer_agent.account import save_account
from peer_agent.errors import ExitCode
from tests.peer_agent.certificates import write_certificate
from tests.peer_agent.devices import Device
from tests.peer_agent.served import Served
from tests.peer_agent.status.told import Told


def move_to(served: Served, address: str) -> None:
    """Put ada's account on another server."""

    def move(ada: Device) -> None:
        with ada.store.transaction():
            save_account(ada.store, replace(ada.account, server=address))

    served.change(move)


@contextmanager
def hanging_up() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    server.accept()[0].close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@contextmanager
def tls_server(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a certificate of its own making; this machine trusts it, unless that is what is wrong."""
    file = write_certificate(folder, is_expired=kind == "expired", name="localhost")
    if kind != "own":
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
                    wrapped.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        host = "127.0.0.1" if kind == "other name" else "localhost"
        yield f"https://{host}:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_server_that_is_not_there(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, "http://127.0.0.1:9")

    told = Told(served, capsys)

    assert told.code == ExitCode.SERVER_UNREACHABLE
    assert told.says("server", "Nobody listens at http://127.0.0.1:9.")["trouble"] == "nobody_listens"
    assert (told.lines[-1]["event"], told.lines[-1]["exit_code"]) == ("error", ExitCode.SERVER_UNREACHABLE)
    assert list(told.found) == ["disk", "server", "guards", "contacts", "outbox"]


def test_name_that_leads_nowhere(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, "https://mesa.invalid")

    told = Told(served, capsys)

    assert told.code == ExitCode.SERVER_UNREACHABLE
    assert told.says("server", "https://mesa.invalid leads nowhere")["trouble"] == "unknown_host"


def test_server_that_hangs_up(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with hanging_up() as address:
        move_to(served, address)
        told = Told(served, capsys)

    assert told.says("server", "does not answer")["trouble"] == "no_answer"


@pytest.mark.parametrize(
    ("problem", "trouble", "code"),
    [
        ((404, "not_found"), "not_mesa", ExitCode.UNKNOWN_USER),
        ((503, "unavailable"), "busy", ExitCode.SERVER_UNREACHABLE),
    ],
)
def test_server_that_answers_something_else(
    served: Served,
    problem: tuple[int, str],
    trouble: str,
    code: ExitCode,
    capsys: pytest.CaptureFixture[str],
) -> None:
    served.server.problems = {"GET server": problem}

    told = Told(served, capsys)

    assert told.says("server", served.address)["trouble"] == trouble
    assert told.code == code


def test_server_of_another_version(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.protocols = ["mesa.9"]

    told = Told(served, capsys)

    assert told.says("server", "no version that this agent speaks")["trouble"] == "other_version"
    assert told.code == ExitCode.REFUSED


@pytest.mark.parametrize(
    ("kind", "words"),
    [("expired", "has expired"), ("other name", "for another name"), ("own", "nobody this machine trusts")],
)
def test_certificate_that_proves_nothing(
    served: Served,
    kind: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tls_server(tmp_path, kind, monkeypatch) as address:
        move_to(served, address)
        told = Told(served, capsys)

    assert told.says("server", "The certificate", words)["trouble"] == "certificate"
    assert told.code == ExitCode.SERVER_UNREACHABLE


def test_server_without_tls(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, served.address.replace("http", "https"))

    assert Told(served, capsys).says("server", "does not speak TLS")["trouble"] == "no_tls"


@pytest.mark.parametrize(
    ("behind_s", "words"),
    [(600, "10 minutes ahead of"), (-7_200, "2 hours behind"), (75, "2 minutes ahead of")],
)
def test_clock_that_is_wrong(
    served: Served, behind_s: float, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    served.server.clock_behind_s = behind_s

    assert abs(Told(served, capsys).says("clock", words)["ahead_s"] - behind_s) < 30
