"""Prekeys and delivery tokens that the server may or may not have got: none too many, and none lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2p.protocol.fields import b64_bytes
from peer_agent.clock import S_PER_DAY
from peer_agent.crypto.prekeys import MAX_PREKEY_ID, Prekey, PrekeyKind
from peer_agent.delivery_tokens import FULL as FULL_TOKENS
from peer_agent.errors import AgentError, Refused, ServerUnreachable
from peer_agent.prekey_book import LONGEST_STEP, NEXT_ID
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from peer_agent.tasks import Tasks
from peer_agent.upkeep import FULL, REFILL_BELOW
from tests.peer_agent.devices import HandClock, make_account
from tests.peer_agent.fake_server import FakeServer, Party, User

UPLOAD, MINT = "PUT prekeys", "POST tokens"
REFUSED = (422, "statement_invalid")


@dataclass
class Home:
    """ada's device, and its server."""

    ada: Party
    server: FakeServer
    time: HandClock

    @property
    def at_server(self) -> User:
        return self.server.users["ada"]

    def count(self, table: str) -> int:
        return int(self.ada.store.rows(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608  names of our own

    def claim(self, left: int) -> None:
        """Let others take all one-time prekeys but some."""
        for key in ("one_time", "one_time_kem"):
            del self.at_server.prekeys[key][left:]

    def stock(self) -> list[int]:
        return [len(self.at_server.prekeys[key]) for key in ("one_time", "one_time_kem")]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    time, server = HandClock(), FakeServer()
    account = make_account("ada", time.clock())
    server.add(account)
    store = open_store(prepare_state_dir(tmp_path), None)
    async with Tasks() as tasks:
        yield Home(Party(account, store, server, time.clock(), tasks), server, time)
    store.close()


async def test_an_upload_that_is_refused_makes_no_more_each_time(home: Home) -> None:
    home.server.problems[UPLOAD] = REFUSED
    made = set()
    for _ in range(5):
        with pytest.raises(Refused):
            await home.ada.parts.prekeys.check()
        made.add(home.count("prekeys"))

    home.server.problems.clear()
    await home.ada.parts.prekeys.check()

    assert made == {2 * FULL + 2}
    assert home.count("prekeys") == 2 * FULL + 2
    assert home.stock() == [FULL, FULL]


async def test_prekeys_whose_answer_was_lost_are_not_taken_for_a_stock(home: Home) -> None:
    home.server.lost.add(UPLOAD)
    with pytest.raises(ServerUnreachable):
        await home.ada.parts.prekeys.check()
    home.server.lost.clear()
    home.claim(REFILL_BELOW - 1)

    await home.ada.parts.prekeys.check()

    assert min(home.stock()) >= REFILL_BELOW


async def test_prekeys_of_another_day_are_made_anew(home: Home) -> None:
    home.server.problems[UPLOAD] = REFUSED
    with pytest.raises(Refused):
        await home.ada.parts.prekeys.check()
    home.server.problems.clear()
    home.time.now += 3 * S_PER_DAY

    await home.ada.parts.prekeys.check()

    prekeys = home.at_server.prekeys
    packed = [prekeys["signed_prekey"], prekeys["last_resort"], *prekeys["one_time_kem"]]
    days = {Prekey.unpack(b64_bytes(each)).day for each in packed}
    assert days == {home.ada.clock.day()}


async def test_a_prekey_from_a_day_to_come_is_replaced(home: Home) -> None:
    home.time.now += 30 * S_PER_DAY
    await home.ada.parts.prekeys.check()
    home.time.now -= 30 * S_PER_DAY

    await home.ada.parts.prekeys.check()

    signed = Prekey.unpack(b64_bytes(home.at_server.prekeys["signed_prekey"]))
    assert signed.day == home.ada.clock.day()


async def test_a_prekey_that_the_server_still_has_is_kept_while_its_successors_are_refused(
    home: Home,
) -> None:
    await home.ada.parts.prekeys.check()
    at_server = Prekey.unpack(b64_bytes(home.at_server.prekeys["signed_prekey"]))
    home.server.problems[UPLOAD] = REFUSED
    home.time.now += 4 * S_PER_DAY
    for _ in range(10):
        home.time.now += 4 * S_PER_DAY
        with pytest.raises(Refused):
            await home.ada.parts.prekeys.check()

    assert home.ada.parts.books.prekeys.find(PrekeyKind.SIGNED, at_server.prekey_id) is not None


async def test_a_prekey_is_kept_two_weeks_after_the_server_got_its_successor(home: Home) -> None:
    await home.ada.parts.prekeys.check()
    first = Prekey.unpack(b64_bytes(home.at_server.prekeys["signed_prekey"])).prekey_id
    home.time.now += 7 * S_PER_DAY
    home.server.lost.add(UPLOAD)
    with pytest.raises(ServerUnreachable):
        await home.ada.parts.prekeys.check()
    home.server.lost.clear()
    found = []
    for days in (1, 13, 1):
        home.time.now += days * S_PER_DAY
        await home.ada.parts.prekeys.check()
        found.append(home.ada.parts.books.prekeys.find(PrekeyKind.SIGNED, first) is not None)

    assert found == [True, True, False]


async def test_a_full_stock_is_left_alone(home: Home) -> None:
    await home.ada.parts.prekeys.check()
    home.server.requests.clear()

    await home.ada.parts.prekeys.check()

    assert home.server.bodies(UPLOAD) == []


async def test_ids_that_run_out_are_said(home: Home) -> None:
    book, store = home.ada.parts.books.prekeys, home.ada.store
    store.set_setting(NEXT_ID, (MAX_PREKEY_ID - LONGEST_STEP).to_bytes(8, "big"))

    with pytest.raises(AgentError), store.transaction():
        book.make(PrekeyKind.ONE_TIME, 2 * LONGEST_STEP, day=1)

    assert home.count("prekeys") == 0


async def test_tokens_whose_answer_was_lost_leave_nothing_at_the_server(home: Home) -> None:
    home.server.lost.add(MINT)
    for _ in range(3):
        with pytest.raises(ServerUnreachable):
            await home.ada.parts.tokens.refill()
    home.server.lost.clear()

    await home.ada.parts.tokens.refill()

    assert len(home.server.tokens) == FULL_TOKENS
    assert home.count("tokens") == FULL_TOKENS


async def test_a_token_whose_answer_was_lost_is_given_to_nobody(home: Home) -> None:
    home.server.lost.add(MINT)
    with pytest.raises(ServerUnreachable):
        await home.ada.parts.tokens.refill()

    with pytest.raises(Refused):
        home.ada.parts.tokens.give(1)


async def test_tokens_that_were_given_stay_live(home: Home) -> None:
    await home.ada.parts.tokens.refill()
    home.ada.parts.tokens.give(1)
    home.ada.store.change("DELETE FROM tokens WHERE contact IS NULL")
    home.server.lost.add(MINT)
    with pytest.raises(ServerUnreachable):
        await home.ada.parts.tokens.refill()
    home.server.lost.clear()

    await home.ada.parts.tokens.refill()

    assert home.ada.store.rows("SELECT COUNT(*) FROM tokens WHERE contact = 1 AND is_live") == [(1,)]
    assert len(home.server.tokens) == 2 * FULL_TOKENS
