import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

INSTALL = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")


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


def test_wheel_holds_the_agent_and_the_protocol_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]

    outside = [name for name in names if not name.startswith(("peer_agent/", "p2p/protocol/"))]
    assert outside == ["p2p/__init__.py"]
    assert "peer_agent/py.typed" in names
    assert "p2p/protocol/frames.py" in names


@pytest.mark.timeout(300)
def test_agent_runs_from_its_wheel_without_django(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    lock = str(ROOT / "requirements" / "agent.lock")
    subprocess.run([python, *INSTALL, "--require-hashes", "-r", lock], check=True)
    subprocess.run([python, *INSTALL, str(wheel)], check=True)

    shown = subprocess.run(
        [str(tmp_path / "venv" / "bin" / "mesa-peer"), "--help"], cwd=tmp_path, capture_output=True, text=True
    )
    django = subprocess.run([python, "-c", "import django"], cwd=tmp_path, capture_output=True, text=True)

    assert shown.returncode == 0, shown.stderr
    assert "forward" in shown.stdout
    assert "ModuleNotFoundError" in django.stderr
