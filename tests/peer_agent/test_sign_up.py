"""What `register` and `login` refuse by themselves, before there is anything, and what they pass on."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from peer_agent import cli, sign_up
from peer_agent.account import load_account
from peer_agent.api import Api
from peer_agent.clock import Clock, spoken
from peer_agent.errors import ExitCode, Refused, ServerUnreachable, UsageError
from peer_agent.rest import Rest
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import Store, open_store
from tests.peer_agent.devices import Device, HandClock, make_account
from tests.peer_agent.fake_server import Json, User
from tests.peer_agent.listening_server import Server, listening

PASSWORD = "correct horse battery"


def register(folder: Path, user: str, *, password: str = PASSWORD, recovery: str = "code") -> int:
    (folder / "password").write_text(f"{password}\n")
    arguments = ["--state", folder / "new", "--server", "http://127.0.0.1:9", "register", user]
    arguments += ["--password-file", folder / "password", "--recovery-file", folder / recovery]
    return cli.main([str(each) for each in arguments])


@pytest.mark.parametrize("user", ["a b", "a", "x" * 33, "x" * 80, "1ada", "ада", "ada\n", ""])
def test_name_that_no_server_takes_is_refused_here(
    tmp_path: Path, user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert register(tmp_path, user) == ExitCode.USAGE

    assert capsys.readouterr().err == (
        "mesa-peer: A user name has 2 to 32 letters a to z, digits, _ or -, and starts with a letter.\n"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("user", ["ada", "Ada", "a-1_x", "x" * 32])
def test_name_that_servers_take_goes_to_the_server(tmp_path: Path, user: str) -> None:
    assert register(tmp_path, user) == ExitCode.SERVER_UNREACHABLE


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "No password was given."), ("too short", "The password has fewer than 10 characters.")],
)
def test_password_from_a_file_keeps_the_same_rules(
    tmp_path: Path, password: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert register(tmp_path, "ada", password=password) == ExitCode.USAGE

    assert capsys.readouterr().err == f"mesa-peer: {said}\n"


def test_recovery_file_that_can_not_be_is_said_before_there_is_an_account(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert register(tmp_path, "ada", recovery="none/code") == ExitCode.USAGE

    assert capsys.readouterr().err == f"mesa-peer: The file {tmp_path / 'none/code'} can not be written.\n"
    assert not (tmp_path / "new").exists()


class Registrar(Server):
    """A server that takes everybody in, unless `problems` and `lost` say otherwise."""

    def _post_register(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 201, {"user": "1", "username": name}

    def _post_login(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"user": "1", "device": body["device"], "sid": "1", "access": "a", "refresh": "r"}


TAKEN = {"POST register": (409, "username_taken"), "POST login": (401, "login_refused")}


@dataclass
class Place:
    """A state directory, and a server to sign up at."""

    store: Store
    server: Registrar
    address: str

    async def sign_up(self, name: str) -> None:
        await sign_up.register(self.store, self.address, name, PASSWORD, Clock())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    server = Registrar()
    # Who signs up has no token yet: whose dictionaries these are is all the same.
    server.add(make_account("olga", HandClock().clock()))
    with (
        closing(open_store(prepare_state_dir(tmp_path / "new"), None)) as store,
        listening(server, "olga") as address,
    ):
        yield Place(store, server, address)


async def test_server_that_was_never_reached_and_name_that_was_taken_give_way(place: Place) -> None:
    with pytest.raises(ServerUnreachable):
        await sign_up.register(place.store, "http://127.0.0.1:9", "ada", PASSWORD, Clock())
    place.server.problems = dict(TAKEN)
    with pytest.raises(Refused):
        await place.sign_up("ada")
    place.server.problems.clear()

    await place.sign_up("bo")

    account = load_account(place.store)
    assert account is not None
    assert account.username == "bo"


@pytest.mark.parametrize("lost", ["POST register", "POST login"])
async def test_sign_up_that_a_server_may_have_taken_in_gives_no_way(place: Place, lost: str) -> None:
    place.server.lost = {lost}
    with pytest.raises(ServerUnreachable):
        await place.sign_up("ada")
    begun = load_account(place.store)
    place.server.lost.clear()
    # As with another password than before.
    place.server.problems = dict(TAKEN)
    with pytest.raises(Refused):
        await place.sign_up("ada")
    place.server.problems.clear()

    with pytest.raises(UsageError, match="another --state"):
        await place.sign_up("bo")

    assert load_account(place.store) == begun
    await place.sign_up("ada")
    assert load_account(place.store) == begun


async def refused_login(device: Device, retry_after: str) -> str:
    """Log in at a server that answers `throttled`; returns what is said about it."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("challenges/"):
            return httpx.Response(201, json={"challenge": "A" * 43})
        return httpx.Response(429, json={"code": "throttled"}, headers={"Retry-After": retry_after})

    rest = Rest(device.account.server, transport=httpx.MockTransport(answer))
    with pytest.raises(Refused) as refused:
        await sign_up.log_in(Api(rest), device.account, PASSWORD)
    assert refused.value.retry_after_s == float(retry_after)
    return str(refused.value)


async def test_lock_after_wrong_passwords_says_how_long(tmp_path: Path) -> None:
    device = Device(tmp_path / "ada", "ada")

    assert await refused_login(device, "900") == "Too many wrong passwords: try again in 15 minutes."


async def test_rate_of_logins_is_no_lock(tmp_path: Path) -> None:
    device = Device(tmp_path / "ada", "ada")

    assert await refused_login(device, "2") == "Too many requests: try again in 2 seconds."


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (["This password is too common."], "The password is too common."),
        (
            ["This password is too common.", "This password is entirely numeric."],
            "The password is too common. The password is entirely numeric.",
        ),
    ],
)
async def test_password_that_the_server_refuses_is_said_plainly(
    tmp_path: Path, sentences: list[str], said: str
) -> None:
    device = Device(tmp_path / "ada", "ada")
    refusal = {"code": "invalid", "fields": {"password": sentences}}
    rest = Rest(
        device.account.server, transport=httpx.MockTransport(lambda _: httpx.Response(400, json=refusal))
    )

    with pytest.raises(Refused) as refused:
        await Api(rest).accounts.register("ada", "1234567890", device.account.statements)

    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "1 second"),
        (1.2, "2 seconds"),
        (59.5, "1 minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (900, "15 minutes"),
        (3_600, "1 hour"),
        (7_000, "2 hours"),
    ],
)
def test_length_of_time_is_rounded_up(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
