"""What a server says about new accounts, in the agent's words, and an answer that is lost."""

import json
from pathlib import Path

import httpx
import pytest

from peer_agent import sign_up
from peer_agent.api import Api
from peer_agent.cli import parser
from peer_agent.errors import ExitCode, LoginRefused, Refused
from peer_agent.rest import Rest
from tests.peer_agent.devices import Device

PASSWORD = "correct horse battery"
CODE = "7T3K-0QZM-9A1B-XW5E"


class Registrar:
    """A server that refuses to register with one code; who logs in is let in, or not."""

    def __init__(self, code: str, *, knows: bool) -> None:
        self.code, self.knows = code, knows
        self.invitations: list[object] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path.endswith("challenges/"):
            return httpx.Response(201, json={"challenge": "A" * 43})
        if request.url.path.endswith("register/"):
            self.invitations.append(body.get("invitation"))
            return httpx.Response(403, json={"code": self.code})
        if self.knows:
            return httpx.Response(200, json={"access": "a", "refresh": "r"})
        return httpx.Response(401, json={"code": "login_refused"})


async def come_in(device: Device, server: Registrar, invitation: str = CODE) -> None:
    rest = Rest(device.account.server, transport=httpx.MockTransport(server.answer))
    await sign_up._register_or_resume(Api(rest), device.account, PASSWORD, invitation)


@pytest.mark.parametrize(
    ("code", "said"),
    [("registration_closed", "takes no new accounts"), ("invitation_refused", "--invitation CODE")],
)
async def test_refusal_is_said_plainly(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        await come_in(Device(tmp_path / "ada", "ada"), Registrar(code, knows=False))

    assert refused.value.code == code
    assert refused.value.exit_code is ExitCode.REFUSED


@pytest.mark.parametrize("code", ["registration_closed", "invitation_refused"])
async def test_account_whose_answer_was_lost_is_logged_in(tmp_path: Path, code: str) -> None:
    server = Registrar(code, knows=True)

    await come_in(Device(tmp_path / "ada", "ada"), server)

    assert server.invitations == [CODE]


async def test_without_a_code_none_is_sent(tmp_path: Path) -> None:
    server = Registrar("registration_closed", knows=True)

    await come_in(Device(tmp_path / "ada", "ada"), server, invitation="")

    assert server.invitations == [None]


async def test_banned_account_is_said_plainly(tmp_path: Path) -> None:
    device = Device(tmp_path / "ada", "ada")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("challenges/"):
            return httpx.Response(201, json={"challenge": "A" * 43})
        return httpx.Response(403, json={"code": "banned"})

    rest = Rest(device.account.server, transport=httpx.MockTransport(answer))
    with pytest.raises(LoginRefused, match="The operator of this server has banned this account") as refused:
        await sign_up.log_in(Api(rest), device.account, PASSWORD)

    assert refused.value.exit_code is ExitCode.LOGIN_REFUSED


def test_code_is_an_option_of_register() -> None:
    assert parser().parse_args(["register", "ada", "--invitation", CODE]).invitation == CODE
    assert parser().parse_args(["register", "ada"]).invitation == ""
