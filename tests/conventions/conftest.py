"""A copy of the project that a test may break."""

import shutil
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT

COPIED = ("accounts", "conversations", "mesa", "p2p", "peer_agent")


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("project")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "CHANGELOG.md", "LICENSE", "README.md"):
        shutil.copy(ROOT / file, copy / file)
    return copy
