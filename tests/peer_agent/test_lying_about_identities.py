"""A server that shows other identities than it did: each lie is caught before anything is sent, and told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.ids import TransactionId
from p2p.protocol.to_peer import AttemptFailed
from p2p.protocol.to_server import Repath
from p2p.protocol.words import Cause
from peer_agent.account import Account
from peer_agent.api import Api
from peer_agent.contact_book import Contact
from peer_agent.crypto.chain import pack_chain
from peer_agent.crypto.identity import safety_number
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.errors import ContactBlocked, Refused
from peer_agent.events import ContactAsked, ContactRenewed, ContactUnsafe, FalseClaim, FalseWord
from peer_agent.handshakes import Handshakes
from peer_agent.safety import Danger, danger_of
from peer_agent.state_dir import prepare_state_dir
from peer_agent.store import open_store
from tests.peer_agent.devices import make_account
from tests.peer_agent.fake_server import Party
from tests.peer_agent.households import recovered, show, with_device, with_new_code
from tests.peer_agent.lying_town import LIMIT_S, Sender, Town, open_town

DAY_S = 86_400.0
FALSE_PREKEYS = FalseClaim(FalseWord.PREKEYS, "bo", None)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


def bo_as_ada_knows_him(town: Town) -> Contact:
    return town.ada.parts.books.contacts.require("bo")


async def begin_session(town: Town) -> None:
    """Have ada claim bo's bundle, as for a message when there is no session or it is due for renewal."""
    ada, bo = town.ada, bo_as_ada_knows_him(town)
    own, parts = ada.account.device, ada.parts
    handshakes = Handshakes(own, Api(ada.rest), parts.books, parts.pins, ada.clock, ada.events.append)
    await handshakes.begin_with(bo, bo.devices[0])


def swapped(town: Town) -> tuple[Account, Account]:
    return town.bo.account, make_account("bo", town.time.clock())


def rolled_back(town: Town) -> tuple[Account, Account]:
    return with_new_code(town.bo.account), town.bo.account


def forked_by_a_device(town: Town) -> tuple[Account, Account]:
    return with_device(town.bo.account), with_device(town.bo.account)


LIES: dict[Danger, Callable[[Town], tuple[Account, Account]]] = {
    Danger.OTHER_KEYS: swapped,
    Danger.ROLLED_BACK: rolled_back,
    Danger.FORKED: forked_by_a_device,
}


async def lie(town: Town, tell: Callable[[Town], tuple[Account, Account]]) -> None:
    """Show ada the truth once, and then something else."""
    truth, untruth = tell(town)
    town.ada.parts.pins.server_shows(bo_as_ada_knows_him(town).number, truth.statements)
    town.ada.events.clear()
    show(town.server, untruth)


@pytest.mark.parametrize("danger", LIES)
async def test_lie_in_a_bundle_is_caught_and_told(town: Town, danger: Danger) -> None:
    await lie(town, LIES[danger])

    with pytest.raises(ContactBlocked) as blocked:
        await begin_session(town)

    assert danger_of(bo_as_ada_knows_him(town)) is danger
    assert town.ada.events == [ContactUnsafe("bo")]
    assert "mesa-peer verify bo" in str(blocked.value)


@pytest.mark.parametrize("danger", LIES)
async def test_after_a_lie_nothing_is_sent(town: Town, danger: Danger) -> None:
    await lie(town, LIES[danger])
    with pytest.raises(ContactBlocked):
        await begin_session(town)
    town.server.requests.clear()

    with pytest.raises(ContactBlocked):
        town.ada.parts.delivery.send("bo", "hello")

    assert town.server.requests == []


async def test_swapped_identity_is_told_with_both_safety_numbers(town: Town) -> None:
    truth, untruth = swapped(town)
    show(town.server, untruth)

    with pytest.raises(ContactBlocked) as blocked:
        await begin_session(town)

    for identity in (truth.identity, untruth.identity):
        assert safety_number(town.ada.account.identity, identity) in str(blocked.value)


@pytest.mark.parametrize("danger", LIES)
async def test_lie_in_the_way_of_a_waiting_message_blocks_it(town: Town, danger: Danger) -> None:
    sender = Sender(town)
    town.ada.store.change("DELETE FROM sessions")
    town.ada.store.change("DELETE FROM envelopes")
    await lie(town, LIES[danger])

    await sender.path(OnionKeys.create(day=sender.day).signed(town.bo.account.device).pack())

    await sender.state("blocked")
    assert ContactUnsafe("bo") in town.ada.events
    assert sender.cells == []


