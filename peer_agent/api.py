"""The REST routes an agent uses, with their values as bytes and ids.

Spec: docs/spec/rest.md
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import b64_bytes, b64_text
from p2p.protocol.ids import DeviceId, TransactionId
from peer_agent.errors import Refused, ServerUnreachable, UnknownUser
from peer_agent.rest import Json, Rest, items, read_tokens, text

MAILBOX_IDS_PER_REQUEST = 50


@dataclass(frozen=True, slots=True)
class DeviceBundle:
    """Prekeys of one device as the server handed them out, unverified."""

    device: DeviceId
    signed_prekey: bytes | None
    last_resort: bytes | None
    one_time: bytes | None
    one_time_kem: bytes | None


@dataclass(frozen=True, slots=True)
class UserBundle:
    """A user's chain and the prekeys of the devices, unverified."""

    username: str
    statements: list[bytes]
    devices: list[DeviceBundle]


@dataclass(frozen=True, slots=True)
class PrekeyStock:
    """What the server holds of this device: whether there are signed ones, and how many one-time ones."""

    signed_prekey: int | None
    last_resort: int | None
    one_time: int
    one_time_kem: int


@dataclass(frozen=True, slots=True)
class PrekeyUpload:
    """Public prekeys, packed; None keeps what the server has."""

    signed_prekey: bytes | None
    last_resort: bytes | None
    one_time: Sequence[bytes]
    one_time_kem: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Post:
    """A sealed envelope that waits in the mailbox."""

    id: uuid.UUID
    envelope: bytes


class AccountRoutes:
    """The account and the login of this device."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def register(
        self, username: str, password: str, statements: Sequence[bytes], *, invitation: str = ""
    ) -> None:
        body: dict[str, object] = {
            "username": username,
            "password": password,
            "statements": [b64_text(each) for each in statements],
        }
        if invitation:
            body["invitation"] = invitation
        await self._rest.call("POST", "/api/accounts/register/", body, login=False)

    async def challenge(self) -> bytes:
        answer = await self._rest.call("POST", "/api/accounts/challenges/", {}, login=False)
        return _bytes(answer, "challenge")

    async def login(
        self, username: str, password: str, device: DeviceId, challenge: bytes, signature: bytes
    ) -> None:
        """Log in with this device; the tokens are kept.

        Raises:
            LoginRefused: name, password, device or signature is wrong; the server does not say which.
        """
        body = {
            "username": username,
            "password": password,
            "device": str(device),
            "challenge": b64_text(challenge),
            "signature": b64_text(signature),
            "cookies": False,
        }
        answer = await self._rest.call("POST", "/api/accounts/login/", body, login=False)
        self._rest.use(read_tokens(answer))

    async def change_password(self, old: str, new: str) -> None:
        """Give the account another password; all other logins end.

        Raises:
            Refused: the old one is another, or the new one too easy to guess.
        """
        await self._rest.call("POST", "/api/accounts/password/", {"old": old, "new": new})

    async def recovery_chain(self, username: str, recovery_key: bytes) -> list[bytes]:
        """Fetch a chain by the recovery key it names, unverified.

        Raises:
            LoginRefused: no such user, or another key.
        """
        body = {"username": username, "recovery_key": b64_text(recovery_key)}
        answer = await self._rest.call("POST", "/api/accounts/recovery/", body, login=False)
        return [_as_bytes(each) for each in items(answer, "statements")]

    async def recover(
        self, username: str, password: str, challenge: bytes, signature: bytes, statement: bytes | None
    ) -> None:
        """Set the password by the recovery code; with a statement also put a new device in the place of all.

        Raises:
            LoginRefused: name or recovery code is wrong.
        """
        body = {
            "username": username,
            "password": password,
            "challenge": b64_text(challenge),
            "signature": b64_text(signature),
            "statement": None if statement is None else b64_text(statement),
        }
        await self._rest.call("POST", "/api/accounts/recover/", body, login=False)

    async def statements(self) -> list[bytes]:
        """Fetch this user's chain, unverified."""
        answer = await self._rest.call("GET", "/api/accounts/statements/")
        return [_as_bytes(each) for each in items(answer, "statements")]

    async def logout(self) -> None:
        await self._rest.call("POST", "/api/accounts/logout/", {})

    async def me(self) -> Json:
        return await self._rest.call("GET", "/api/accounts/me/")

    async def is_known(self, device: DeviceId, challenge: bytes, signature: bytes) -> bool:
        """Tell whether the server knows this device; it needs no login."""
        body = {
            "device": str(device),
            "challenge": b64_text(challenge),
            "signature": b64_text(signature),
        }
        answer = await self._rest.call("POST", "/api/accounts/known/", body, login=False)
        return answer.get("known") is not False

    async def remove(self, password: str) -> None:
        """Remove the account.

        Raises:
            LoginRefused: the password is another, or the login has ended.
        """
        await self._rest.call("DELETE", "/api/accounts/me/", {"password": password})

    async def visibility(self) -> str:
        """Who finds the user by the name: `prefix`, `exact` or `hidden`.

        Raises:
            Refused: the server is too old to know.
        """
        try:
            return text(await self._rest.call("GET", "/api/accounts/settings/"), "visibility")
        except UnknownUser as error:
            raise Refused("The server does not know this request: it is older than this agent.") from error

    async def set_visibility(self, visibility: str) -> None:
        await self._rest.call("PUT", "/api/accounts/settings/", {"visibility": visibility})


