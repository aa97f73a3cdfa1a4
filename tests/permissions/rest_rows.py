"""The permission table of the REST routes: for every route, method and kind of caller the status.

A new route needs a row here before its tests pass.
"""

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.challenges import issue_challenge
from accounts.delivery import digest_of, recipient_of
from accounts.logins import recheck_login
from accounts.mailbox import fetch_envelopes, post_by_name
from accounts.models import User
from accounts.prekeys import count_stock
from p2p.protocol.fields import b64_text
from peer_agent.crypto.identity import RecoveryKey, create_recovery_code
from peer_agent.crypto.statements import NewRecoveryKey
from tests.factories import (
    PASSWORD,
    keys_of,
    make_client,
    make_login,
    make_next_statement,
    make_prekeys,
    make_recovery_proof,
    make_statement,
    recovery_key_of,
)
from tests.permissions.callers import Caller, World

Statuses = Mapping[Caller, int]
ACCOUNTS = "api/accounts/"
TRANSACTIONS = "api/p2p/transactions/"
ADAS_TOKEN = secrets.token_bytes(32)
ADAS_TX = str(uuid.uuid4())
NO_BODY: dict[str, Any] = {}


def open_to_all(status: int) -> Statuses:
    """No token is looked at, so none can be wrong."""
    return dict.fromkeys(Caller, status)


def users_only(status: int, *, other: int | None = None, reads: bool = False) -> Statuses:
    """A live login is needed; by cookie also a CSRF token, unless the method only reads."""
    return {
        Caller.ANYONE: 401,
        Caller.USER: status,
        Caller.OTHER_USER: status if other is None else other,
        Caller.REVOKED: 401,
        Caller.EXPIRED: 401,
        Caller.FOREIGN: 401,
        Caller.COOKIE_ALONE: status if reads else 403,
        Caller.COOKIE_WITH_CSRF: status,
    }


def nothing_owned(world: World) -> bool:
    return True


@dataclass(frozen=True)
class Row:
    """One method of one route.

    `prepare` puts in place what ada owns; `untouched` must still hold after each call that was not ada's own.
    """

    method: str
    route: str
    statuses: Statuses
    body: Callable[[World], dict[str, Any]] = lambda world: NO_BODY
    query: str = ""
    prepare: Callable[[World], object] = lambda world: None
    untouched: Callable[[World], bool] = field(default=nothing_owned)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def new_account(world: World) -> dict[str, Any]:
    return {
        "username": "bo2",
        "password": PASSWORD,
        "statements": [b64_text(make_statement("bo2"))],
    }


def adas_login(world: World) -> dict[str, Any]:
    challenge, device = issue_challenge(), world.ada.device
    return {
        "username": "ada",
        "password": PASSWORD,
        "device": str(device.pk),
        "challenge": b64_text(challenge),
        "signature": b64_text(keys_of(device).prove_login(challenge)),
        "cookies": False,
    }


def adas_device(world: World) -> dict[str, Any]:
    login = adas_login(world)
    return {key: login[key] for key in ("device", "challenge", "signature")}


def new_password(world: World) -> dict[str, Any]:
    return {"old": PASSWORD, "new": "another correct horse"}


def adas_password_is_the_old_one(world: World) -> bool:
    return User.objects.get(pk=world.ada.login.user_id).check_password(PASSWORD)


def adas_new_code(world: World) -> dict[str, Any]:
    user, code = world.ada.device.user, RecoveryKey.from_code(create_recovery_code())
    change = NewRecoveryKey(code.signing.public)
    return {"statement": b64_text(make_next_statement(user, change, recovery_key_of(user), code))}


def adas_chain_is_short(world: World) -> bool:
    return world.ada.device.user.statements.count() == 1


def adas_recovery_key(world: World) -> dict[str, Any]:
    key = recovery_key_of(world.ada.device.user).signing.public
    return {"username": "ada", "recovery_key": b64_text(key.raw)}


def adas_recovery(world: World) -> dict[str, Any]:
    user, challenge = world.ada.device.user, b64_text(issue_challenge())
    return {
        "username": "ada",
        "password": "another correct horse",
        "challenge": challenge,
        "signature": make_recovery_proof(user, challenge),
        "statement": None,
    }


def adas_token(world: World) -> dict[str, Any]:
    return {"digests": [b64_text(digest_of(ADAS_TOKEN))]}


def mint_adas_token(world: World) -> None:
    make_client(world.ada).post("/api/accounts/tokens/", adas_token(world), content_type="application/json")


def adas_token_lives(world: World) -> bool:
    return recipient_of(digest_of(ADAS_TOKEN)) == world.ada.login.user_id


def leave_envelope(world: World) -> None:
    post_by_name(sender=world.bo.device.user, username="ada", device_id=world.ada.device.pk, sealed=bytes(49))


def adas_envelopes(world: World) -> dict[str, Any]:
    return {"ids": [str(each.pk) for each in fetch_envelopes(device_id=world.ada.device.pk)]}


def adas_envelope_waits(world: World) -> bool:
    return len(fetch_envelopes(device_id=world.ada.device.pk)) == 1


def post_to_ada(world: World) -> dict[str, Any]:
    return {
        "token": None,
        "username": "ada",
        "device": str(world.ada.device.pk),
        "envelope": b64_text(bytes(49 + 4_096)),
    }


