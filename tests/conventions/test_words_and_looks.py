"""Every text and every class of the pages is used, and what they use is there."""

import json
import re
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
APP = ROOT / "static" / "mesa"
# The operators' pages have the looks of Django's.
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*.html")) if "admin" not in path.parts]
SCRIPTS = sorted(APP.rglob("*.js"))
STYLES = sorted((APP / "css").glob("*.css"))
TEXTS: Final[dict[str, str]] = json.loads((APP / "i18n" / "en.json").read_text())
PLURAL = re.compile(r"\.(?:one|other)$")
# The beginning of a key whose end is computed: `state.waiting_${…}`.
BEGINNING = re.compile(r"`([a-z]+\.[a-z_]*)\$\{")
REFUSAL = re.compile(r"new (?:Refused|UsageError|ContactBlocked|LoginRefused)\(([^;]*?)\)")
# `ended` is said as not_authenticated; of guards no page asks anything.
NOT_SAID = {"ended", "no_guard"}


def together(paths: list[Path]) -> str:
    return "\n".join(path.read_text() for path in paths)


def classes_with_rules() -> set[str]:
    rules = re.sub(r"/\*.*?\*/", "", together(STYLES), flags=re.DOTALL)
    return set(re.findall(r"\.([a-z][\w-]*)", rules))


def classes_in_templates() -> set[str]:
    plain = re.sub(r"{%.*?%}|{{.*?}}", " ", together(TEMPLATES))
    return {each for found in re.findall(r'class="([^"]*)"', plain) for each in found.split()}


def is_used(name: str, places: str) -> bool:
    # The end of a class may be computed: `message__state--${look}`.
    computed = name.rpartition("--")[0] + "--${"
    return re.search(rf"(?<![\w-]){name}(?![\w-])", places) is not None or computed in places


def test_every_text_is_said_somewhere() -> None:
    scripts = together(SCRIPTS)
    computed = tuple(BEGINNING.findall(scripts))

    keys = {PLURAL.sub("", key) for key in TEXTS}

    assert [key for key in sorted(keys) if f'"{key}"' not in scripts and not key.startswith(computed)] == []


def test_every_refusal_that_a_page_may_show_has_words() -> None:
    peer = together(sorted((APP / "peer").glob("*.js")))

    codes = {code for found in REFUSAL.findall(peer) for code in re.findall(r'"(\w+)"', found)}

    assert len(codes) > len(NOT_SAID)
    assert [code for code in sorted(codes - NOT_SAID) if f"problem.{code}" not in TEXTS] == []


def test_every_rule_is_for_something_on_a_page() -> None:
    places = together(TEMPLATES + SCRIPTS)

    assert [name for name in sorted(classes_with_rules()) if not is_used(name, places)] == []


def test_every_class_on_a_page_has_a_rule() -> None:
    assert sorted(classes_in_templates() - classes_with_rules()) == []


def test_every_token_is_used_and_every_used_one_is_there() -> None:
    styles = together(STYLES)

    named = set(re.findall(r"^\s*(--[\w-]+):", styles, re.MULTILINE))

    assert set(re.findall(r"var\((--[\w-]+)\)", styles)) == named
