import re
from pathlib import Path

import pytest

from tests.conventions.sources import ROOT, SERVER, find_files, name_of

LONGEST_TEST = 500
LONGEST = {"*.py": 400, "*.js": 250, "*.css": 250, "*.html": 150}
CODE_FOLDERS = (*SERVER, "peer_agent", "static", "templates")
DRAWERS = re.compile(r"(^|_)(utils?|helpers?|common|manager|misc)$")
# What a peer between the ends is called is "forwarder"; this file has to name what is banned.
BANNED = re.compile(r"(?<![a-z])(relay|node|room)s?(?![a-z])", re.IGNORECASE)
BANNED_ALLOWED = re.compile(r"relay-only|ast\.|isinstance\(node|for node in|\bTURN\b")
# What sets a rule of the linter or of the type checker aside: the code, and what follows it.
SET_ASIDE = re.compile(r"# (?:noqa|type: ignore)(?P<code>: [A-Z]+[0-9]+|\[[a-z-]+\])?(?P<why>.*)")
PRINTERS = ("bench", "peer_agent/cli", "mesa/management")
SELF = Path(__file__)


def hits(pattern: str, folders: tuple[str, ...], glob: str = "*.py") -> list[str]:
    wanted = re.compile(pattern)
    return [
        f"{name_of(path)}:{number}"
        for path in find_files(glob, folders)
        if path != SELF
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if wanted.search(line)
    ]


@pytest.mark.parametrize("pattern", LONGEST)
def test_no_file_is_too_long(pattern: str) -> None:
    folders = (*CODE_FOLDERS, "tests", "bench")

    too_long = [
        name_of(path)
        for path in find_files(pattern, folders)
        if len(path.read_text().splitlines()) > _longest(path, pattern)
    ]

    assert too_long == []


def _longest(path: Path, pattern: str) -> int:
    is_test = path.name.startswith("test_") or path.name.endswith(".test.js")
    return LONGEST_TEST if is_test else LONGEST[pattern]


def test_no_module_is_a_drawer() -> None:
    names = [name_of(path) for path in find_files("*.py") if DRAWERS.search(path.stem)]

    assert names == []


def test_a_word_means_one_thing() -> None:
    found = [
        f"{name_of(path)}:{number}"
        for path in find_files("*.py", (*SERVER, "peer_agent"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BANNED.search(line) and not BANNED_ALLOWED.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("return relay", True),
        ("the node turns", True),
        ("room = 1", True),
        ("a TURN server, never a relay", False),
        ("for node in ast.walk(tree):", False),
    ],
)
def test_word_is_found_beside_any_other(line: str, *, is_found: bool) -> None:
    assert (bool(BANNED.search(line)) and not BANNED_ALLOWED.search(line)) == is_found


def unexplained(lines: list[str]) -> list[int]:
    """Number the lines that set a rule aside without its code, or without a reason there or just above."""
    found, has_reason = [], False
    for number, line in enumerate(lines, 1):
        aside = SET_ASIDE.search(line)
        if aside is None and line.strip():
            has_reason = line.lstrip().startswith("#")
        elif aside and not (aside["code"] and (has_reason or aside["why"].strip(" #-()"))):
            found.append(number)
    return found


def test_every_rule_that_is_set_aside_says_why() -> None:
    found = [
        f"{name_of(path)}:{number}"
        for path in find_files("*.py")
        if path != SELF
        for number in unexplained(path.read_text().splitlines())
    ]

    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = 1  # noqa: S101  the reason", []),
        ("x = 1  # type: ignore[misc]  # the reason", []),
        ("# The reason.\nx = 1  # noqa: S101\ny = 1  # noqa: S101", []),
        ("x = 1  # noqa: S101", [1]),
        ("x = 1  # type: ignore[misc]", [1]),
        ("# The reason.\nx = 1\ny = 1  # noqa: S101", [3]),
        ("x = 1  # noqa  whatever it is", [1]),
    ],
)
def test_rule_that_is_set_aside_in_silence_is_found(text: str, found: list[int]) -> None:
    assert unexplained(text.splitlines()) == found


def test_log_lines_take_arguments() -> None:
    assert hits(r"\b(logger|logging)\.\w+\(\s*f[\"']", (*SERVER, "peer_agent")) == []


def test_nothing_prints_but_the_programs_for_people() -> None:
    found = hits(r"(?<![\w.])print\(", (*SERVER, "peer_agent"))

    assert [hit for hit in found if not hit.startswith(PRINTERS)] == []


def test_tests_do_not_sleep() -> None:
    assert hits(r"\bsleep\(", ("tests",)) == []


def test_no_test_module_is_imported() -> None:
    """What several need stands beside them, in a module with a name of its own."""
    by_path = r"^\s*(from|import)\s+(tests)?\.[\w.]*\btest_\w+"
    by_name = r"^\s*from\s+\S+\s+import\s+test_"

    assert hits(f"{by_path}|{by_name}", ("tests",)) == []


def test_tests_do_not_replace_our_own_functions() -> None:
    assert hits(r"patch\(\s*[\"'](accounts|conversations|mesa|p2p|peer_agent)\b", ("tests",)) == []


def test_consumers_touch_only_the_store() -> None:
    assert (
        hits(r"\.objects\.|\bredis\.asyncio|import redis\b|database_sync_to_async", ("p2p",), "consumers.py")
        == []
    )


def test_lock_files_name_no_index() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))

    assert [lock.name for lock in locks] == ["agent.lock", "dev.lock", "server.lock"]
    assert not any("://" in lock.read_text() or "--index" in lock.read_text() for lock in locks)
