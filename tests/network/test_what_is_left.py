"""What database, store and log hold about a routed message while it travels and once it has ended."""

import json
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing

import pytest

from mesa.demo.leftovers import Leftovers, Traces
from mesa.dumps import STORE, Dump, holding, users_in
from mesa.traces import pieces_in, pieces_of
from p2p.protocol.fields import b64_bytes, b64_text
from tests.live_tree import ROOT
from tests.network.agents import Event
from tests.network.conftest import ADA, BO, FORWARDERS, Town, build_town
from tests.servers import PostgreSQL
from tests.waiting import wait_for

TEXT = "the meeting is moved to the old harbour"
ENDED_LIMIT_S = 40.0
MANY = 5
USER_TABLES = ("accounts_user", "accounts_device")


def take_dump(town: Town) -> Dump:
    done = subprocess.run(
        [sys.executable, "manage.py", "mesa_dump"],
        cwd=ROOT,
        env=town.tree.environment,
        capture_output=True,
        check=True,
    )
    dump: Dump = json.loads(done.stdout)
    return dump


def hops_of(told: list[Event]) -> frozenset[str]:
    return frozenset(hop for event in told for hop in event.get("hops", []))


def judge(before: Dump, after: Dump, told: list[Event]) -> Leftovers:
    return Leftovers(before, after, Traces(hops_of(told), TEXT))


def ids_in(dump: Dump) -> list[bytes]:
    """Every id of a user, device, login, transaction or path, and the name of every peer that is online."""
    tables = [name for name in dump if name.startswith(("accounts_", "p2p_"))]
    rows = [uuid.UUID(row["id"]).bytes for table in tables for row in dump[table].values() if "id" in row]
    return [*rows, *(b64_bytes(name.split(":")[2]) for name in dump[STORE] if name.startswith("mesa:peer:"))]


def lines_with(text: str, ids: Iterable[bytes]) -> list[str]:
    """List the lines that hold a piece of any of these ids, in whatever spelling."""
    pieces = frozenset[bytes]().union(*map(pieces_of, ids))
    return [line for line in set(text.splitlines()) if not pieces.isdisjoint(pieces_in(line))]


def count_open(town: Town) -> int:
    """Ask the database itself: a dump takes a process of its own, for every look."""
    statement = "SELECT count(*) FROM p2p_p2ptransaction WHERE state = 'open'"
    database = town.servers.database
    if isinstance(database, PostgreSQL):
        return int(database.execute(statement))
    with closing(sqlite3.connect(town.tree.state_dir / "mesa.sqlite3")) as connection:
        return int(connection.execute(statement).fetchone()[0])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Dump, Dump, list[Event]]]:
    """Messages were sent, delivered and are over: the town, dumps before and after, what ada's agent told.

    The town is its own: senders that other tests killed leave transactions that end later.
    """
    with build_town(tmp_path_factory) as town:
        yield from _tell(town)


def _tell(town: Town) -> Iterator[tuple[Town, Dump, Dump, list[Event]]]:
    town.forward(*FORWARDERS)
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    before = take_dump(town)
    told = [event for _ in range(MANY) for event in town.ada.run("send", BO, TEXT, "--timeout", "50")]
    wait_for(lambda: count_open(town) == 0, limit_s=ENDED_LIMIT_S)
    yield town, before, take_dump(town), told
    bo.stop()


Story = tuple[Town, Dump, Dump, list[Event]]


@pytest.mark.db
def test_only_undated_rows_and_rows_without_users_differ(story: Story) -> None:
    _, before, after, told = story

    leftovers = judge(before, after, told)

    assert leftovers.found
    assert leftovers.unexpected == []


@pytest.mark.db
def test_no_hop_of_the_path_is_left_anywhere(story: Story) -> None:
    town, _, after, told = story
    hops = [b64_bytes(hop) for hop in hops_of(told)]

    assert len(hops) >= len(FORWARDERS) - 2
    assert holding(after, ids=hops) == []
    assert lines_with(town.tree.output, hops) == []


