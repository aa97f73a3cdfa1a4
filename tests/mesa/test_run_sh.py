"""The script behind `make test`: a tier in which no test was found has not passed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live_tree import ROOT

NO_TESTS = 5
# Stands for the interpreter: ends as pytest would, for the group on other servers and for the one without.
INTERPRETER = """#!/bin/sh
case "$*" in
  *tests.servers*) exit {on_servers} ;;
  *) exit {embedded} ;;
esac
"""


def run_tier(
    directory: Path, tier: str, *, embedded: int, on_servers: int
) -> subprocess.CompletedProcess[str]:
    """Run the script in a copy of its surroundings, where pytest ends with the given codes."""
    programs = {
        "tests/install.sh": "#!/bin/sh\n",
        ".venv/bin/python": INTERPRETER.format(embedded=embedded, on_servers=on_servers),
        "bin/redis-server": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
        (directory / name).chmod(0o700)
    shutil.copy(ROOT / "tests" / "run.sh", directory / "tests")
    return subprocess.run(
        [directory / "tests" / "run.sh", tier],
        env={"PATH": f"{directory}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("tier", "embedded", "on_servers", "code"),
    [
        ("short", 0, 0, 0),
        ("short", NO_TESTS, 0, 1),
        ("short", 0, NO_TESTS, 1),
        ("short", 1, 0, 1),
        ("short", 0, 1, 1),
        ("long", 0, 0, 0),
        # No long test needs other servers than the embedded ones.
        ("long", 0, NO_TESTS, 0),
        ("long", NO_TESTS, 0, 1),
        ("long", 0, 1, 1),
    ],
)
def test_tier_passes_only_with_tests_that_passed(
    tmp_path: Path, tier: str, embedded: int, on_servers: int, code: int
) -> None:
    ended = run_tier(tmp_path, tier, embedded=embedded, on_servers=on_servers)

    assert ended.returncode == code
    assert ("failed   embedded default" in ended.stdout) == (embedded != 0)
