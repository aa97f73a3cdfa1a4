"""The server and the agent read chains with code of their own, and come to the same end."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings

from accounts import chains as on_server
from accounts.layouts import Refused
from peer_agent.crypto import chain as in_agent
from peer_agent.crypto.errors import CryptoError
from tests.fuzz_cases import Fuzz, fuzzed

from .chains import Chain
from .edited_chains import edited_chain
from .histories import Acts, Branch, act_lists, grow


def said(verify: Callable[[Sequence[bytes]], object], chain: Sequence[bytes]) -> object:
    """What a chain is refused for; None: it is good."""
    try:
        verify(chain)
    except Refused as refused:
        return refused.reason
    except CryptoError as error:
        return error.name
    return None


def check(chain: Chain) -> None:
    assert said(on_server.verify_chain, chain) == said(in_agent.verify_chain, chain)


# Both readers check all signatures.
CASES = {"edited": Fuzz(edited_chain, check, 1_000)}


@fuzzed(CASES)
def test_chain_with_an_error_is_refused_for_the_same_reason(case: Fuzz) -> None:
    case.run()


@settings(max_examples=40)
@given(act_lists, act_lists, act_lists)
def test_verdicts_are_the_same(common: Acts, one: Acts, other: Acts) -> None:
    base = grow(Branch(), common)[-1]
    left, right = grow(base, one)[-1].chain, grow(base, other, pool=20)[-1].chain

    by_server = on_server.judge(on_server.verify_chain(left), on_server.verify_chain(right))
    by_agent = in_agent.judge(in_agent.verify_chain(left), in_agent.verify_chain(right))

    assert by_server.value == by_agent.value
