"""The server and the agent read chains with code of their own, and come to the same end."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings

from accounts import chains as on_server
from accounts.layouts import Refused
from peer_agent.crypto import chain as in_agent
from peer_agent.crypto.errors import CryptoError
from tests.fuzzing import LONG, drawings, fuzz

from .edited_chains import edited_chain
from .histories import Acts, Branch, act_lists, grow

SHORT = 1_000


def said(verify: Callable[[Sequence[bytes]], object], chain: Sequence[bytes]) -> object:
    """What a chain is refused for; None: it is good."""
    try:
        verify(chain)
    except Refused as refused:
        return refused.reason
    except CryptoError as error:
        return error.name
    return None


def check_edited(drawn: bytes) -> None:
    chain = edited_chain(drawn)

    assert said(on_server.verify_chain, chain) == said(in_agent.verify_chain, chain)


def test_chain_with_an_error_is_refused_for_the_same_reason() -> None:
    fuzz(check_edited, drawings, tries=SHORT)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_chain_with_an_error_is_refused_for_the_same_reason_in_a_million_tries() -> None:
    fuzz(check_edited, drawings, tries=LONG)


@settings(max_examples=40, deadline=None)
@given(act_lists, act_lists, act_lists)
def test_verdicts_are_the_same(common: Acts, one: Acts, other: Acts) -> None:
    base = grow(Branch(), common)[-1]
    left, right = grow(base, one)[-1].chain, grow(base, other, pool=20)[-1].chain

    by_server = on_server.judge(on_server.verify_chain(left), on_server.verify_chain(right))
    by_agent = in_agent.judge(in_agent.verify_chain(left), in_agent.verify_chain(right))

    assert by_server.value == by_agent.value
