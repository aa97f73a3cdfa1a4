"""One lab and one coturn for all tests, and what lives in its homes; skipped where there can be no lab."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from p2p.protocol.parts import IceServer
from p2p.turn import ice_servers
from tests.live_tree import ROOT, LiveTree
from tests.nat import lab as labs
from tests.nat.coturn import CERTIFICATE, SECRET, STUN_URL, TURN_URL, running_coturn
from tests.nat.lab import HOST, MESA, Lab, run
from tests.network.agents import PASSWORD, Account
from tests.network.conftest import ADA, BO

FORWARDERS = ("f1-x", "f2-x", "f3-x")
HOMES = (ADA, *FORWARDERS, BO)
STOP_LIMIT_S = 10
SETTLE_LIMIT_S = 60


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    why = labs.missing()
    if why:
        pytest.skip(f"the NAT lab {why}")
    made = Lab(HOMES)
    yield made
    made.close()


@pytest.fixture(scope="package")
def coturn(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_coturn(lab, tmp_path_factory.mktemp("turn")) as place:
        yield place


def stun() -> tuple[IceServer, ...]:
    return ice_servers([STUN_URL], SECRET, now=datetime.now(UTC))


def stun_and_turn(turn: str = TURN_URL) -> tuple[IceServer, ...]:
    return ice_servers([STUN_URL, turn], SECRET, now=datetime.now(UTC))


@dataclass(frozen=True)
class Resident(Account):
    """An account whose commands run in one of the lab's namespaces."""

    inside: tuple[str, ...] = ()

    def command(self, *words: str) -> list[str]:
        # The lab's server has no certificate.
        return [*self.inside, *super().command("--allow-http", *words)]


@dataclass
class Street:
    """A server on the lab's host, and an account at each home."""

    tree: LiveTree
    accounts: dict[str, Resident]


@pytest.fixture(scope="package")
def street(lab: Lab, coturn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """A server that names the lab's STUN and TURN servers; ada and bo are contacts."""
    environment = {
        "MESA_ALLOWED_HOSTS": f"{MESA} localhost",
        "MESA_ICE_SERVERS": f"{STUN_URL} {TURN_URL}",
        "MESA_TURN_SECRET": SECRET,
        "MESA_LOG_LEVEL": "DEBUG",
    }
    folder = tmp_path_factory.mktemp("street")
    tree = LiveTree(folder / "server", environment=environment, host=MESA, inside=lab.inside(HOST))
    tree.start()
    try:
        settle(lab, tree.url, folder)
        yield Street(tree, {name: Resident(name, folder, tree.url, lab.inside(name)) for name in lab.homes})
    finally:
        tree.stop()


def settle(lab: Lab, server: str, folder: Path) -> None:
    """Register everybody and make ada and bo contacts, with the command line but in one process."""
    password = folder / "password"
    password.write_text(PASSWORD)
    registration = ("--allow-http", "--server", server, "--password-file", str(password), "--recovery-file")
    lines = [
        *(
            ["--state", str(folder / name), "register", name, *registration, f"{folder / name}.code"]
            for name in lab.homes
        ),
        ["--state", str(folder / ADA), "request", BO],
        ["--state", str(folder / BO), "accept", ADA],
        ["--state", str(folder / ADA), "contacts"],
    ]
    code = "import json, sys; from peer_agent.cli import main; sys.exit(any(map(main, json.load(sys.stdin))))"
    run([*lab.inside(HOST), sys.executable, "-c", code], json.dumps(lines), limit_s=SETTLE_LIMIT_S)


@dataclass
class End:
    """The process at one home that makes one end of a link."""

    home: str
    process: "subprocess.Popen[str]"

    def do(self, what: str, **values: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **values}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def begin(self, what: str, servers: tuple[IceServer, ...], **values: Any) -> Any:
        """Make an offer or an answer with these servers."""
        given = [
            {"url": each.urls[0], "username": each.username, "credential": each.credential}
            for each in servers
        ]
        return self.do(what, servers=given, **{"turn_only": False, **values})


@contextmanager
def running_end(lab: Lab, home: str, trusted: Path) -> Iterator[End]:
    process = subprocess.Popen(
        [*lab.inside(home), sys.executable, "-m", "tests.nat.link_end"],
        cwd=ROOT,
        env=os.environ | {"SSL_CERT_FILE": str(trusted)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield End(home, process)
    finally:
        process.terminate()
        process.wait(STOP_LIMIT_S)


@pytest.fixture(scope="package")
def ends(lab: Lab, coturn: Path) -> Iterator[tuple[End, End]]:
    """An end at ada's and one at bo's."""
    trusted = coturn.parent / CERTIFICATE
    with running_end(lab, ADA, trusted) as one, running_end(lab, BO, trusted) as other:
        yield one, other
