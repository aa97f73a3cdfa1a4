"""The page and the agent read chains with code of their own, and come to the same end."""

import random
from collections import Counter
from collections.abc import Sequence

from playwright.sync_api import Page

from peer_agent.crypto.chain import Verdict, judge, verify_chain
from peer_agent.crypto.errors import CryptoError
from tests.fuzzing import DRAWN_BYTES
from tests.peer_agent.crypto.edited_chains import PREFIXES, edited_chain
from tests.peer_agent.crypto.vector_files import load

EDITED = 2_000
ASK = """async ([name, chains]) => (await import("/tests/js/crypto/judging.js"))[name](chains)"""

Chain = Sequence[bytes]


def outcome(chain: Chain) -> str:
    """What the agent refuses a chain for."""
    try:
        verify_chain(chain)
    except CryptoError as error:
        return error.name
    return "ok"


def ask(page: Page, name: str, chains: Sequence[Chain]) -> object:
    return page.evaluate(ASK, [name, [[statement.hex() for statement in chain] for chain in chains]])


def test_chain_with_an_error_is_refused_for_the_same_reason(module_page: Page) -> None:
    draw = random.Random(4)
    chains = [edited_chain(draw.randbytes(DRAWN_BYTES)) for _ in range(EDITED)]
    in_agent = [outcome(chain) for chain in chains]

    assert ask(module_page, "outcomesOf", chains) == in_agent
    assert len(Counter(in_agent)) > 6


def test_verdicts_are_the_same(module_page: Page) -> None:
    cases = load("identity", "judge")
    named = {tuple(case[side]) for case in cases for side in ("pinned", "shown")}
    chains = [*PREFIXES, *([bytes.fromhex(statement) for statement in chain] for chain in sorted(named))]
    read = [verify_chain(chain) for chain in chains]
    in_agent = [[judge(pinned, shown).value for shown in read] for pinned in read]

    assert ask(module_page, "verdictsOn", chains) == in_agent
    assert {verdict for row in in_agent for verdict in row} == set(Verdict)
