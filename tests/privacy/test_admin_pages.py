"""No operators' page shows more than names, counts and states: every page is walked and its HTML searched."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts.acts import ACTS, carry_out
from accounts.invitations import make_invitations
from accounts.mailbox import post_by_name
from accounts.models import Device, User
from mesa.dumps import STORE, Dump, take_dump
from mesa.traces import pieces_in, pieces_of
from p2p.models import P2PTransaction
from p2p.protocol.errors import BadFrame
from p2p.protocol.fields import b64_bytes
from p2p.protocol.to_server import Complete
from tests.factories import make_operator, make_user
from tests.p2p.peers import Network
from tests.p2p.scenes import open_path, send_to, take_path
from tests.permissions.admin_rows import ADMIN_ROWS

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEX = re.compile(r"\b[0-9a-f]{16,}\b")
BASE64 = re.compile(r"[A-Za-z0-9_-]{16,}")
WORD = re.compile(r"[a-z_]+")
# Sorting changes the order of a list only, in ever new ways.
LINK = re.compile(r'href="(/admin/[^"?]*|\?(?!o=)[^"&]*)"')
# Names of users, and ids under which an operator finds the page of one.
SHOWN_COLUMNS = {"accounts_user": {"id", "username"}}
MANY = 400
# Where neither a user's name nor a user's id may stand.
NAMELESS = ("/admin/p2p/", "/admin/accounts/invitation/")


@dataclass(frozen=True)
class Town:
    """What the pages are searched for: ids and bytes, and the users by name."""

    secrets: frozenset[bytes]
    users: dict[str, User]


def raw_ids(text: str) -> Iterator[bytes]:
    """Give every id, key, digest or sealed text in a text, as bytes."""
    for found in UUID.findall(text):
        yield bytes.fromhex(found.replace("-", ""))
    rest = UUID.sub(" ", text)
    for found in HEX.findall(rest):
        yield bytes.fromhex(found[: len(found) // 2 * 2])
    rest = HEX.sub(" ", rest)
    for found in BASE64.findall(rest):
        if not WORD.fullmatch(found):
            yield from _decoded(found)


def _decoded(text: str) -> Iterator[bytes]:
    try:
        yield b64_bytes(text)
    except BadFrame:
        return


def secrets_of(dump: Dump) -> frozenset[bytes]:
    """Cut all that database and store hold into pieces, but what pages may show."""
    found: set[bytes] = set()
    users = {bytes.fromhex(row["id"].replace("-", "")) for row in dump["accounts_user"].values()}
    for where, rows in dump.items():
        if where != STORE and not where.startswith(("accounts_", "p2p_")):
            continue
        for name, row in rows.items():
            hidden = {key: value for key, value in row.items() if key not in SHOWN_COLUMNS.get(where, ())}
            found.update(raw_ids(json.dumps([name if where == STORE else "", hidden])))
    return frozenset().union(*map(pieces_of, found - users))


def live_town(earlier: frozenset[bytes]) -> Town:
    """Add to a network what else there may be: an envelope, invitations, an operator's log, an old login."""
    users = {user.username: user for user in User.objects.all()}
    device = Device.objects.get(user=users["bo"])
    post_by_name(sender=users["ada"], username="bo", device_id=device.pk, sealed=bytes(range(49)))
    make_invitations(count=2, days=3)
    operator = make_user("operator", is_staff=True, is_superuser=True)
    for act in ACTS[:3]:
        carry_out(act, user=users["fw1"], operator=operator)
    return Town(earlier | secrets_of(take_dump()), users)


def first_pages() -> Iterator[str]:
    """Every page of the table, for every row that there is."""
    for row in ADMIN_ROWS:
        if row.method != "GET" or "content_type_id" in row.route or "(?P" in row.route:
            continue
        if "/user/" in row.route:
            for user in User.objects.all():
                at = row.route.replace("<path:object_id>", str(user.pk)).replace(
                    "<uuid:user_id>", str(user.pk)
                )
                yield from (f"/{at.replace('<slug:name>', act.name)}" for act in ACTS)
                yield f"/admin/accounts/user/?q={user.username}"
        else:
            yield f"/{row.route}"
    for tx in P2PTransaction.objects.all():
        yield f"/admin/p2p/p2ptransaction/{tx.pk}/change/"
        yield f"/admin/p2p/p2ptransaction/?id={tx.pk}"


def walk(client: Client) -> dict[str, str]:
    """Fetch every page, and every page that a page links to; returns what they say."""
    waiting, pages = list(first_pages()), dict[str, str]()
    while waiting:
        address = waiting.pop()
        if address in pages or "logout" in address:
            continue
        response = client.get(address)
        text = response.content.decode() if response.status_code == 200 else ""
        pages[address] = text
        base = address.partition("?")[0]
        waiting += [base + link if link.startswith("?") else link for link in LINK.findall(text)]
        assert len(pages) < MANY
    return {address: text for address, text in pages.items() if text}


@pytest.fixture
async def town(network: Network) -> Town:
    """A transaction that has ended, and one whose path is open."""
    ended = await open_path(network, forwarders=4)
    earlier = secrets_of(await sync_to_async(take_dump)())
    await ended.receiver.send(ended.receipt())
    await ended.sender.send(Complete(ended.ready.tx))
    await ended.sender.settled()
    tx_key = await send_to(ended.sender, ended.receiver.login)
    await take_path(tx_key, ended.sender, network.peers)
    return await sync_to_async(live_town)(earlier)


@pytest.mark.parametrize("is_superuser", [False, True])
async def test_no_page_shows_more_than_names_counts_and_states(town: Town, is_superuser: bool) -> None:
    client = await sync_to_async(make_operator)(is_superuser=is_superuser)

    pages = await sync_to_async(walk)(client)

    assert len(pages) > 30
    # Most lines stand on many pages.
    lines = {line for text in pages.values() for line in without_own_tokens(text).splitlines()}
    assert [line for line in lines if not town.secrets.isdisjoint(pieces_in(line))] == []
    for word in ("127.0.0.1", "v=0", "argon2", "md5$", "candidate:"):
        assert [line for line in lines if word in line] == []


async def test_no_page_of_transactions_names_a_user(town: Town) -> None:
    client = await sync_to_async(make_operator)(is_superuser=True)

    pages = await sync_to_async(walk)(client)

    nameless = {at: text for at, text in pages.items() if at == "/admin/" or at.startswith(NAMELESS)}
    assert len(nameless) >= 3
    for address, text in nameless.items():
        assert users_in(text, town) == [], address


async def test_page_of_a_user_names_that_user_alone(town: Town) -> None:
    client = await sync_to_async(make_operator)(is_superuser=True)

    pages = await sync_to_async(walk)(client)

    for name, user in town.users.items():
        own = {at: text for at, text in pages.items() if str(user.pk) in at or at.endswith(f"?q={name}")}
        assert len(own) >= 3
        for address, text in own.items():
            assert users_in(text, town) == [name], address


def without_own_tokens(text: str) -> str:
    """A page without the tokens of its own forms, which are random."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


def users_in(text: str, town: Town) -> list[str]:
    return [
        name for name, user in town.users.items() if re.search(rf"\b{name}\b", text) or str(user.pk) in text
    ]
