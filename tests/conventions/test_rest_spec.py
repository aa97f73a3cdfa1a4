import re

from django.conf import settings

from mesa.problems import CODES
from tests.conventions.sources import ROOT

PAGE = (ROOT / "docs" / "spec" / "rest.md").read_text()
LIMITS = PAGE.partition("## Limits")[2]
CODE_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \|", re.MULTILINE)


def test_codes_are_those_of_the_spec() -> None:
    specified = {code: int(status) for code, status in CODE_ROW.findall(PAGE)}

    assert specified == {code: status for code, (status, _) in CODES.items()}


def test_limits_are_those_of_the_spec() -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    words = {"min": "a minute", "hour": "an hour"}

    for scope, rate in rates.items():
        count, _, period = rate.partition("/")
        name = "everything else" if scope == "user" else scope
        row = next(
            line for line in LIMITS.splitlines() if line.startswith("|") and name in line.split("|")[1]
        )
        assert f"{count} {words[period]}" in row, scope
