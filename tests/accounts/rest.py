"""The REST API of accounts as a test calls it."""

from typing import Any

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent.crypto.identity import DeviceKeys
from tests.factories import PASSWORD, LoggedIn, make_client

BASE = "/api/accounts/"
ENVELOPE = b64_text(bytes(49 + 4_096))


class Rest:
    """One caller: anyone, or the holder of a login's access token."""

    def __init__(self, logged_in: LoggedIn | None = None) -> None:
        self.client = make_client(logged_in)

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(BASE + path, query)

    def post(self, path: str, body: object, **options: Any) -> Any:
        return self.client.post(BASE + path, body, content_type="application/json", **options)

    def put(self, path: str, body: object) -> Any:
        return self.client.put(BASE + path, body, content_type="application/json")

    def delete(self, path: str, body: object) -> Any:
        return self.client.delete(BASE + path, body, content_type="application/json")

    def challenge(self) -> str:
        text: str = self.post("challenges/", {}).json()["challenge"]
        return text

    def log_in(self, keys: DeviceKeys, device: object, username: str, /, **changes: Any) -> Any:
        """Log in with a fresh challenge and a good proof; `changes` replace keys of the body."""
        challenge = self.challenge()
        body = {
            "username": username,
            "password": PASSWORD,
            "device": str(device),
            "challenge": challenge,
            "signature": b64_text(keys.prove_login(b64_bytes(challenge))),
            "cookies": False,
        }
        return self.post("login/", {**body, **changes})


def code(response: Any) -> tuple[int, str]:
    """Status and problem code of a refusal."""
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == response.status_code
    return response.status_code, problem["code"]
