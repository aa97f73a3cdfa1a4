"""A new device asks for its user's chain by the recovery code, and takes the place of all others.

Spec: docs/spec/identity.md, section "Recovery code"
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_bytes, b64_text
from peer_agent import recovery, sign_up
from peer_agent.account import Account, load_account, load_tokens, save_account
from peer_agent.clock import Clock
from peer_agent.crypto.chain import Verdict, judge, verify_chain
from peer_agent.crypto.identity import create_device, create_recovery_code
from peer_agent.crypto.statements import RemoveDevice
from peer_agent.errors import LoginRefused, Refused, ServerUnreachable, UsageError
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import Store, open_store
from tests.peer_agent.devices import HandClock, code_of, make_account
from tests.peer_agent.fake_server import LATER, Json, User
from tests.peer_agent.households import grown, recovered, show, with_device, with_new_code
from tests.peer_agent.listening_server import Server, listening

PASSWORD = "another correct horse"


class Registry(Server):
    """The server of dictionaries, with the routes of somebody who has nothing but a code."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.add(account)
        self.passwords: list[str] = []

    @property
    def chain(self) -> list[bytes]:
        return [b64_bytes(each) for each in self.users["ada"].statements]

    def _post_challenges(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 201, {"challenge": b64_text(bytes(32))}

    def _post_recovery(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"statements": caller.statements}

    def _post_recover(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        self.passwords.append(body["password"])
        if body["statement"] is not None:
            statement = b64_bytes(body["statement"])
            place = int.from_bytes(statement[2:6], "big")
            caller.statements = [*caller.statements[:place], body["statement"]]
        return 200, {"user": "1", "username": name}

    def _post_login(self, caller: User, name: str, body: Json) -> tuple[int, Json]:
        return 200, {"user": "1", "device": body["device"], "sid": "1", "access": LATER, "refresh": "r"}


@dataclass
class Place:
    """ada's account at a server, and an empty state directory."""

    account: Account
    server: Registry
    address: str
    store: Store

    async def recover(self, *, name: str = "ada") -> Account:
        code = code_of(self.account)
        return await recovery.recover(self.store, self.address, name, code, PASSWORD, Clock())

    def show(self, account: Account) -> None:
        show(self.server, account)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    account = make_account("ada", HandClock().clock())
    server = Registry(account)
    with (
        listening(server, "ada") as address,
        closing(open_store(prepare_state_dir(tmp_path / "new"), None)) as store,
    ):
        yield Place(account, server, address, store)


async def test_new_device_is_the_only_one_afterwards(place: Place) -> None:
    place.show(with_device(place.account))

    account = await place.recover()

    assert account.statements == place.server.chain
    assert account.identity.devices == (account.device.entry,)
    assert judge(place.account.identity, account.identity) is Verdict.EXTENDED
    assert load_account(place.store) == account
    assert load_tokens(place.store) is not None
    assert place.server.passwords == [PASSWORD]


async def test_chain_is_asked_for_by_the_public_key_alone(place: Place) -> None:
    await place.recover()

    (asked,) = place.server.bodies("POST recovery")
    assert asked == {
        "username": "ada",
        "recovery_key": b64_text(place.account.identity.recovery.raw),
    }


async def test_recovery_whose_answer_was_lost_goes_on_with_the_same_device(place: Place) -> None:
    place.server.lost = {"POST recover"}
    with pytest.raises(ServerUnreachable):
        await place.recover()
    begun = load_account(place.store)
    place.server.lost.clear()

    account = await place.recover()

    assert account == begun
    assert len(place.server.chain) == 2
    assert place.server.bodies("POST recover")[-1]["statement"] is None


async def test_recovery_that_was_interrupted_before_it_arrived_goes_on_with_the_same_device(
    place: Place,
) -> None:
    place.server.problems["POST recover"] = (503, "unavailable")
    with pytest.raises(ServerUnreachable):
        await place.recover()
    begun = load_account(place.store)
    place.server.problems.clear()

    account = await place.recover()

    assert begun is not None
    assert account.device == begun.device
    assert len(place.server.chain) == 2


def somebody_elses(place: Place) -> Account:
    return make_account("ada", HandClock().clock())


def after_another_code(place: Place) -> Account:
    return with_new_code(place.account)


@pytest.mark.parametrize("lie", [somebody_elses, after_another_code])
async def test_identity_of_somebody_else_is_not_taken_over(place: Place, lie: object) -> None:
    assert callable(lie)
    place.show(lie(place))

    with pytest.raises(LoginRefused):
        await place.recover()

    assert place.server.bodies("POST recover") == []
    assert load_account(place.store) is None


async def test_identity_that_does_not_verify_is_not_taken_over(place: Place) -> None:
    (first,) = place.server.users["ada"].statements
    place.server.users["ada"].statements = [first[:-6] + "AAAAAA"]

    with pytest.raises(LoginRefused):
        await place.recover()

    assert place.server.bodies("POST recover") == []


async def test_identity_of_another_name_is_not_taken_over(place: Place) -> None:
    with pytest.raises(LoginRefused):
        await place.recover(name="ada2")

    assert place.server.bodies("POST recover") == []


async def test_full_chain_makes_room(place: Place) -> None:
    """A thief of the device may have filled it up."""
    account = recovered(place.account)
    while len(account.statements) < 64:
        guest = create_device()
        account = with_device(account, guest)
        if len(account.statements) < 64:
            account = grown(account, RemoveDevice(guest.device_id, guest.device_id), guest)
    place.show(account)

    found = await place.recover()

    assert len(found.statements) == 3
    assert judge(account.identity, found.identity) is Verdict.RECOVERED
    assert verify_chain(place.server.chain) == found.identity


async def test_directory_with_a_login_is_left_alone(place: Place) -> None:
    first = await place.recover()

    with pytest.raises(UsageError):
        await place.recover()

    assert load_account(place.store) == first


@pytest.mark.parametrize("command", ["register", "recover"])
async def test_directory_of_another_account_that_is_logged_out_is_left_alone(
    place: Place, command: str
) -> None:
    olga = make_account("olga", HandClock().clock())
    mine = Account(place.address, "olga", olga.device, olga.chain)
    save_account(place.store, mine)
    registering = sign_up.register(place.store, place.address, "bo", PASSWORD, Clock())
    commands = {"register": registering, "recover": place.recover()}
    asked = commands.pop(command)
    for other in commands.values():
        other.close()

    with pytest.raises(UsageError, match="another --state"):
        await asked

    assert load_account(place.store) == mine
    assert place.server.requests == []


async def test_sign_up_that_no_server_took_in_gives_way_with_its_recovery_code(place: Place) -> None:
    place.server.problems = {"POST register": (409, "username_taken"), "POST login": (401, "login_refused")}
    with pytest.raises(Refused):
        await sign_up.register(place.store, place.address, "olga", PASSWORD, Clock())
    place.server.problems.clear()

    account = await place.recover()

    assert load_account(place.store) == account
    assert sign_up.recovery_code(place.store) is None


async def test_directory_of_a_device_that_was_removed_is_left_alone(place: Place) -> None:
    save_account(place.store, Account(place.address, "ada", place.account.device, place.account.chain))
    place.show(recovered(place.account))

    with pytest.raises(UsageError) as refused:
        await place.recover()

    assert "another --state" in str(refused.value)
    assert place.server.bodies("POST recover") == []


async def test_wrong_code_is_said(place: Place) -> None:
    place.server.problems["POST recovery"] = (401, "recovery_refused")

    with pytest.raises(LoginRefused) as refused:
        await recovery.recover(place.store, place.address, "ada", create_recovery_code(), PASSWORD, Clock())

    assert str(refused.value) == "The server refused this name or recovery code."


async def test_short_password_is_refused_before_the_server_is_asked(place: Place) -> None:
    with pytest.raises(UsageError):
        await recovery.recover(place.store, place.address, "ada", code_of(place.account), "short", Clock())

    assert place.server.requests == []
