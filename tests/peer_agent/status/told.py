"""What `mesa-peer status` told. Spec: docs/spec/agent.md, section "Status"."""

import json
from typing import Any

import pytest

from peer_agent import cli
from peer_agent.crypto.messages import Text
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device
from tests.peer_agent.served import Served

PAGE = (ROOT / "docs/spec/agent.md").read_text().split("\n## Status\n")[1].split("\n## ")[0]


class Told:
    """What one run of `status` told: as sentences, or as data."""

    def __init__(self, served: Served, capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ["--state", str(served.path), "status"]
        self.code = cli.main(arguments)
        self.text = capsys.readouterr().out
        assert cli.main([*arguments, "--json"]) == self.code
        self.lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        self.found: dict[str, dict[str, Any]] = {each["about"]: each for each in self.lines[0]["findings"]}

    def says(self, about: str, *words: str) -> dict[str, Any]:
        """The values of a subject that is not good, and says so in these words, to people, too."""
        finding = self.found[about]
        assert not finding["good"]
        assert finding["help"]
        assert all(word in finding["why"] for word in words), finding["why"]
        assert f"! {finding['why']}\n    {finding['help']}" in self.text
        values: dict[str, Any] = finding["values"]
        return values


def write_to_bo(ada: Device) -> None:
    number = ada.books.contacts.require("bo").number
    with ada.store.transaction():
        ada.books.history.write(number, Text("hi"), now_ms=ada.time.clock().unix_ms())
