"""The ICE servers of a peer: the operator's addresses, and for TURN a name and a password that end soon.

coturn checks them by the secret alone: no account is made there, and the server keeps no list.
Spec: docs/spec/signaling.md, section "ICE servers"
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from p2p.protocol.fields import b64_text
from p2p.protocol.ice_urls import is_turn
from p2p.protocol.parts import IceServer

LIFE: Final = timedelta(hours=1)
# The name travels in clear: in whole steps it does not say when the socket was opened.
STEP: Final = timedelta(minutes=10)
RENEW_EVERY: Final = timedelta(minutes=30)
RANDOM_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class TurnLogin:
    """What a TURN server asks for."""

    username: str
    credential: str = field(repr=False)


def turn_login(secret: str, drawn: bytes, *, now: datetime) -> TurnLogin:
    """Make a name that says when it ends, and the password that the secret gives it."""
    step_s = int(STEP.total_seconds())
    ends = -(-int((now + LIFE).timestamp()) // step_s) * step_s
    username = f"{ends}:{b64_text(drawn)}"
    # SHA-1 is what TURN servers expect here; as a MAC under a secret it is not broken.
    digest = hmac.digest(secret.encode(), username.encode(), "sha1")
    return TurnLogin(username, base64.b64encode(digest).decode())


def ice_servers(urls: Sequence[str], secret: str, *, now: datetime) -> tuple[IceServer, ...]:
    """Describe the operator's servers to one peer, under a name that nobody had before.

    The name is drawn, not derived: the TURN server can not tell whose it is, nor join two of one peer.
    A TURN server without a secret is left out, for it would refuse everybody.
    """
    login = turn_login(secret, secrets.token_bytes(RANDOM_BYTES), now=now)
    return tuple(
        IceServer((url,), login.username, login.credential) if is_turn(url) else IceServer((url,), None, None)
        for url in urls
        if secret or not is_turn(url)
    )


def own_ice_servers(*, now: datetime) -> tuple[IceServer, ...]:
    """Describe the servers that the settings name; empty means that none is asked."""
    return ice_servers(settings.ICE_SERVERS, settings.TURN_SECRET, now=now)


def needs_renewal(servers: Sequence[IceServer]) -> bool:
    """Tell whether there is a credential among them that ends."""
    return any(each.credential is not None for each in servers)
