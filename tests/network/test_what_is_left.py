"""What database, store and log hold about a routed message while it travels and once it has ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesa.demo.leftovers import Leftovers
from mesa.dumps import STORE, Dump
from p2p.protocol.fields import b64_bytes
from tests.live_tree import ROOT
from tests.network.agents import Event
from tests.network.conftest import ADA, BO, FORWARDERS, Town
from tests.waiting import wait_for

TEXT = "the meeting is moved to the old harbour"
ENDED_LIMIT_S = 40.0
MANY = 5


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


def names_of(dump: Dump, username: str) -> set[str]:
    """Everything that names a user: name, id, device id; ids in every spelling."""
    user = next(row["id"] for row in dump["accounts_user"].values() if row["username"] == username)
    devices = [row["id"] for row in dump["accounts_device"].values() if row["user_id"] == user]
    ids = {
        spelling for ident in (user, *devices) for spelling in (dashed(ident), dashed(ident).replace("-", ""))
    }
    return {f'"{username}"', *ids}


def dashed(ident: str) -> str:
    plain = ident.replace("-", "")
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def rows(dump: Dump) -> Iterator[tuple[str, str]]:
    """Each row of each table and each key of the store with its value, as text."""
    for where, table in dump.items():
        for name, row in table.items():
            yield where, json.dumps([name, row])


def naming_both(dump: Dump, one: str, other: str) -> list[str]:
    """Where a row or key names two users."""
    ones, others = names_of(dump, one), names_of(dump, other)
    return [
        where
        for where, text in rows(dump)
        if any(name in text for name in ones) and any(name in text for name in others)
    ]


def ended(dump: Dump) -> bool:
    return all(row["state"] != "open" for row in dump["p2p_p2ptransaction"].values())


@pytest.fixture(scope="module")
def story(request: pytest.FixtureRequest) -> Iterator[tuple[Town, Dump, Dump, list[Event]]]:
    """A message was sent, delivered and is over: the town, dumps before and after, what ada's agent told."""
    town: Town = request.getfixturevalue("town")
    town.forward(*FORWARDERS)
    bo = town.bo.start("listen", "--no-forward")
    bo.wait_for_event("online")
    before = take_dump(town)
    told = [event for _ in range(MANY) for event in town.ada.run("send", BO, TEXT, "--timeout", "50")]
    wait_for(lambda: ended(take_dump(town)), limit_s=ENDED_LIMIT_S)
    yield town, before, take_dump(town), told
    bo.stop()


Story = tuple[Town, Dump, Dump, list[Event]]


def test_only_undated_rows_and_rows_without_users_differ(story: Story) -> None:
    _, before, after, _ = story

    leftovers = Leftovers(before, after)

    assert leftovers.found
    assert leftovers.unexpected == []


def test_no_row_and_no_key_names_sender_beside_receiver(story: Story) -> None:
    _, _, after, _ = story

    assert names_of(after, ADA)
    assert naming_both(after, ADA, BO) == []


def test_no_hop_of_the_path_is_left_anywhere(story: Story) -> None:
    town, _, after, told = story
    hops = {hop for event in told for hop in event.get("hops", [])}
    spellings = hops | {b64_bytes(hop).hex() for hop in hops}

    assert len(hops) >= 4 * MANY
    found = [where for where, text in rows(after) if any(spelling in text for spelling in spellings)]
    assert found == []
    assert not any(spelling in town.tree.output for spelling in spellings)


def test_neither_text_nor_names_reach_database_files_store_or_log(story: Story) -> None:
    town, _, after, _ = story
    files = b"".join(path.read_bytes() for path in database_files(town.tree.state_dir))

    assert files
    assert TEXT.encode() not in files
    assert not any(TEXT in text for _, text in rows(after))
    assert TEXT not in town.tree.output
    assert not any(name.strip('"') in town.tree.output for name in names_of(after, ADA) | names_of(after, BO))


def test_deleted_rows_leave_no_path_in_the_database_files(story: Story) -> None:
    town, _, _, told = story
    hops = {b64_bytes(hop) for event in told for hop in event.get("hops", [])}
    files = b"".join(path.read_bytes() for path in database_files(town.tree.state_dir))

    assert not any(hop in files or hop.hex().encode() in files for hop in hops)


def test_a_leak_would_be_seen(story: Story) -> None:
    """The searches above are red on a server that keeps what it must not keep."""
    _, before, after, _ = story
    ada = next(row for row in after["accounts_user"].values() if row["username"] == ADA)
    bo = next(row for row in after["accounts_user"].values() if row["username"] == BO)
    row = next(iter(after["p2p_p2ptransaction"].values()))
    with_sender = {**after, "p2p_p2ptransaction": {"x": {**row, "owner": ada["id"]}}}
    with_second = {**after, "p2p_p2ptransaction": {"x": {**row, "started": "2026-01-01 10:00:01"}}}
    with_path = {**after, STORE: {**after[STORE], "mesa:path:1:1": {"value": "peers"}}}
    with_pair = {**after, STORE: {**after[STORE], "mesa:seen": {"value": f"{ada['id']} {bo['id']}"}}}

    assert all(Leftovers(before, leaky).unexpected for leaky in (with_sender, with_second, with_path))
    assert naming_both(with_pair, ADA, BO) == [STORE]


def database_files(state_dir: Path) -> list[Path]:
    """The database, its write-ahead log, and whatever else lies beside it."""
    return sorted(path for path in state_dir.iterdir() if path.is_file() and "sqlite3" in path.name)


def test_agents_print_nothing_but_what_their_user_may_see(story: Story) -> None:
    town, _, after, _ = story
    said = {name: json.dumps(agent.events) + agent.errors for name, agent in town.running.items()}
    foreign = names_of(after, ADA) | names_of(after, BO)

    assert set(said) == set(FORWARDERS)
    assert not any(name in text for text in said.values() for name in foreign)
