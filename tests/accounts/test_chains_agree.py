"""The server and the agent read chains with code of their own, and come to the same end."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings

from accounts import chains as on_server
from accounts.layouts import Refused
from peer_agent.crypto import chain as in_agent
from peer_agent.crypto.errors import CryptoError
from tests.fuzzing import drawings
from tests.peer_agent.crypto.edited_chains import edited_chain
from tests.peer_agent.crypto.histories import Acts, Branch, act_lists, grow


def said(verify: Callable[[Sequence[bytes]], object], chain: Sequence[bytes]) -> object:
    """What a chain is refused for; None: it is good."""
    try:
        verify(chain)
    except Refused as refused:
        return refused.reason
    except CryptoError as error:
        return error.name
    return None


@settings(max_examples=1_000, deadline=None, database=None)
@given(drawings)
def test_chain_with_an_error_is_refused_for_the_same_reason(drawn: bytes) -> None:
    chain = edited_chain(drawn)

    assert said(on_server.verify_chain, chain) == said(in_agent.verify_chain, chain)


@pytest.mark.long
@pytest.mark.timeout(0)
@settings(max_examples=1_000_000, deadline=None, database=None)
@given(drawings)
def test_chain_with_an_error_is_refused_for_the_same_reason_in_a_million_tries(drawn: bytes) -> None:
    chain = edited_chain(drawn)

    assert said(on_server.verify_chain, chain) == said(in_agent.verify_chain, chain)


@settings(max_examples=40, deadline=None)
@given(act_lists, act_lists, act_lists)
def test_verdicts_are_the_same(common: Acts, one: Acts, other: Acts) -> None:
    base = grow(Branch(), common)[-1]
    left, right = grow(base, one)[-1].chain, grow(base, other, pool=20)[-1].chain

    by_server = on_server.judge(on_server.verify_chain(left), on_server.verify_chain(right))
    by_agent = in_agent.judge(in_agent.verify_chain(left), in_agent.verify_chain(right))

    assert by_server.value == by_agent.value
