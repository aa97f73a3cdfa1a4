import subprocess
import sys
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

LINT = Path(sys.executable).with_name("lint-imports")


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LINT), "--no-cache", "--config", str(directory / "pyproject.toml")]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_imports_point_one_way() -> None:
    result = lint(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("p2p/protocol/broken.py", "import django"),
        ("p2p/protocol/broken.py", "import asyncio"),
        ("p2p/protocol/broken.py", "import aiortc"),
        ("mesa/broken.py", "import peer_agent"),
        ("p2p/broken.py", "from peer_agent.crypto import onion"),
        ("accounts/broken.py", "import p2p.models"),
        ("accounts/broken.py", "import conversations.apps"),
        ("conversations/broken.py", "import p2p.models"),
        ("peer_agent/broken.py", "import django"),
        ("peer_agent/broken.py", "import p2p.models"),
        ("accounts/broken.py", "import cryptography.fernet"),
        ("peer_agent/broken.py", "import cryptography.hazmat"),
        ("mesa/broken.py", "import bench.bare.server"),
        ("p2p/broken.py", "import tests.factories"),
    ],
)
def test_import_the_wrong_way_is_noticed(project_copy: Path, module: str, line: str) -> None:
    target = project_copy / module
    target.write_text(f'"""Points the wrong way."""\n\n{line}\n')

    result = lint(project_copy)
    target.unlink()

    assert result.returncode == 1
    assert "BROKEN" in result.stdout
