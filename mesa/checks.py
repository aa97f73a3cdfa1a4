"""What would break a promise at run time stops the start: as system checks, and in the processes."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from redis.exceptions import ResponseError

from mesa import store
from mesa.outages import STORE_DOWN
from p2p.protocol.ice_urls import is_turn

logger = logging.getLogger(__name__)

STORE_TAG = "store"
SECRET_CHARACTERS = 40
# What it holds must not outlive its minute on a disk (invariant 7), nor go before its time.
STORE_SETTINGS: Final[Mapping[str, str]] = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
WRONG_SETUP = 2
# Store and server may be started together.
STORE_LIMIT_S = 30.0
LOOK_EVERY_S = 0.5


class StoreUnfit(Exception):
    """The store does not answer, keeps or drops what it must not, or does not tell; the message says so."""


@register(deploy=True)
def check_secret_key(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    if len(settings.SECRET_KEY) >= SECRET_CHARACTERS:
        return []
    return [Error(f"MESA_SECRET_KEY needs at least {SECRET_CHARACTERS} characters", id="mesa.E001")]


@register(deploy=True)
def check_turn_secret(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Who has the secret can use the TURN servers for anything: it must not be one to be guessed."""
    if len(settings.TURN_SECRET) >= SECRET_CHARACTERS or not any(map(is_turn, settings.ICE_SERVERS)):
        return []
    why = f"MESA_TURN_SECRET needs at least {SECRET_CHARACTERS} characters for the TURN server that is named"
    return [Error(why, id="mesa.E003")]


@register(STORE_TAG, deploy=True)
def check_store(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    try:
        require_fit_store(limit_s=0)
    except StoreUnfit as error:
        return [Error(str(error), id="mesa.E002")]
    return []


def store_faults() -> list[str]:
    """List the settings that the store should run with and does not, as far as it tells.

    Raises:
        StoreUnfit: it tells not all of them, and the operator does not vouch for it.
    """
    try:
        found: Mapping[str, str] = store.client().config_get(*STORE_SETTINGS)
    except ResponseError:
        # Hosted stores know no CONFIG, or refuse it.
        found = {}
    if not found.keys() >= STORE_SETTINGS.keys() and not settings.STORE_VOUCHED:
        raise StoreUnfit(
            f"the store does not tell its settings: see to it that it runs with {_list(STORE_SETTINGS)}, "
            "then set MESA_STORE_VOUCHED=yes"
        )
    return [name for name, value in STORE_SETTINGS.items() if found.get(name, value) != value]


def require_fit_store(*, limit_s: float) -> None:
    """Wait until the store answers, and see that it keeps nothing and drops nothing.

    Raises:
        StoreUnfit: it does not answer within the limit, has a fault, or does not tell.
    """
    ends_at = time.monotonic() + limit_s
    while True:
        try:
            faults = store_faults()
            break
        except STORE_DOWN as error:
            if time.monotonic() >= ends_at:
                raise StoreUnfit(f"the store does not answer: {type(error).__name__}") from error
        time.sleep(LOOK_EVERY_S)
    if faults:
        raise StoreUnfit(f"the store must run with {_list({name: STORE_SETTINGS[name] for name in faults})}")


def refuse_unfit_store() -> None:
    """End this process with one line and WRONG_SETUP when its store is unfit: for web server and worker."""
    try:
        require_fit_store(limit_s=STORE_LIMIT_S)
    except StoreUnfit as error:
        logger.critical("not started: %s", error)
        raise SystemExit(WRONG_SETUP) from None


def _list(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{name} '{value}'" for name, value in wanted.items())
