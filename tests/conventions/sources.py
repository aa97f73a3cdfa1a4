"""The project's own files, for tests that read them."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ("accounts", "bench", "conversations", "mesa", "p2p", "peer_agent", "requirements", "tests")
SERVER = ("accounts", "conversations", "mesa", "p2p")


def find_files(pattern: str, folders: tuple[str, ...] = PYTHON) -> Iterator[Path]:
    """Find files by pattern; made and foreign ones are left out."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(pattern)):
            if not {"__pycache__", "migrations", "node_modules", "vendor"} & set(path.parts):
                yield path


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))
