"""The script behind `make test`: a tier in which no test was found has not passed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.chromium import PROGRAM
from tests.live_tree import ROOT

NO_TESTS = 5
# Stands for the interpreter: ends as pytest would, for each group, and says whether there can be a NAT lab.
INTERPRETER = """#!/bin/sh
case "$*" in
  *tests.servers*) echo 'one passed'; exit {on_servers} ;;
  *tests.nat.lab*) echo '{no_lab}' ;;
  *'-m nat and'*) exit {nat} ;;
  *' tests/browser '*) exit {browser} ;;
  *) echo '{said}'; exit {embedded} ;;
esac
"""


def run_tier(
    directory: Path,
    tier: str,
    *,
    embedded: int = 0,
    on_servers: int = 0,
    nat: int = 0,
    browser: int = 0,
    no_lab: str = "",
    said: str = "",
    more: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the script in a copy of its surroundings, where pytest ends with the given codes."""
    programs = {
        "tests/install.sh": "#!/bin/sh\n",
        ".venv/bin/python": INTERPRETER.format(
            embedded=embedded, on_servers=on_servers, nat=nat, browser=browser, no_lab=no_lab, said=said
        ),
        "bin/redis-server": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
        (directory / name).chmod(0o700)
    shutil.copy(ROOT / "tests" / "run.sh", directory / "tests")
    return subprocess.run(
        [directory / "tests" / "run.sh", tier],
        env={"PATH": f"{directory}/bin:{os.environ['PATH']}", **(more or {})},
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
        ("long", 0, NO_TESTS, 1),
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


@pytest.mark.parametrize(("nat", "code"), [(0, 0), (1, 1), (NO_TESTS, 1)])
@pytest.mark.parametrize("tier", ["short", "long"])
def test_nat_lab_is_a_group_of_its_own(tmp_path: Path, tier: str, nat: int, code: int) -> None:
    ended = run_tier(tmp_path, tier, nat=nat)

    assert ended.returncode == code
    assert ("failed   NAT lab" in ended.stdout) == (code != 0)


@pytest.mark.skipif(not PROGRAM.exists(), reason="the group is skipped without Chromium")
@pytest.mark.parametrize(("browser", "code"), [(0, 0), (1, 1), (NO_TESTS, 1)])
@pytest.mark.parametrize("tier", ["short", "long"])
def test_what_needs_a_browser_is_a_group_of_its_own(
    tmp_path: Path, tier: str, browser: int, code: int
) -> None:
    ended = run_tier(tmp_path, tier, browser=browser)

    assert ended.returncode == code
    assert ("failed   browser" in ended.stdout) == (code != 0)


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_lab_that_can_not_be_is_named_and_fails_in_ci_only(
    tmp_path: Path, environment: dict[str, str], code: int
) -> None:
    ended = run_tier(tmp_path, "short", nat=1, no_lab="needs root", more=environment)

    assert "skipped  NAT lab: it needs root." in ended.stdout
    assert "failed   NAT lab" not in ended.stdout
    assert ended.returncode == code


@pytest.mark.parametrize("tier", ["short", "long"])
def test_skipped_tests_are_told_again_at_the_end(tmp_path: Path, tier: str) -> None:
    ended = run_tier(tmp_path, tier, said="SKIPPED [2] tests/test_disk.py:3: no space | here")

    last = ended.stdout.rpartition("\n\n")[2].splitlines()
    assert "skipped  embedded default, the rest: [2] tests/test_disk.py:3: no space | here" in last
    assert ended.returncode == 0


def test_long_tier_shows_each_line_under_the_name_of_its_group(tmp_path: Path) -> None:
    ended = run_tier(tmp_path, "long")

    assert re.search("^(postgresql )?redis: one passed$", ended.stdout, re.MULTILINE)
