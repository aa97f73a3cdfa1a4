"""A message from outbox to receipt, over a path of real cells between parts that have no network."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from p2p.protocol.ids import TransactionId
from p2p.protocol.parts import Credit, HeldReceipt, OpenTransaction
from p2p.protocol.to_peer import AttemptFailed, Snapshot, TransactionEnded, TransactionReceipt
from p2p.protocol.to_server import Complete, Repath
from p2p.protocol.words import Cause, EndState, TransactionState
from peer_agent.contact_book import ContactState, new_contact
from peer_agent.crypto.onion_keys import OnionKeys
from peer_agent.errors import ContactBlocked, UnknownUser, UsageError
from peer_agent.events import ContactUnsafe, Event, FalseClaim, FalseWord
from tests.peer_agent.delivery_town import Town, open_town
from tests.peer_agent.devices import make_account
from tests.peer_agent.fake_server import Party


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path) as made:
        yield made


async def test_message_arrives_and_its_receipt_ends_the_wait(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    town.receipt(tx, await town.arrive())

    event = await town.progress("delivered")

    assert (event.to, event.attempt) == ("bo", 1)
    assert town.shown() == ["hello"]


async def test_progress_names_the_hops_in_order(town: Town) -> None:
    tx = await town.start()
    town.path(tx)

    assert list((await town.progress("path")).hops) == town.hops
    assert list((await town.progress("sent")).hops) == town.hops


async def test_second_attempt_sends_the_same_message_in_new_cells(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    first = await town.cell()
    before = town.peel(first)
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.NO_RECEIPT, None))
    town.path(tx, 2)
    second = await town.cell()
    after = town.peel(second)

    assert after.body == before.body
    assert after.stream != before.stream
    pieces = {first[at : at + 8] for at in range(len(first) - 7)}
    assert not any(second[at : at + 8] in pieces for at in range(len(second) - 7))


async def test_path_that_is_told_twice_is_taken_once(town: Town) -> None:
    tx = await town.start("one")
    town.path(tx)
    first_hop = town.hops[0]
    await town.cell()

    town.path(tx)
    town.ada.parts.delivery.send("bo", "two")

    assert (await town.cell()).startswith(first_hop)


async def test_message_that_arrives_over_two_attempts_is_shown_once(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    lost = await town.arrive()
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.NO_RECEIPT, None))
    town.path(tx, 2)
    again = await town.arrive()
    town.receipt(tx, again)
    await town.progress("delivered")

    assert lost == again
    assert town.shown() == ["hello"]


async def test_many_messages_share_one_transaction_and_one_session(town: Town) -> None:
    tx = await town.start("0")
    for number in range(1, 40):
        town.ada.parts.delivery.send("bo", str(number))
    town.path(tx)
    for _ in range(40):
        town.receipt(tx, await town.arrive())

    assert town.shown() == [str(number) for number in range(40)]
    assert [route for route, _ in town.server.requests] == []
    assert town.ada.store.rows("SELECT COUNT(*) FROM sessions") == [(1,)]


async def test_long_message_goes_in_windows_that_credit_renews(town: Town) -> None:
    tx = await town.start("x" * 65_000)
    town.path(tx)
    cells = [await town.cell() for _ in range(16)]
    assert town.cells.empty()
    stream = town.peel(cells[0]).stream

    town.ada.parts.delivery.receipt(TransactionReceipt(tx, (), Credit(stream, 15)))

    rest = [town.peel(await town.cell()).index for _ in range(2)]
    assert rest == [16, 17]


@pytest.mark.parametrize("what", ["device", "signature"])
async def test_wrong_key_of_the_receiver_blocks_the_contact(town: Town, what: str) -> None:
    tx = await town.start()
    stranger = make_account("bo", town.time.clock())
    forged = town.keys[3].signed(stranger.device).pack()
    frame = replace(town.path_frame(tx), onion_key=forged)

    town.ada.parts.delivery.path_ready(
        replace(frame, device=stranger.device_id) if what == "device" else frame
    )

    await town.progress("blocked")
    assert ContactUnsafe("bo") in town.ada.events
    assert town.cells.empty()
    assert isinstance(await town.frame(Complete), Complete)
    with pytest.raises(ContactBlocked):
        town.ada.parts.delivery.send("bo", "more")


async def test_key_of_another_day_asks_for_another_path_and_blocks_nobody(town: Town) -> None:
    tx = await town.start()
    old = OnionKeys.create(day=town.time.clock().day() - 3).signed(town.bo.account.device).pack()

    town.ada.parts.delivery.path_ready(replace(town.path_frame(tx), onion_key=old))

    assert await town.frame(Repath) == Repath(tx, 1)
    assert not town.ada.parts.books.contacts.all()[0].is_unsafe


async def test_chain_that_changed_at_the_server_blocks_before_anything_is_sealed(town: Town) -> None:
    town.ada.store.change("DELETE FROM sessions")
    tx = await town.start()
    town.server.add(make_account("bo", town.time.clock()))

    town.path(tx)

    await town.progress("blocked")
    assert town.cells.empty()


async def test_path_for_a_transaction_of_nobody_is_ignored(town: Town) -> None:
    await town.start()

    town.path(TransactionId(uuid.uuid4()))

    assert town.cells.empty()


async def test_server_that_can_not_take_the_transaction_is_asked_again(town: Town) -> None:
    town.server.problems["POST transactions"] = (503, "unavailable")
    await town.start()
    town.server.problems.clear()

    tx = await town.next_transaction()
    town.path(tx)

    assert await town.arrive() is not None


async def test_false_receipt_delivers_nothing(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    entry = await town.arrive()
    assert entry is not None

    for _ in range(2):
        town.receipt(tx, replace(entry, mac=bytes(16)))
    (contact,) = town.ada.parts.books.contacts.all()
    (number,) = (stored.number for stored in town.ada.parts.books.history.undelivered(contact.number))
    assert told_false(town) == [FalseClaim(FalseWord.RECEIPT, "bo", number)]
    town.receipt(tx, entry)

    await town.progress("delivered")
    assert town.told.empty()


async def test_transaction_that_somebody_calls_complete_is_told_and_gone_on_with(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    entry = await town.arrive()

    town.ada.parts.delivery.ended(TransactionEnded(tx, EndState.COMPLETED, None))

    assert told_false(town) == [FalseClaim(FalseWord.END, "bo", None)]
    town.path(await town.next_transaction())
    assert await town.arrive() == entry
    assert town.shown() == ["hello"]


async def test_transaction_that_is_complete_is_called_so(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    town.receipt(tx, await town.arrive())
    await town.progress("delivered")

    town.ada.parts.delivery.ended(TransactionEnded(tx, EndState.COMPLETED, None))

    assert told_false(town) == []


def told_false(town: Town) -> list[Event]:
    """What the user was told of false claims since the last look."""
    told = [town.told.get_nowait() for _ in range(town.told.qsize())]
    return [event for event in told if isinstance(event, FalseClaim)]


async def test_receipt_held_in_a_snapshot_counts(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    entry = await town.arrive()
    assert entry is not None

    held = HeldReceipt(tx, (entry,), None)
    town.ada.parts.delivery.snapshot(Snapshot((), (), (held,), ()))

    await town.progress("delivered")


async def test_transaction_that_carries_nothing_is_ended(town: Town) -> None:
    tx, stray = await town.start(), TransactionId(uuid.uuid4())
    town.path(tx)
    await town.progress("sent")

    listed = tuple(OpenTransaction(each, TransactionState.OPEN, 1) for each in (tx, stray))
    town.ada.parts.delivery.snapshot(Snapshot((), listed, (), ()))

    assert await town.frame(Complete) == Complete(stray)
    assert town.frames.empty()


async def test_undelivered_messages_are_taken_up_by_the_next_run(town: Town) -> None:
    town.ada.parts.delivery.send("bo", "first")
    again = Party(town.ada.account, town.ada.store, town.server, town.time.clock(), town.ada.tasks)
    town.listen_to(again)
    again.parts.delivery.resume()
    again.parts.delivery.online(True)
    town.ada = again

    town.path(await town.next_transaction())

    assert await town.arrive() is not None
    assert town.shown() == ["first"]


async def test_contact_who_gives_another_token_is_reached_by_it_at_once(town: Town) -> None:
    tx = await town.start()
    await town.bo.parts.blocking.block("ada")
    await town.bo.parts.blocking.unblock("ada")

    await town.ada.look()

    assert await town.frame(Complete) == Complete(tx)
    town.path(await town.next_transaction())
    assert await town.arrive() is not None
    assert town.shown() == ["hello"]


async def test_session_reset_sends_the_same_message_under_a_new_session(town: Town) -> None:
    tx = await town.start()
    town.path(tx)
    await town.cell()
    number = town.ada.parts.books.contacts.require("bo").number
    with town.ada.store.transaction():
        town.ada.parts.books.outbox.unseal_all(number)
        town.ada.parts.books.contacts.change(number, sessions_from_ms=2**60)
    town.ada.parts.delivery.resend(number)
    assert isinstance(await town.frame(Repath), Repath)
    town.ada.parts.delivery.attempt_failed(AttemptFailed(tx, 1, Cause.SUPERSEDED, None))

    town.path(tx, 2)

    assert await town.arrive() is not None
    assert town.shown() == ["hello"]


async def test_sending_needs_an_accepted_contact_and_some_text(town: Town) -> None:
    asked = new_contact("olga", ContactState.ASKED, town.bo.account.chain)
    with town.ada.store.transaction():
        town.ada.parts.books.contacts.add(asked)

    for name in ("olga", "nobody"):
        with pytest.raises(UnknownUser):
            town.ada.parts.delivery.send(name, "hi")
    for text in ("", "x" * 65_537):
        with pytest.raises(UsageError):
            town.ada.parts.delivery.send("bo", text)
    assert town.ada.store.rows("SELECT COUNT(*) FROM messages WHERE state = 'undelivered'") == [(0,)]
