"""The wheel is all that a program needs: it is installed in an environment of its own, and used there."""

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.history import Stored
from peer_agent.showing import text_of
from peer_agent.store import open_store
from tests.conventions.sources import ROOT
from tests.peer_agent.served import Served, serve_ada
from tests.waiting import wait_for

INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
BOT = ROOT / "docs" / "examples" / "echo_bot.py"
LIMIT_S = 60
PROGRAM = """
import asyncio
from collections.abc import Sequence

from peer_agent import ContactInfo, Event, LinkOpened, MessageReceived, Peer, SentMessage


async def main() -> None:
    async with Peer.open("state", forwards=False) as peer:
        sent: SentMessage = peer.send("bo", "hi")
        await sent.delivered()
        contacts: Sequence[ContactInfo] = peer.contacts()
        async for event in peer.events():
            tell(event)


def tell(event: Event) -> str | bytes:
    match event:
        case MessageReceived(text=text):
            return text
        case LinkOpened(link=link):
            return link
    return event.NAME


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, project_copy: Path) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(out),
        str(project_copy),
    ]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path) -> Iterator[Path]:
    """The programs of an environment that has the wheel and what it depends on, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="mesa-wheel-") as folder:
        venv.create(folder, with_pip=True)
        found = Path(folder) / "bin"
        python, lock = str(found / "python"), str(ROOT / "requirements" / "agent.lock")
        subprocess.run([python, *INSTALL, "--require-hashes", "-r", lock], check=True)
        subprocess.run([python, *INSTALL, str(wheel)], check=True)
        yield found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        yield made


def run(*command: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program where nothing of the checkout can be imported."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MYPY"))}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env=bare, capture_output=True, text=True, timeout=LIMIT_S * 3
    )


def check(programs: Path, folder: Path, **texts: str) -> str:
    """What the type checker says of a user's programs."""
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    files = [folder / f"{name}.py" for name in texts]
    strict = ("-m", "mypy", "--strict", "--config-file=", "--python-executable", programs / "python")
    return run(sys.executable, *strict, *files, folder=folder).stdout


def test_wheel_holds_the_agent_and_the_protocol_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]

    outside = [name for name in names if not name.startswith(("peer_agent/", "p2p/protocol/"))]
    assert sorted(outside) == ["p2p/__init__.py", "p2p/py.typed"]
    assert "peer_agent/py.typed" in names
    assert "p2p/protocol/frames.py" in names


def test_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(metadata).decode())
        entry_points = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
        licences = [name for name in archive.namelist() if "licenses/LICENSE" in name]

    assert (said["Name"], said["License-Expression"]) == ("mesa-messenger", "Apache-2.0")
    assert said["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert str(said.get_payload()).startswith((ROOT / "README.md").read_text()[:200])
    assert not any("django" in each.lower() for each in said.get_all("Requires-Dist", []))
    assert "mesa-peer = peer_agent.cli:main" in entry_points
    assert licences


@pytest.mark.timeout(300)
def test_agent_runs_from_its_wheel_without_django(programs: Path, tmp_path: Path) -> None:
    shown = run(programs / "mesa-peer", "--help", folder=tmp_path)
    django = run(programs / "python", "-c", "import django", folder=tmp_path)

    assert shown.returncode == 0, shown.stderr
    assert "forward" in shown.stdout
    assert "ModuleNotFoundError" in django.stderr


@pytest.mark.timeout(300)
def test_program_on_the_wheel_is_type_checked(programs: Path, tmp_path: Path) -> None:
    assert check(programs, tmp_path, bot=BOT.read_text(), program=PROGRAM).startswith("Success")

    wrong = PROGRAM.replace('"hi"', "3").replace("return link", "return link.name")
    said = check(programs, tmp_path, program=wrong)
    assert 'Argument 2 to "send" of "Peer" has incompatible type "int"; expected "str"' in said
    assert '"LinkId" has no attribute "name"' in said or '"bytes" has no attribute "name"' in said


@pytest.mark.timeout(300)
def test_example_bot_runs_on_the_wheel(programs: Path, served: Served, tmp_path: Path) -> None:
    served.change(lambda ada: ada.inbox.take(served.bo.write(ada, "hello")))
    bot = subprocess.Popen(
        [programs / "python", BOT, served.path], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: bot.poll() is not None or answers(served) == ["hello"], limit_s=LIMIT_S)
        assert bot.poll() is None, bot.communicate()[1]
        bot.terminate()
        _, errors = bot.communicate(timeout=LIMIT_S)
    finally:
        bot.kill()
        bot.wait()

    assert (bot.returncode, errors) == (0, "")
    assert answers(served) == ["hello"]


def answers(served: Served) -> list[str]:
    """What ada's device has accepted for bo, read while the bot works on it."""
    store = open_store(served.path, None)
    try:
        books = open_books(store, require_account(store))
        entries = books.history.conversation(books.contacts.require("bo").number)
        return [text_of(each) for each in entries if isinstance(each, Stored) and each.is_outgoing]
    finally:
        store.close()