async def test_message_that_waits_goes_nowhere_once_other_keys_were_seen_elsewhere(town: Town) -> None:
    """Its session is at hand, so the way out asks for no keys itself; a message or the mailbox saw others."""
    sender = Sender(town)
    await sender.transaction()
    _, untruth = swapped(town)
    town.ada.parts.pins.block(bo_as_ada_knows_him(town).number, untruth.chain)

    await sender.path(OnionKeys.create(day=sender.day).signed(town.bo.account.device).pack())

    await sender.state("blocked")
    assert sender.cells == []


async def test_message_on_an_open_path_is_not_sent_again_once_other_keys_were_seen(town: Town) -> None:
    sender = Sender(town)
    onion_key = OnionKeys.create(day=sender.day).signed(town.bo.account.device).pack()
    tx = await sender.path(onion_key)
    await sender.state("sent")
    sender.cells.clear()
    _, untruth = swapped(town)
    town.ada.parts.pins.block(bo_as_ada_knows_him(town).number, untruth.chain)

    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.HOP_FAILED, None))
    await sender.path(onion_key, attempt=2)

    await sender.state("blocked")
    assert sender.cells == []


async def test_replayed_bundle_of_before_a_recovery_is_a_roll_back(town: Town) -> None:
    """Chain and prekeys as the server had them, when the device that is lost was bo's."""
    replayed = replace(town.server.users["bo"], prekeys=dict(town.server.users["bo"].prekeys))
    town.ada.parts.pins.server_shows(bo_as_ada_knows_him(town).number, recovered(town.bo.account).statements)

    town.server.users["bo"] = replayed

    with pytest.raises(ContactBlocked):
        await begin_session(town)
    assert danger_of(bo_as_ada_knows_him(town)) is Danger.ROLLED_BACK


def replay_prekeys(town: Town) -> Account:
    """Offer the prekeys of bo's lost device as those of the one that came in its place, which ada knows."""
    later = recovered(town.bo.account)
    town.ada.parts.pins.server_shows(bo_as_ada_knows_him(town).number, later.statements)
    show(town.server, later)
    town.server.users["bo"].device = str(later.device_id)
    return later


async def test_replayed_prekeys_under_the_chain_of_today_begin_nothing(town: Town) -> None:
    replay_prekeys(town)
    town.ada.events.clear()

    with pytest.raises(Refused):
        await begin_session(town)

    assert not bo_as_ada_knows_him(town).is_unsafe
    assert town.ada.events == [FALSE_PREKEYS]


async def test_replayed_prekeys_in_the_way_of_a_waiting_message_are_told_once(town: Town) -> None:
    sender = Sender(town)
    town.ada.store.change("DELETE FROM sessions")
    town.ada.store.change("DELETE FROM envelopes")
    later = replay_prekeys(town)

    await path_to(sender, town, later)

    async with asyncio.timeout(LIMIT_S):
        while len(town.server.bodies("POST bundles")) < 3:
            await town.server.asked.get()
    assert town.ada.events.count(FALSE_PREKEYS) == 1
    assert sender.cells == []


async def test_old_prekeys_of_the_right_device_begin_nothing(town: Town) -> None:
    town.time.now += 100 * DAY_S

    with pytest.raises(Refused) as refused:
        await begin_session(town)

    assert str(refused.value) == "The server's prekeys of that user do not verify."
    # bo may have been away for so long.
    assert FALSE_PREKEYS not in town.ada.events


async def test_no_session_begins_with_a_device_that_the_chain_of_today_removed(town: Town) -> None:
    show(town.server, recovered(town.bo.account))

    with pytest.raises(Refused) as refused:
        await begin_session(town)

    assert str(refused.value) == "bo does not have that device any more."
    assert town.ada.events[-1] == ContactRenewed("bo", 1, 1)


async def test_path_to_a_device_that_bo_added_is_asked_for_again(town: Town) -> None:
    sender, later = Sender(town), recovered(town.bo.account)
    show(town.server, later)

    tx = await path_to(sender, town, later)

    await sender.frame(Repath(tx, 1))
    assert bo_as_ada_knows_him(town).chain == later.chain
    assert ContactRenewed("bo", 1, 1) in town.ada.events
    assert sender.cells == []


async def test_path_to_a_device_that_nobody_named_blocks(town: Town) -> None:
    sender = Sender(town)

    await path_to(sender, town, make_account("bo", town.time.clock()))

    await sender.state("blocked")
    assert danger_of(bo_as_ada_knows_him(town)) is Danger.WRONG_KEY
    assert sender.cells == []


