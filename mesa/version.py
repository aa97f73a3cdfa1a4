"""The release this checkout is, read from the one place that says so."""

import re
from functools import lru_cache
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
RELEASE = re.compile(r"^## \[?(\d+\.\d+\.\d+)", re.MULTILINE)


@lru_cache
def version() -> str:
    """Read the newest release of the change log.

    Raises:
        ValueError: the change log names no release.
    """
    found = RELEASE.search(CHANGELOG.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError("CHANGELOG.md names no release")
    return found[1]