@pytest.mark.db
def test_neither_text_nor_names_reach_database_files_store_or_log(story: Story) -> None:
    town, _, after, _ = story
    names = [ADA, BO, *FORWARDERS]

    assert TEXT.encode() not in database_bytes(town)
    assert holding(after, texts=[TEXT]) == []
    assert TEXT not in town.tree.output
    assert [name for name in names if name in town.tree.output] == []


def test_no_id_reaches_the_log_whole_or_in_pieces(story: Story) -> None:
    town, _, after, _ = story
    ids = ids_in(after)

    assert len(ids) > 3 * len(FORWARDERS)
    assert "DEBUG" in town.tree.output
    assert lines_with(town.tree.output, ids) == []


@pytest.mark.db
def test_deleted_rows_leave_no_path_in_the_database_files(story: Story) -> None:
    town, _, _, told = story
    hops = {b64_bytes(hop) for hop in hops_of(told)}
    files = database_bytes(town)

    assert not any(
        spelling in files for hop in hops for spelling in (hop, hop.hex().encode(), b64_text(hop).encode())
    )


def test_a_leak_would_be_seen(story: Story) -> None:
    """The searches above are red on a server that keeps what it must not keep."""
    _, _, after, told = story
    ada, bo, forwarder = (
        next(row["id"] for row in after["accounts_user"].values() if row["username"] == name)
        for name in (ADA, BO, FORWARDERS[0])
    )
    hop = next(iter(hops_of(told)))
    row, path = (next(iter(after[table].values())) for table in ("p2p_p2ptransaction", "p2p_p2ppath"))
    half = uuid.UUID(forwarder).hex[:16]
    # Who there is, and nothing else: all else was searched above.
    clean: Dump = {name: {} for name in after} | {name: after[name] for name in USER_TABLES}
    leaks: dict[str, Dump] = {
        "sender": {"p2p_p2ptransaction": {"x": {**row, "owner": ada}}},
        "second": {"p2p_p2ptransaction": {"x": {**row, "started": "2026-01-01 10:00:01"}}},
        "forwarder": {"p2p_p2ppath": {"x": {**path, "id": forwarder}}},
        "half": {"p2p_p2ppath": {"x": {**path, "id": half + path["id"][16:]}}},
        "two halves": {STORE: {"mesa:seen": {"value": half + uuid.UUID(ada).hex[:16]}}},
        "path": {STORE: {"mesa:path:1:1": {"value": "peers"}}},
        "pair": {STORE: {"mesa:seen": {"value": f"{ada} {bo}"}}},
        "hop": {STORE: {"mesa:seen": {"value": b64_bytes(hop).hex()}}},
        "text": {STORE: {"mesa:seen": {"value": TEXT}}},
    }

    assert judge(clean, clean, told).unexpected == []
    assert [
        name for name, leak in leaks.items() if not judge(clean, {**clean, **leak}, told).unexpected
    ] == []


def test_agents_print_nothing_but_what_their_user_may_see(story: Story) -> None:
    town, _, after, _ = story
    said = {name: json.dumps(agent.events) + agent.errors for name, agent in town.running.items()}
    ends = [user for user in users_in(after) if user.name.strip('"') in (ADA, BO)]

    assert set(said) == set(FORWARDERS)
    assert len(ends) == len((ADA, BO))
    for text in said.values():
        assert not any(name in text for name in (ADA, BO))
        pieces = pieces_in(text)
        assert [end.name for end in ends if end.is_named_in(text, pieces)] == []


def database_bytes(town: Town) -> bytes:
    """The database, its write-ahead log, and whatever else lies beside it."""
    database = town.servers.database
    if isinstance(database, PostgreSQL):
        database.write_out()
        files = [path for path in database.data.rglob("*") if path.is_file()]
    else:
        files = [path for path in town.tree.state_dir.iterdir() if path.is_file() and "sqlite3" in path.name]
    assert files
    return b"".join(path.read_bytes() for path in files)