def adas_transaction(world: World) -> dict[str, Any]:
    return {"id": ADAS_TX, "token": b64_text(ADAS_TOKEN), "tickets": []}


def start_adas_transaction(world: World) -> None:
    make_client(world.ada).post(f"/{TRANSACTIONS}", adas_transaction(world), content_type="application/json")


ROWS = (
    Row("POST", ACCOUNTS + "register/", open_to_all(201), new_account),
    Row("POST", ACCOUNTS + "challenges/", open_to_all(201)),
    Row("POST", ACCOUNTS + "login/", open_to_all(200), adas_login),
    # Who has the device's key needs no login.
    Row("POST", ACCOUNTS + "known/", open_to_all(200), adas_device),
    Row(
        "POST",
        ACCOUNTS + "refresh/",
        open_to_all(200),
        lambda world: {"refresh": make_login(device=world.ada.device).tokens.refresh},
    ),
    Row(
        "POST",
        ACCOUNTS + "logout/",
        users_only(204),
        untouched=lambda world: recheck_login(world.ada.login) == world.ada.login,
    ),
    Row(
        "POST",
        ACCOUNTS + "password/",
        users_only(204),
        new_password,
        untouched=adas_password_is_the_old_one,
    ),
    Row("GET", ACCOUNTS + "statements/", users_only(200, reads=True)),
    # It follows on ada's chain, and on no other.
    Row(
        "POST",
        ACCOUNTS + "statements/",
        users_only(201, other=409),
        adas_new_code,
        untouched=adas_chain_is_short,
    ),
    # Whoever has the recovery code needs no login: that is what it is for.
    Row("POST", ACCOUNTS + "recovery/", open_to_all(200), adas_recovery_key),
    Row("POST", ACCOUNTS + "recover/", open_to_all(200), adas_recovery),
    Row("GET", ACCOUNTS + "me/", users_only(200, reads=True)),
    Row(
        "DELETE",
        ACCOUNTS + "me/",
        users_only(204),
        lambda world: {"password": PASSWORD},
        untouched=lambda world: User.objects.filter(pk=world.ada.login.user_id).exists(),
    ),
    Row("GET", ACCOUNTS + "settings/", users_only(200, reads=True)),
    Row(
        "PUT",
        ACCOUNTS + "settings/",
        users_only(204),
        lambda world: {"visibility": "hidden"},
        untouched=lambda world: User.objects.get(pk=world.ada.login.user_id).visibility == "prefix",
    ),
    Row("GET", ACCOUNTS + "users/", users_only(200, reads=True), query="?prefix=ada"),
    Row(
        "POST",
        ACCOUNTS + "bundles/",
        users_only(200),
        lambda world: {"username": "ada", "token": None},
        prepare=mint_adas_token,
    ),
    Row("GET", ACCOUNTS + "prekeys/", users_only(200, reads=True)),
    # The upload is signed by ada's device, and verifies for no other.
    Row(
        "PUT",
        ACCOUNTS + "prekeys/",
        users_only(204, other=422),
        lambda world: make_prekeys(world.ada.device),
        untouched=lambda world: count_stock(device_id=world.ada.device.pk).one_time == 0,
    ),
    Row("POST", ACCOUNTS + "tokens/", users_only(204), lambda world: {"digests": [b64_text(bytes(32))]}),
    Row(
        "DELETE",
        ACCOUNTS + "tokens/",
        users_only(204),
        adas_token,
        prepare=mint_adas_token,
        untouched=adas_token_lives,
    ),
    Row("POST", ACCOUNTS + "mailbox/", users_only(202), post_to_ada),
    Row(
        "GET",
        ACCOUNTS + "mailbox/",
        users_only(200, reads=True),
        prepare=leave_envelope,
        untouched=adas_envelope_waits,
    ),
    Row(
        "DELETE",
        ACCOUNTS + "mailbox/",
        users_only(204),
        adas_envelopes,
        prepare=leave_envelope,
        untouched=adas_envelope_waits,
    ),
    # The same id again is ada's own; for anybody else it is taken.
    Row(
        "POST",
        TRANSACTIONS,
        users_only(202, other=409),
        adas_transaction,
        prepare=start_adas_transaction,
    ),
    Row("GET", "api/p2p/forwarders/", users_only(200, reads=True)),
    # Whose own token it names, that user only.
    Row(
        "POST",
        "api/p2p/direct/",
        users_only(202, other=404),
        lambda world: {
            "id": ADAS_TX,
            "token": b64_text(bytes(32)),
            "own": b64_text(ADAS_TOKEN),
        },
        prepare=mint_adas_token,
    ),
    Row("GET", "api/server/", open_to_all(200)),
    # Pages are the same for all: who is logged in, scripts find out.
    Row("GET", "", open_to_all(200)),
    Row("GET", "sign-up/", open_to_all(200)),
    Row("GET", "log-in/", open_to_all(200)),
    Row("GET", "app/", open_to_all(200)),
    Row("GET", "invite/", open_to_all(200)),
    Row("GET", "healthz", open_to_all(200)),
    # Whoever asks for a file that is none.
    Row("GET", "static/<str:release>/<path:name>", open_to_all(404)),
    # No worker runs in these tests, and it says so to everybody.
    Row("GET", "readyz", open_to_all(503)),
)
