"""System checks: what would break a promise at run time is said at the start."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from mesa import store

STORE_TAG = "store"
SECRET_CHARACTERS = 40


@register(deploy=True)
def check_secret_key(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    if len(settings.SECRET_KEY) >= SECRET_CHARACTERS:
        return []
    return [Error(f"MESA_SECRET_KEY needs at least {SECRET_CHARACTERS} characters", id="mesa.E001")]


@register(STORE_TAG, deploy=True)
def check_store(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Warn when the store writes to a disk, where a path would outlive its minute, or evicts keys."""
    try:
        wrong = store_faults()
    except store.StoreError:
        return [Error("the store does not answer", id="mesa.E002")]
    return [Warning(f"the store must run with {fault}", id="mesa.W001") for fault in wrong]


def store_faults() -> list[str]:
    """List the settings that the store should run with and does not (invariant 7)."""
    wanted = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
    found = store.client().config_get(*wanted)
    return [f"{name} '{value}'" for name, value in wanted.items() if found.get(name) != value]
