"""What holds of the verdict over two chains, whatever their users and thieves did."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from peer_agent.crypto.chain import GOOD, Verdict, judge, verify_chain
from peer_agent.crypto.statements import is_by_recovery

from .chains import Chain
from .histories import Acts, Branch, act_lists, choices, devices_act, grow, histories

some = settings(max_examples=50)
REVERSED = {
    Verdict.SAME: {Verdict.SAME},
    Verdict.EXTENDED: {Verdict.ROLLED_BACK},
    Verdict.RECOVERED: {Verdict.ROLLED_BACK},
    Verdict.ROLLED_BACK: {Verdict.EXTENDED, Verdict.RECOVERED},
    Verdict.CHANGED: {Verdict.CHANGED},
}


def verdict(pinned: Chain, shown: Chain) -> Verdict:
    return judge(verify_chain(pinned), verify_chain(shown))


@some
@given(histories())
def test_who_missed_any_part_of_an_honest_history_can_go_on(held: list[Chain]) -> None:
    read = [verify_chain(chain) for chain in held]

    for earlier, later in combinations(read, 2):
        assert judge(earlier, later) in GOOD
        assert judge(later, earlier) in {Verdict.SAME, Verdict.ROLLED_BACK}


@some
@given(act_lists, act_lists, act_lists)
def test_verdict_the_other_way_round_follows(common: Acts, one: Acts, other: Acts) -> None:
    base = grow(Branch(), common)[-1]
    left, right = grow(base, one)[-1].chain, grow(base, other, pool=20)[-1].chain

    assert verdict(right, left) in REVERSED[verdict(left, right)]


@some
@given(act_lists, st.data())
def test_no_good_chain_leaves_out_a_statement_by_recovery(acts: Acts, data: st.DataObject) -> None:
    states = grow(Branch(), acts)
    pinned = states[-1].chain
    start = data.draw(st.sampled_from(states))
    shown = grow(start, data.draw(act_lists), pool=20)[-1].chain

    if verdict(pinned, shown) in GOOD:
        assert [each for each in pinned[1:] if is_by_recovery(each)] == [
            each for each in pinned[1:] if is_by_recovery(each) and each in shown
        ]


@some
@given(act_lists, st.data(), st.lists(choices, min_size=1, max_size=4))
def test_who_has_the_devices_only_can_do_nothing_but_append(
    acts: Acts, data: st.DataObject, drawn: list[int]
) -> None:
    states = grow(Branch(), acts)
    pinned = states[-1].chain
    stolen = data.draw(st.sampled_from(states))
    shown = grow(stolen, [(devices_act, choice) for choice in drawn], pool=20)[-1].chain

    if verdict(pinned, shown) in GOOD:
        assert shown[: len(pinned)] == pinned