async def test_path_to_an_unknown_device_waits_while_the_chain_can_not_be_had(town: Town) -> None:
    sender = Sender(town)
    await sender.transaction()
    town.server.problems["POST bundles"] = (503, "unavailable")

    tx = await path_to(sender, town, make_account("bo", town.time.clock()))

    await sender.frame(Repath(tx, 1))
    assert not bo_as_ada_knows_him(town).is_unsafe


async def path_to(sender: Sender, town: Town, receiver: Account) -> TransactionId:
    """Tell ada of a path to whatever device this account is on."""
    town.bo.account = receiver
    return await sender.path(OnionKeys.create(day=sender.day).signed(receiver.device).pack())


async def test_request_of_a_device_that_was_removed_is_not_shown(town: Town) -> None:
    """Whoever has olga's lost device asks bo with the chain that still names it."""
    olga = town.party("olga")
    await olga.parts.contacts.request("bo")
    show(town.server, recovered(olga.account))

    await town.bo.look()

    assert ContactAsked("olga") not in town.bo.events
    assert town.bo.parts.books.contacts.find("olga") is None


async def test_request_of_a_removed_device_is_not_shown_though_the_server_hides_the_removal(
    town: Town,
) -> None:
    olga = town.party("olga")
    await olga.parts.contacts.request("bo")
    await town.bo.look()
    contact = town.bo.parts.books.contacts.find("olga")
    assert contact is not None
    town.bo.events.clear()
    town.bo.parts.pins.server_shows(contact.number, recovered(olga.account).statements)

    await olga.parts.contacts.request("bo", "it is still me")
    await town.bo.look()

    after = town.bo.parts.books.contacts.find("olga")
    assert after is not None
    assert (after.greeting, after.is_unsafe) == ("", False)
    assert town.bo.events == [ContactRenewed("olga", 1, 1)]


async def test_somebody_else_of_that_name_who_asks_blocks(town: Town) -> None:
    """The name is somebody else's by now, at the server as in the request."""
    account = make_account("bo", town.time.clock())
    town.server.add(account)
    store = open_store(prepare_state_dir(town.path / "other"), None)
    other = Party(account, store, town.server, town.time.clock(), town.tasks)
    await other.look()
    await other.parts.contacts.request("ada")

    await town.ada.look()

    assert danger_of(bo_as_ada_knows_him(town)) is Danger.OTHER_KEYS
    assert town.ada.events[-1] == ContactUnsafe("bo")
    assert bo_as_ada_knows_him(town).chain == town.bo.account.chain


async def test_fork_in_a_request_of_a_pinned_device_blocks(town: Town) -> None:
    """Two lists that bo's device signed: one was shown by the server, the other comes with a request."""
    town.ada.parts.pins.server_shows(
        bo_as_ada_knows_him(town).number, with_device(town.bo.account).statements
    )
    before = bo_as_ada_knows_him(town)
    forked = with_device(town.bo.account)
    show(town.server, forked)
    await asks_again(town, forked)

    await town.ada.look()

    after = bo_as_ada_knows_him(town)
    assert danger_of(after) is Danger.FORKED
    assert (after.their_token, after.owes_yes) == (before.their_token, False)


async def asks_again(town: Town, account: Account) -> None:
    """Have bo's device ask ada as if it had never met her, with this chain of its own."""
    store = open_store(prepare_state_dir(town.path / "again"), None)
    again = Party(account, store, town.server, town.time.clock(), town.tasks)
    await again.look()
    await again.parts.contacts.request("ada")


async def test_request_with_a_fork_of_what_the_server_has_is_not_shown(town: Town) -> None:
    olga = town.party("olga")
    olga.account = with_device(olga.account)
    olga.assemble()
    await olga.parts.contacts.request("bo")
    show(town.server, with_device(make_first(olga.account)))

    await town.bo.look()

    assert town.bo.parts.books.contacts.find("olga") is None


def make_first(account: Account) -> Account:
    """The account as it was at sign-up."""
    return replace(account, chain=pack_chain(account.statements[:1]))


async def test_request_with_more_than_the_server_shows_is_pinned_as_it_came(town: Town) -> None:
    """What the server hides can not be taken back: the next bundle that leaves it out is a roll-back."""
    olga = town.party("olga")
    olga.account = with_new_code(olga.account)
    olga.assemble()
    await olga.parts.contacts.request("bo")

    await town.bo.look()

    contact = town.bo.parts.books.contacts.find("olga")
    assert contact is not None
    assert contact.chain == olga.account.chain
    with pytest.raises(ContactBlocked):
        town.bo.parts.pins.server_shows(contact.number, make_first(olga.account).statements)