class KeyRoutes:
    """What others need in order to reach a device: chains, prekeys, delivery tokens."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def claim_bundle(
        self, username: str, token: bytes | None, *, fingerprint: bytes | None = None
    ) -> UserBundle:
        """Fetch the chain and prekeys of a user; one-time prekeys only come for a live delivery token.

        fingerprint: with it, a user who is hidden from strangers is found, too.

        Raises:
            UnknownUser: there is no such user.
        """
        body = {
            "username": username,
            "token": None if token is None else b64_text(token),
            "fingerprint": None if fingerprint is None else b64_text(fingerprint),
        }
        answer = await self._rest.call("POST", "/api/accounts/bundles/", body)
        statements = [_as_bytes(each) for each in items(answer, "statements")]
        devices = [_device_bundle(each) for each in items(answer, "devices")]
        return UserBundle(text(answer, "username"), statements, devices)

    async def prekey_stock(self) -> PrekeyStock:
        answer = await self._rest.call("GET", "/api/accounts/prekeys/")
        return PrekeyStock(
            _optional_number(answer, "signed_prekey"),
            _optional_number(answer, "last_resort"),
            _optional_number(answer, "one_time") or 0,
            _optional_number(answer, "one_time_kem") or 0,
        )

    async def put_prekeys(self, upload: PrekeyUpload) -> None:
        body = {
            "signed_prekey": None if upload.signed_prekey is None else b64_text(upload.signed_prekey),
            "last_resort": None if upload.last_resort is None else b64_text(upload.last_resort),
            "one_time": [b64_text(each) for each in upload.one_time],
            "one_time_kem": [b64_text(each) for each in upload.one_time_kem],
        }
        await self._rest.call("PUT", "/api/accounts/prekeys/", body)

    async def add_tokens(self, digests: Sequence[bytes]) -> None:
        """Make delivery tokens live; the server learns their digests only."""
        await self._rest.call("POST", "/api/accounts/tokens/", _digests(digests))

    async def delete_tokens(self, digests: Sequence[bytes]) -> None:
        await self._rest.call("DELETE", "/api/accounts/tokens/", _digests(digests))


class MailboxRoutes:
    """Sealed envelopes that wait for a device."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def post(
        self, device: DeviceId, envelope: bytes, *, token: bytes | None, username: str | None
    ) -> None:
        """Leave a sealed envelope: for the owner of a token, or with a user name as a first request."""
        body = {
            "token": None if token is None else b64_text(token),
            "username": username,
            "device": str(device),
            "envelope": b64_text(envelope),
        }
        await self._rest.call("POST", "/api/accounts/mailbox/", body)

    async def fetch(self) -> list[Post]:
        answer = await self._rest.call("GET", "/api/accounts/mailbox/")
        return [_post(each) for each in items(answer, "envelopes")]

    async def delete(self, ids: Sequence[uuid.UUID]) -> None:
        await self._rest.call("DELETE", "/api/accounts/mailbox/", {"ids": [str(each) for each in ids]})


class TransactionRoutes:
    """Paths on request."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def start(self, tx: TransactionId, token: bytes, tickets: Sequence[bytes]) -> None:
        body = {"id": str(tx), "token": b64_text(token), "tickets": [b64_text(each) for each in tickets]}
        await self._rest.call("POST", "/api/p2p/transactions/", body)


class ServerRoutes:
    """What the server tells of itself and of the network."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def about(self) -> Json:
        """Ask what it is, which versions it speaks, and what time it has."""
        return await self._rest.call("GET", "/api/server/", login=False)

    async def forwarders_at_least(self) -> int | None:
        """Ask how many peers forward, rounded down; None if the server does not say."""
        return _optional_number(await self._rest.call("GET", "/api/p2p/forwarders/"), "at_least")


class DirectRoutes:
    """Direct links on request."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def start(self, tx: TransactionId, token: bytes, own: bytes) -> None:
        """Ask for a link to the owner of `token`, who reaches this user by `own`."""
        body = {"id": str(tx), "token": b64_text(token), "own": b64_text(own)}
        await self._rest.call("POST", "/api/p2p/direct/", body)


class Api:
    """The server as this device sees it, by what its routes are about."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.server = ServerRoutes(rest)
        self.accounts = AccountRoutes(rest)
        self.keys = KeyRoutes(rest)
        self.mailbox = MailboxRoutes(rest)
        self.transactions = TransactionRoutes(rest)
        self.direct = DirectRoutes(rest)


def _digests(digests: Sequence[bytes]) -> Json:
    return {"digests": [b64_text(each) for each in digests]}


def _post(value: Any) -> Post:
    body = _object(value)
    try:
        return Post(uuid.UUID(text(body, "id")), _bytes(body, "envelope"))
    except ValueError:
        raise _unknown_answer() from None


def _device_bundle(value: Any) -> DeviceBundle:
    body = _object(value)
    try:
        device = DeviceId(uuid.UUID(text(body, "device")))
    except ValueError:
        raise _unknown_answer() from None
    return DeviceBundle(
        device,
        _optional_bytes(body, "signed_prekey"),
        _optional_bytes(body, "last_resort"),
        _optional_bytes(body, "one_time"),
        _optional_bytes(body, "one_time_kem"),
    )


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise _unknown_answer()
    return value


def _bytes(body: Json, key: str) -> bytes:
    return _as_bytes(body.get(key))


def _optional_bytes(body: Json, key: str) -> bytes | None:
    return None if body.get(key) is None else _bytes(body, key)


def _as_bytes(value: Any) -> bytes:
    try:
        return b64_bytes(value)
    except BadFrame:
        raise _unknown_answer() from None


def _optional_number(body: Json, key: str) -> int | None:
    value = body.get(key)
    return value if type(value) is int else None


def _unknown_answer() -> ServerUnreachable:
    return ServerUnreachable("The server answers in a way this version does not know.")
