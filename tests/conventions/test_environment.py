import ast
import re
from pathlib import Path

from tests.conventions.sources import ROOT, SERVER, find_files, name_of

READERS = {"text", "flag", "choice", "integer", "words", "path", "url", "database"}
# These two hand the environment on to children; they read nothing from it.
MAY_TOUCH = {"mesa/env.py", "mesa/celery.py", "mesa/asgi.py", "mesa/management/commands/mesa_up.py"}


def read_variables(source: Path) -> set[str]:
    """Names that the settings ask `env` for, also in branches that this run does not take."""
    calls = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr in READERS) == ("env", True)
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_example_lists_exactly_the_variables_that_are_read() -> None:
    example = (ROOT / "docker" / "env.example").read_text()

    listed = re.findall(r"^#?(MESA_[A-Z_]+)=", example, re.MULTILINE)

    assert sorted(listed) == sorted(read_variables(ROOT / "mesa" / "settings.py"))


def test_example_explains_each_variable_and_sets_none() -> None:
    lines = (ROOT / "docker" / "env.example").read_text().splitlines()

    assert all(not line or line.startswith("#") for line in lines)


def test_only_the_settings_read_the_environment() -> None:
    touching = {
        name_of(path)
        for path in find_files("*.py", SERVER)
        if re.search(r"\benviron\b|\bgetenv\b", path.read_text())
    }

    assert {name for name in touching - MAY_TOUCH if not name.startswith("mesa/demo/")} == set()


def test_test_settings_override_at_most_ten_values() -> None:
    tree = ast.parse((ROOT / "tests" / "settings.py").read_text())

    assert sum(isinstance(node, ast.Assign) for node in ast.walk(tree)) <= 10
