"""Chains that hypothesis grows: what users, thieves of devices and the server's rule can make of one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from peer_agent.crypto.chain import GOOD as GOOD_VERDICTS
from peer_agent.crypto.chain import MAX_DEVICES, judge, verify_chain
from peer_agent.crypto.identity import DeviceKeys, RecoveryKey, Suite, create_device
from peer_agent.crypto.primitives import Ed25519Private
from peer_agent.crypto.statements import (
    BY_RECOVERY,
    AddDevice,
    Change,
    NewRecoveryKey,
    RaiseSuite,
    Recover,
    RemoveDevice,
)

from .chains import FIRST, Chain, Signer, grown, with_suite
from .people import ADA
from .vector_files import Drawn

_POOL = [create_device(Drawn(f"pool {number}")) for number in range(40)]
_CODES = [RecoveryKey(Ed25519Private.generate(Drawn(f"code {number}"))) for number in range(20)]


@dataclass(frozen=True)
class Branch:
    """A chain with the private keys behind it. `step` counts keys, so that none is used a second time."""

    chain: Chain = FIRST
    devices: tuple[DeviceKeys, ...] = (ADA.device,)
    recovery: RecoveryKey = ADA.recovery
    step: int = 0

    def grow(self, change: Change, *signers: Signer, **new: Any) -> "Branch":
        return replace(self, chain=grown(self.chain, change, *signers), step=self.step + 1, **new)


def devices_act(branch: Branch, choice: int, *, pool: int) -> Branch:
    """Something that whoever holds the devices can sign."""
    by = branch.devices[choice % len(branch.devices)]
    newcomer = _POOL[(pool + branch.step) % len(_POOL)]
    entry = verify_chain(branch.chain).device(by.device_id)
    if choice % 3 == 0 and len(branch.devices) > 1:
        left = tuple(device for device in branch.devices if device is not by)
        return branch.grow(RemoveDevice(left[0].device_id, by.device_id), left[0], devices=left)
    if choice % 3 == 1 and entry.suite is Suite.CLASSICAL:
        return branch.grow(RaiseSuite(by.device_id, Suite.HYBRID), by)
    if len(branch.devices) == MAX_DEVICES:
        return branch
    added = AddDevice(by.device_id, with_suite(newcomer, Suite(1 + choice % 2)))
    return branch.grow(added, by, newcomer, devices=(*branch.devices, newcomer))


def recovery_acts(branch: Branch, choice: int, *, pool: int) -> Branch:
    """Something that only the holder of the recovery code can sign."""
    newcomer = _POOL[(pool + branch.step) % len(_POOL)]
    if choice % 3 == 0 and len(branch.devices) > 1:
        *left, gone = branch.devices
        return branch.grow(RemoveDevice(BY_RECOVERY, gone.device_id), branch.recovery, devices=tuple(left))
    if choice % 3 == 1:
        code = _CODES[(pool + branch.step) % len(_CODES)]
        return branch.grow(NewRecoveryKey(code.signing.public), branch.recovery, code, recovery=code)
    return branch.grow(Recover(newcomer.entry), branch.recovery, newcomer, devices=(newcomer,))


choices = st.integers(0, 59)
acts = st.tuples(st.sampled_from([devices_act, devices_act, recovery_acts]), choices)
Acts = list[tuple[Callable[..., Branch], int]]
act_lists: st.SearchStrategy[Acts] = st.lists(acts, max_size=5)


def grow(branch: Branch, drawn: Acts, *, pool: int = 0) -> list[Branch]:
    """All states of a branch while the drawn acts happen, the first one included."""
    states = [branch]
    for act, choice in drawn:
        states.append(act(states[-1], choice, pool=pool))
    return states


@st.composite
def histories(draw: st.DrawFn) -> list[Chain]:
    """What a server holds of one user over time: it appends, and lets recovery overrule devices."""
    states = grow(Branch(), draw(act_lists))
    held = [state.chain for state in states]
    for _ in range(draw(st.integers(0, 3))):
        # Somebody goes on from any state of before, as a client that saw the chain then would.
        start = replace(draw(st.sampled_from(states)), step=states[-1].step)
        after = grow(start, draw(act_lists))[1:]
        for state in after:
            if judge(verify_chain(held[-1]), verify_chain(state.chain)) not in GOOD_VERDICTS:
                break
            states.append(replace(state, step=max(state.step, states[-1].step)))
            held.append(state.chain)
    return held
