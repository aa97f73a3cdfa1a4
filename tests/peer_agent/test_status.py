"""What `mesa-peer status` says about everything that can be wrong, each made so.

Spec: docs/spec/agent.md, section "Status"
"""

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p2p.protocol.fields import b64_text
from p2p.protocol.parts import IceServer
from peer_agent import cli
from peer_agent.account import save_account
from peer_agent.crypto.messages import Text
from peer_agent.errors import ExitCode
from peer_agent.events import MessageProgress
from peer_agent.finding_local import LOW_SPACE_BYTES, Running, Why, outbox_finding
from peer_agent.finding_network import NetworkFacts, network_finding
from peer_agent.finding_server import CLOCK_TOLERANCE_S, Trouble
from peer_agent.findings import About
from peer_agent.state_dir import locked
from peer_agent.turn_only import choose_turn_only
from peer_agent.upkeep import REFILL_BELOW
from tests.live_tree import ROOT
from tests.peer_agent.certificates import write_certificate
from tests.peer_agent.devices import Device, make_account
from tests.peer_agent.served import Served, serve_ada
from tests.peer_agent.stun_server import stun_server

PAGE = (ROOT / "docs/spec/agent.md").read_text().split("\n## Status\n")[1].split("\n## ")[0]
VALUES = {
    about: re.findall(r"`(\w+)`", keys)
    for about, keys in re.findall(r"^\| `(\w+)` \| ?(.*?) ?\|", PAGE, re.MULTILINE)
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        # Fills the stock of prekeys.
        assert cli.main(["--state", str(made.path), "contacts"]) == ExitCode.OK
        yield made


class Told:
    """What one run of `status` told: as sentences, or as data."""

    def __init__(self, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ["--state", str(served.path), "status"]
        self.code = cli.main(arguments)
        self.text = capsys.readouterr().out
        assert cli.main([*arguments, "--json"]) == self.code
        self.lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        self.found: dict[str, dict[str, Any]] = {each["about"]: each for each in self.lines[0]["findings"]}

    def says(self, about: str, *words: str) -> dict[str, Any]:
        """The values of a subject that is not good, and says so in these words, to people, too."""
        finding = self.found[about]
        assert not finding["good"]
        assert finding["help"]
        assert all(word in finding["why"] for word in words), finding["why"]
        assert f"! {finding['why']}\n    {finding['help']}" in self.text
        values: dict[str, Any] = finding["values"]
        return values


def move_to(served: Served, address: str) -> None:
    """Put ada's account on another server."""

    def move(ada: Device) -> None:
        with ada.store.transaction():
            save_account(ada.store, replace(ada.account, server=address))

    served.change(move)


def write_to_bo(ada: Device) -> None:
    number = ada.books.contacts.require("bo").number
    with ada.store.transaction():
        ada.books.history.write(number, Text("hi"), now_ms=ada.time.clock().unix_ms())


def make_bo_unsafe(ada: Device) -> None:
    with ada.store.transaction():
        ada.books.contacts.change(ada.books.contacts.require("bo").number, is_unsafe=True)


def waits(waits_for: str, forwarders: int | None = None) -> MessageProgress:
    return MessageProgress(1, "bo", "waiting", 0, (), waits_for, forwarders)


def judge(ada: Device, running: Running, why: str, words: str) -> None:
    finding = outbox_finding(ada.books, running)
    assert words in finding.why
    assert finding.values["waiting"][0]["why"] == why


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


def look(served: Served, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(served, capsys)


def test_all_is_well(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with stun_server() as url:
        served.server.ice_servers = (IceServer((url,), None, None),)
        told = look(served, capsys)

    assert told.code == ExitCode.OK
    assert told.text.startswith(f"ada at {served.address}. All is well.\n"), told.text
    assert all(each["good"] for each in told.found.values())
    assert told.lines[0]["identity"] == "same"
    assert list(told.found) == [each for each in About if each is not About.DIRECTORY]
    assert {about: list(each["values"]) for about, each in told.found.items()} | {
        "directory": ["holder"]
    } == VALUES


def test_numbers_are_those_of_the_page() -> None:
    assert f"less than {LOW_SPACE_BYTES // 2**20} MiB" in PAGE
    assert f"more than {CLOCK_TOLERANCE_S:g} s" in PAGE
    assert f"fewer than {REFILL_BELOW} of a kind" in PAGE
    assert [each for each in [*Trouble, *Why] if f"`{each}`" not in PAGE] == []


def test_nothing_is_sent_and_nobody_comes_online(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.server.requests.clear()

    look(served, capsys)

    asked = {route for route, _ in served.server.requests}
    assert asked == {"GET server", "GET me", "GET statements", "GET forwarders", "GET prekeys"}
    assert {frame["type"] for frame in served.server.frames} == {"hello"}


def test_server_that_is_not_there(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, "http://127.0.0.1:9")

    told = look(served, capsys)

    assert told.code == ExitCode.SERVER_UNREACHABLE
    assert told.says("server", "Nobody listens at http://127.0.0.1:9.")["trouble"] == "nobody_listens"
    assert (told.lines[-1]["event"], told.lines[-1]["exit_code"]) == ("error", ExitCode.SERVER_UNREACHABLE)
    assert list(told.found) == ["disk", "server", "guards", "contacts", "outbox"]


def test_name_that_leads_nowhere(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, "https://mesa.invalid")

    told = look(served, capsys)

    assert told.code == ExitCode.SERVER_UNREACHABLE
    assert told.says("server", "https://mesa.invalid leads nowhere")["trouble"] == "unknown_host"


def test_server_that_hangs_up(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with hanging_up() as address:
        move_to(served, address)
        told = look(served, capsys)

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

    told = look(served, capsys)

    assert told.says("server", served.address)["trouble"] == trouble
    assert told.code == code


def test_server_of_another_version(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.protocols = ["mesa.9"]

    told = look(served, capsys)

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
        told = look(served, capsys)

    assert told.says("server", "The certificate", words)["trouble"] == "certificate"
    assert told.code == ExitCode.SERVER_UNREACHABLE


def test_server_without_tls(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    move_to(served, served.address.replace("http", "https"))

    assert look(served, capsys).says("server", "does not speak TLS")["trouble"] == "no_tls"


@pytest.mark.parametrize(
    ("behind_s", "words"),
    [(600, "10 minutes ahead of"), (-7_200, "2 hours behind"), (75, "2 minutes ahead of")],
)
def test_clock_that_is_wrong(
    served: Served, behind_s: float, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    served.server.clock_behind_s = behind_s

    assert abs(look(served, capsys).says("clock", words)["ahead_s"] - behind_s) < 30


def test_login_that_has_ended(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    ended = (401, "not_authenticated")
    served.server.problems = {"GET me": ended, "POST refresh": ended}

    told = look(served, capsys)

    told.says("login", "has ended")
    assert told.code == ExitCode.LOGIN_REFUSED


def test_identity_that_the_server_changed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_account("ada", served.ada.time.clock())
    served.server.users["ada"].statements = [b64_text(each) for each in other.statements]

    told = look(served, capsys)

    assert told.says("identity", "another identity of yours")["verdict"] == "changed"
    assert told.code == ExitCode.OK


def test_socket_that_does_not_open(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.greets = False

    told = look(served, capsys)

    assert told.says("network", "session socket does not open")["socket"] == "unreachable"


def test_nat_is_told(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    with stun_server() as url:
        served.server.ice_servers = (IceServer((url,), None, None),)
        network = look(served, capsys).found["network"]

    assert (network["good"], network["values"]["nat"], network["values"]["stun"]) == (True, "cone", True)
    assert "behind a NAT" in network["why"]


@pytest.mark.parametrize(
    ("kind", "words"), [("stun", "STUN server does not answer"), ("turn", "TURN server does not answer")]
)
def test_server_for_links_that_does_not_answer(
    served: Served, kind: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with stun_server(answers=False) as url:
        login = ("ada", "secret") if kind == "turn" else (None, None)
        served.server.ice_servers = (IceServer((url.replace("stun", kind),), *login),)
        told = look(served, capsys)

    assert told.says("network", words)[kind] is False


def test_relay_only_without_a_turn_server(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(lambda ada: choose_turn_only(ada.store, True))

    told = look(served, capsys)

    assert told.says("network", "relay-only", "names no TURN server")["turn_only"]


def test_relay_only_is_shown() -> None:
    turn = IceServer(("turn:192.0.2.1",), "ada", "secret")
    offer = "a=candidate:1 1 udp 1 192.0.2.1 9 typ relay raddr 0.0.0.0 rport 0\r\n"

    good = network_finding(NetworkFacts("", True, (turn,), offer))
    bad = network_finding(NetworkFacts("", True, (turn,), ""))

    assert good.good
    assert "the address of the TURN server" in good.why
    assert not bad.good
    assert (good.values["turn"], bad.values["turn"]) == (True, False)


def test_too_few_forwarders(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.forwarders = 0

    told = look(served, capsys)

    assert told.says("forwarders", "Fewer than 3 peers forward") == {"at_least": 0, "needed": 3}
    assert "`mesa-peer forward`" in told.found["forwarders"]["help"]


def test_prekeys_that_are_nearly_used_up(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    del served.server.users["ada"].prekeys["one_time"][4:]

    told = look(served, capsys)

    assert told.says("prekeys", "few prekeys", "4") == {"one_time": 4, "one_time_kem": 50}


def test_contact_whose_keys_have_changed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.change(make_bo_unsafe)

    told = look(served, capsys)

    assert told.says("contacts", "nothing is sent to bo") == {"unsafe": ["bo"]}
    assert "`mesa-peer verify bo`" in told.found["contacts"]["help"]
    assert told.says("outbox", "keys of bo have changed")["waiting"][0]["why"] == "keys"


def test_messages_that_wait(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    served.change(write_to_bo)

    told = look(served, capsys)

    (waiting,) = told.says("outbox", "2 messages for bo, since ", "no agent runs")["waiting"]
    assert (waiting["user"], waiting["count"], waiting["why"]) == ("bo", 2, "no_run")
    assert waiting["since_ms"] == served.ada.time.clock().unix_ms()
    assert told.lines[0]["undelivered"] == 2


@pytest.mark.parametrize(
    ("running", "why", "words"),
    [
        (Running(), "under_way", "under way"),
        (Running(False, {}), "server", "no connection"),
        (Running(True, {}), "under_way", "under way"),
        (Running(True, {"bo": waits("forwarders", 1)}), "forwarders", "waiting for forwarders, 1 of 3."),
        (Running(True, {"bo": waits("contact")}), "contact", "waiting for bo."),
    ],
)
def test_running_agent_knows_why(served: Served, running: Running, why: str, words: str) -> None:
    served.change(write_to_bo)

    served.change(lambda ada: judge(ada, running, why, words))


def status_on_small_disk(served: Served, folder: Path, kib: int) -> "subprocess.CompletedProcess[str]":
    """Run `status` on a file system of its own of 8 MiB, with so much else on it."""
    folder.mkdir()
    script = f"""
        mount -t tmpfs -o size=8m none {folder} || exit 99
        cp -r {served.path} {folder}/ada
        head -c {kib}K /dev/zero >{folder}/filler 2>{folder}/filled
        exec {sys.executable} -m peer_agent --state {folder}/ada --json status
    """
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode == 99 or ran.stderr.startswith("unshare:"):
        pytest.skip("no file system of one's own can be mounted here")
    return ran


def test_disk_with_little_space(served: Served, tmp_path: Path) -> None:
    ran = status_on_small_disk(served, tmp_path / "disk", 4_096)

    assert ran.returncode == ExitCode.OK, ran.stderr
    found = {each["about"]: each for each in json.loads(ran.stdout)["findings"]}
    assert not found["disk"]["good"]
    assert re.fullmatch(r"Only [1-4] MB are free where .*", found["disk"]["why"])
    assert found["server"]["good"]


def test_disk_that_is_full(served: Served, tmp_path: Path) -> None:
    ran = status_on_small_disk(served, tmp_path / "disk", 9_000)

    assert ran.returncode == ExitCode.STORE_FULL
    assert "There is no space left on the disk" in ran.stderr


def test_agent_that_holds_the_directory(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(write_to_bo)
    with locked(served.path, "mesa-peer listen"):
        told = look(served, capsys)

    assert told.code == ExitCode.OK
    directory = told.found["directory"]
    assert re.fullmatch(r"Process \d+ \(mesa-peer listen\) works on .*", directory["why"])
    assert directory["good"]
    assert list(told.found) == ["directory", "disk", "server", "clock", "guards", "contacts", "outbox"]
    assert told.found["outbox"]["values"]["waiting"][0]["why"] == "under_way"
    assert told.lines[0]["identity"] is None
