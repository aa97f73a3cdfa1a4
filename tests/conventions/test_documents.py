"""What the documents point at exists: links, headings, tests, make targets, spec sections, risks, words."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PACKAGES = ("accounts", "bench", "conversations", "mesa", "p2p", "peer_agent", "tests")
CODE = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
EXPORTED = re.compile(r"^export (?:async )?function (\w+)", re.MULTILINE)
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def text_of(path: str | Path) -> str:
    return (ROOT / path).read_text()


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)


def anchor(heading: str) -> str:
    """The name under which a heading can be linked to."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@cache
def functions_in(path: Path) -> set[str]:
    if path.suffix == ".js":
        return set(EXPORTED.findall(path.read_text()))
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if "://" in target:
            continue
        name, _, section = target.partition("#")
        page = document.parent / name if name else document

        assert page.exists(), f"{target} does not exist"
        assert not section or section in map(anchor, headings(page)), f"{target}: no such heading"


@each_document
def test_tests_that_documents_name_exist(document: Path) -> None:
    for name, test in re.findall(r"`(tests/[\w/.-]+?)(?:::(\w+))?`", prose(document)):
        path = ROOT / name

        assert path.exists(), f"{name} does not exist"
        assert not test or test in functions_in(path), f"{name} has no {test}"


@each_document
def test_files_that_documents_name_exist(document: Path) -> None:
    for name in re.findall(r"`((?:docs|docker|p2p|peer_agent|accounts|mesa)/[\w/.-]+)`", prose(document)):
        assert (ROOT / name).exists(), f"{name} does not exist"


@each_document
def test_make_targets_that_documents_name_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:`|\$ )make ([a-z][a-z -]*)", document.read_text())

    assert {target for line in named for target in line.split()} <= targets


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_spec_pages_that_code_names_exist(path: Path) -> None:
    for page, section in re.findall(
        r"(docs/spec/[\w-]+\.md)(?:,\s+section\s+\"([^\"]+)\")?", path.read_text()
    ):
        assert (ROOT / page).exists(), f"{page} does not exist"
        assert not section or has_section(ROOT / page, section), f'{page} has no section "{section}"'


def has_section(page: Path, section: str) -> bool:
    """Whether a heading begins with these words, or a paragraph does in bold."""
    begins = any(heading.startswith(section) for heading in headings(page))
    return begins or re.search(rf"\*\*{re.escape(section)}\.?\*\*", page.read_text()) is not None


def test_every_spec_page_is_in_the_index_and_the_other_way_round() -> None:
    index = re.findall(r"\]\(([\w-]+)\.md\)", text_of("docs/spec/README.md"))

    assert sorted(index) == sorted(
        page.stem for page in (ROOT / "docs/spec").glob("*.md") if page.stem != "README"
    )


def test_every_vector_file_belongs_to_a_page_that_names_it() -> None:
    for path in (ROOT / "docs/spec/vectors").glob("*.json"):
        assert f"{path.name}`" in text_of(f"docs/spec/{path.stem}.md")


def test_every_decision_is_in_the_list() -> None:
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", text_of("docs/decisions/README.md"))

    assert listed == sorted(path.name for path in (ROOT / "docs/decisions").glob("0*.md"))


@pytest.mark.parametrize("path", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_every_decision_has_its_number_and_its_three_parts(path: Path) -> None:
    parts = [heading for heading in re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)]

    assert path.read_text().startswith(f"# {path.name[:4]}: ")
    assert parts == ["Context", "Decision", "Consequences"]
    assert "\nStatus: " in path.read_text()


def test_every_word_of_the_glossary_is_there_once() -> None:
    words = [
        word.lower()
        for word in re.findall(r"^\| \*\*(.+?)\*\* \|", text_of("docs/glossary.md"), re.MULTILINE)
    ]

    assert len(words) > 50
    assert len(set(words)) == len(words)


def test_risks_are_numbered_without_gaps_and_every_cited_one_exists() -> None:
    model = text_of("docs/threat-model.md")
    numbers = re.findall(r"^\| (T-\d\d) \|", model, re.MULTILINE)
    cited = {risk for path in [*DOCUMENTS, *CODE] for risk in re.findall(r"\bT-\d\d\b", path.read_text())}

    assert numbers == [f"T-{number:02}" for number in range(1, len(numbers) + 1)]
    assert cited <= set(numbers)


def test_every_risk_has_a_known_status() -> None:
    rows = re.findall(r"^\| T-\d\d \|.*$", text_of("docs/threat-model.md"), re.MULTILINE)

    assert {row.split("|")[3].strip() for row in rows} <= {"open", "partly", "mitigated"}


def test_every_promise_of_the_readme_names_its_test() -> None:
    promises = text_of("README.md").split("| promise | tested by |")[1].split("\n\n")[0]
    rows = [row for row in promises.splitlines() if row.startswith("| ") and not row.startswith("|--")]

    assert rows
    assert [row for row in rows if "`tests/" not in row or "no test" in row] == []


def test_every_invariant_names_its_test() -> None:
    rows = re.findall(r"^\| \d \|.*$", text_of("ARCHITECTURE.md"), re.MULTILINE)

    assert len(rows) == 8
    assert [row for row in rows if "`tests/" not in row or "no test" in row] == []


@pytest.mark.parametrize(
    "word", ["anonymous", "untraceable", "unbreakable", "military", "100 %", "guarantee"]
)
def test_documents_make_no_large_claims(word: str) -> None:
    for document in DOCUMENTS:
        assert word not in document.read_text().lower(), f"{document.name} says {word}"


def test_version_of_the_package_is_the_newest_in_the_changelog() -> None:
    versions = re.findall(r"^## (\d+)\.(\d+)\.(\d+)$", text_of("CHANGELOG.md"), re.MULTILINE)

    assert versions
    assert versions == sorted(versions, key=lambda parts: [int(part) for part in parts], reverse=True)
