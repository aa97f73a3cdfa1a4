"""Rate limits, counted in the store: one step there per request, so parallel requests can not slip through.

A limit of N per period lets N come at once and then one each period/N. The store keeps one time per caller
and scope, under a keyed digest. When the store is down nobody is let through (503).

Spec: docs/spec/rest.md, section "Limits"
"""

import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from mesa import addresses, store

if TYPE_CHECKING:
    # At run time it imports this module, by the name in the settings.
    from rest_framework.views import APIView

EVERYTHING_ELSE = "user"
PERIODS_S = {"second": 1, "min": 60, "hour": 3_600, "day": 86_400}

# The time at which the caller's allowance would be whole again moves ahead with each request, by at most one
# period.
TAKE = store.script(
    "throttle_take",
    """
    local now, step, period = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + step
    if whole - now > period + 0.001 then return tostring(whole - now - period) end
    redis.call('SET', KEYS[1], string.format('%.6f', whole), 'PX', math.ceil(period * 1000))
    return '0'
    """,
)


def take(scope: str, ident: str) -> float:
    """Take one request from an allowance; 0, or the seconds to wait when it is used up."""
    count, _, period = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"][scope].partition("/")
    period_s = PERIODS_S[period]
    name = salted_hmac(f"mesa/throttle/{scope}", ident, algorithm="sha256").hexdigest()[:32]
    now = f"{time.time():.6f}"
    return float(TAKE.run([store.key("throttle", scope, name)], [now, period_s / int(count), period_s]))


class ScopedThrottle(BaseThrottle):
    """Limits by the view's `throttle_scope`, else by `user`: per user, or per address before login."""

    def __init__(self) -> None:
        self.wait_s = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        scope = getattr(view, "throttle_scope", None) or EVERYTHING_ELSE
        self.wait_s = take(scope, caller(request))
        return self.wait_s == 0

    def wait(self) -> float:
        return self.wait_s


def caller(request: Request) -> str:
    """Name the one whose allowance is used."""
    user: Any = request.user
    if user is not None and user.is_authenticated:
        return f"user {user.pk}"
    return of_address(request._request)


def of_address(request: HttpRequest) -> str:
    """Name the network of one who is not logged in."""
    return f"address {addresses.hashed_address(request)}"
