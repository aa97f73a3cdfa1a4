"""Whether this device may be reached through TURN servers alone: the user's `--relay-only`.

Kept with its state, so that a run without the option does not show the address that earlier ones hid.
Spec: docs/spec/agent.md, section "Through TURN alone"
"""

from peer_agent.store import Store

SETTING = "turn_only"
YES = b"\x01"


def is_turn_only(store: Store) -> bool:
    """Tell what the user chose last; a device begins without it."""
    return store.setting(SETTING) is not None


def choose_turn_only(store: Store, wanted: bool | None) -> None:
    """Keep the user's choice; None leaves it as it is."""
    if wanted is not None:
        store.set_setting(SETTING, YES if wanted else None)
