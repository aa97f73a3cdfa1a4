"""What would break a promise at run time stops the start; what an operator should mend is said.

As system checks (`manage.py check --deploy`), at the start of `mesa_up`, and in the operator's overview. Each
warning says in its hint how it is mended.
"""

import ipaddress
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
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
# Deadlines are told to the tenth of a second, presence to some seconds.
CLOCK_TOLERANCE_S = 2.0

Check = Callable[[Sequence[Any] | None], list[CheckMessage]]


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


@register(deploy=True)
def check_turn_servers(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    if not _is_public() or any(map(is_turn, settings.ICE_SERVERS)):
        return []
    return _warn(
        "W001",
        "No TURN server is named: peers behind strict NAT reach nobody, and nobody can be relay-only.",
        "Run coturn with docker/coturn/turnserver.conf, then set MESA_ICE_SERVERS and MESA_TURN_SECRET.",
    )


@register(deploy=True)
def check_proxies(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    if settings.HTTPS and not settings.TRUSTED_PROXIES:
        return _warn(
            "W002",
            "No proxy is trusted: all users seem to come from its address, and share its limits and network.",
            "Set MESA_TRUSTED_PROXIES to the networks from which your proxy reaches this server.",
        )
    if any(ipaddress.ip_network(each, strict=False).prefixlen == 0 for each in settings.TRUSTED_PROXIES):
        return _warn(
            "W003",
            "Everybody is trusted as a proxy: whoever likes writes the address that limits and paths go by.",
            "Set MESA_TRUSTED_PROXIES to the networks of your own proxy alone.",
        )
    return []


@register(deploy=True)
def check_https(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    is_plain = any(
        urlsplit(origin).scheme == "http" and not _is_local(urlsplit(origin).hostname or "")
        for origin in settings.ALLOWED_ORIGINS
    )
    if not is_plain and (settings.HTTPS or not _is_public()):
        return []
    return _warn(
        "W004",
        "The server is reached without https: passwords and logins can be read on the way.",
        "Put a proxy with a certificate before it, set MESA_HTTPS=yes, and name https:// in "
        "MESA_ALLOWED_ORIGINS.",
    )


@register(deploy=True)
def check_debug(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    return _warn(
        "W005",
        "DEBUG is on: pages of errors show settings and what requests held.",
        "Run with mesa.settings, where it is off.",
    )


@register(STORE_TAG, deploy=True)
def check_memory(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """Look for a limit on the memory of a store that the operator runs; Mesa's own has the machine's."""
    if settings.EMBEDDED_STORE:
        return []
    try:
        limit = store.client().config_get("maxmemory").get("maxmemory")
    except (*STORE_DOWN, ResponseError):
        # The first is an error of its own, in the second case the operator vouches.
        return []
    if limit != "0":
        return []
    return _warn(
        "W006",
        "The store has no memory limit: when memory runs out, the system kills it, or something else.",
        "Set maxmemory in its configuration, with maxmemory-policy noeviction: it then refuses what is new.",
    )


@register(STORE_TAG, deploy=True)
def check_clock(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    try:
        seconds, microseconds = store.client().time()
    except STORE_DOWN:
        return []
    apart_s = abs(time.time() - (seconds + microseconds / 1e6))
    if apart_s <= CLOCK_TOLERANCE_S:
        return []
    return _warn(
        "W007",
        f"The clocks of this machine and of the store are {apart_s:.0f} s apart: deadlines come wrong.",
        "Run a time service (chrony, systemd-timesyncd) on both machines.",
    )


ALL: Final[Sequence[Check]] = (
    *(check_secret_key, check_turn_secret, check_store),
    *(check_turn_servers, check_proxies, check_https, check_debug, check_memory, check_clock),
)


def find_warnings() -> list[CheckMessage]:
    """Run all checks of this module."""
    return [message for check in ALL for message in check(None)]


def _warn(number: str, why: str, mended_by: str) -> list[CheckMessage]:
    return [Warning(why, hint=mended_by, id=f"mesa.{number}")]


def _is_public() -> bool:
    """Tell whether the server can be called by another name than this machine's own."""
    return not all(map(_is_local, settings.ALLOWED_HOSTS))


def _is_local(host: str) -> bool:
    name = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
