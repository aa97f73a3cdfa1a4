"""What programs build on: `peer_agent` as they import it.

Spec: docs/how-to/build-a-bot.md
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import peer_agent
from peer_agent import (
    AgentError,
    ContactAsked,
    ContactBlocked,
    ContactState,
    Event,
    EventsLost,
    HistoryState,
    LoginRefused,
    MessageReceived,
    Online,
    Peer,
    PeerClosed,
    ServerUnreachable,
    SessionOpened,
    StateInUse,
    UnknownUser,
    UsageError,
    events,
)
from peer_agent.contact_book import new_contact
from peer_agent.enrolling import write_code
from peer_agent.sign_up import recovery_code
from peer_agent.store import open_store
from tests.live_tree import ROOT
from tests.peer_agent.devices import Device
from tests.peer_agent.served import Served, serve_ada

LIMIT_S = 30.0
PAGE = ROOT / "docs/how-to/build-a-bot.md"
EXAMPLE = ROOT / "docs/examples/echo_bot.py"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_ada(tmp_path) as made:
        yield made


def bo_wrote(served: Served, *texts: str) -> None:
    """Let messages of bo's have come, which nobody has handled yet."""
    served.change(lambda ada: [ada.inbox.take(served.bo.write(ada, text)) for text in texts])


def bo_is_unsafe(ada: Device) -> None:
    with ada.store.transaction():
        ada.books.contacts.change(ada.books.contacts.require("bo").number, is_unsafe=True)


def olga_asks(served: Served) -> None:
    def ask(ada: Device) -> None:
        with ada.store.transaction():
            ada.books.contacts.add(new_contact("olga", ContactState.ASKING, served.bo.account.chain))

    served.change(ask)


async def first(peer: Peer, count: int) -> list[Event]:
    """The first events, as a program reads them; it goes on after the last."""
    found: list[Event] = []
    async with asyncio.timeout(LIMIT_S), peer.events() as stream:
        async for event in stream:
            if not isinstance(event, ContactAsked | MessageReceived):
                continue
            found.append(event)
            if len(found) == count:
                break
    return found


async def fail_at_a_message(state: Path) -> None:
    async with Peer.open(state) as peer:
        async for event in peer.events():
            if isinstance(event, MessageReceived):
                raise ZeroDivisionError


async def read_on(state: Path) -> None:
    async with asyncio.timeout(LIMIT_S), Peer.open(state) as peer:
        async for _ in peer.events():
            pass


def subclasses(kind: type) -> set[type]:
    direct: set[type] = set(kind.__subclasses__())
    return direct.union(*map(subclasses, direct))


def test_every_event_and_every_error_can_be_imported_from_the_package() -> None:
    kinds = {each.__name__ for base in (Event, AgentError) for each in subclasses(base)}

    assert kinds - {"AgentError", "Event"} <= set(peer_agent.__all__)
    assert sorted(peer_agent.__all__) == peer_agent.__all__


def test_every_public_name_is_on_the_page() -> None:
    page = PAGE.read_text()
    methods = {f".{name}(" for name, value in vars(Peer).items() if callable(value) and name[0] != "_"}

    assert [name for name in peer_agent.__all__ if f"`{name}" not in page] == []
    assert f"A stream holds {events.QUEUED_EVENTS:,} events." in page
    assert [name for name in methods - {".watching(", ".showing("} if name not in page] == []


def test_example_on_the_page_is_the_one_that_runs() -> None:
    assert f"```python\n{EXAMPLE.read_text()}```" in PAGE.read_text()


async def test_what_came_before_is_told_first(served: Served) -> None:
    olga_asks(served)
    bo_wrote(served, "one", "two")

    async with Peer.open(served.path) as peer:
        told = await first(peer, 3)

    assert told[0] == ContactAsked("olga")
    assert [each.text for each in told[1:] if isinstance(each, MessageReceived)] == ["one", "two"]


async def test_message_that_was_handled_does_not_come_again(served: Served) -> None:
    bo_wrote(served, "one", "two")
    async with Peer.open(served.path) as peer:
        assert isinstance((await first(peer, 1))[0], MessageReceived)

    async with Peer.open(served.path) as peer:
        told = await first(peer, 1)

    assert [each.text for each in told if isinstance(each, MessageReceived)] == ["two"]


async def test_message_in_hand_at_an_error_comes_again(served: Served) -> None:
    bo_wrote(served, "one")
    with pytest.raises(ZeroDivisionError):
        await fail_at_a_message(served.path)

    async with Peer.open(served.path) as peer:
        assert len(await first(peer, 1)) == 1


async def test_events_are_matched_by_kind(served: Served) -> None:
    async with Peer.open(served.path, forwards=False) as peer, asyncio.timeout(LIMIT_S):
        async for event in peer.events():
            match event:
                case SessionOpened(resumed=resumed):
                    assert not resumed
                case Online(forwards=forwards):
                    assert not forwards
                    break


async def test_slow_program_loses_events_but_no_message(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUEUED_EVENTS", 8)
    texts = [str(number) for number in range(20)]

    async with Peer.open(served.path) as peer, asyncio.timeout(LIMIT_S):
        stream = peer.events()
        for text in texts:
            assert peer._running.conversations.inbox.take(served.bo.write(served.ada, text)) is not None
        told: list[Event] = []
        while not told or told[-1] != MessageReceived(20, "bo", "19", served.bo.time.clock().unix_ms() + 19):
            told.append(await anext(stream))

    assert sum(each.count for each in told if isinstance(each, EventsLost)) >= 12
    assert [each.text for each in told if isinstance(each, MessageReceived)] == texts


async def test_sent_message_is_on_the_disk_and_in_the_history(served: Served) -> None:
    bo_wrote(served, "hello")
    async with Peer.open(served.path) as peer:
        sent = peer.send("Bo", "hi")

    async with Peer.open(served.path) as peer:
        history = peer.history("bo")
        assert [(each.text, each.outgoing) for each in history] == [("hello", False), ("hi", True)]
        assert history[-1].state is HistoryState.UNDELIVERED
        assert (sent.to, sent.number) == ("bo", history[-1].number)
        assert peer.history("bo", last=1) == history[-1:]
        with pytest.raises(UnknownUser):
            peer.history("olga")


def test_latest_messages_are_the_end_of_the_conversation(ada: Device, bo: Device) -> None:
    one, _, three = (ada.write(bo, text) for text in ("one", "two", "three"))
    for envelope in (one, three):
        bo.inbox.take(envelope)
    bo.write(ada, "four")
    number, history = bo.contact(ada).number, bo.books.history
    whole = list(history.conversation(number))

    assert [each.state for each in whole][-1] is HistoryState.HELD
    assert [history.latest(number, count) for count in range(1, 5)] == [
        whole[-count:] for count in range(1, 5)
    ]


async def test_what_can_not_be_sent_says_why(served: Served) -> None:
    served.change(bo_is_unsafe)

    async with Peer.open(served.path) as peer:
        with pytest.raises(ContactBlocked):
            peer.send("bo", "hi")
        with pytest.raises(UnknownUser):
            peer.send("olga", "hi")
        with pytest.raises(UsageError):
            await peer.request("no name")
        with pytest.raises(UnknownUser):
            await peer.request("olga")


async def test_who_this_is_and_who_is_known(served: Served) -> None:
    async with Peer.open(served.path) as peer:
        assert (peer.user, peer.server) == ("ada", served.address)
        assert peer.fingerprint == served.ada.account.identity.fingerprint.hex()
        (bo,) = peer.contacts()
        assert (bo.user, bo.state, bo.unsafe, bo.verified) == ("bo", ContactState.ACCEPTED, False, False)
        number = peer.safety_number("bo")
        with pytest.raises(ContactBlocked):
            peer.verify("bo", number[::-1])
        assert peer.verify("bo", number).verified


async def test_nothing_that_a_program_is_shown_holds_a_token_or_a_chain(served: Served) -> None:
    served.ada.open()
    contact = served.ada.contact(served.bo)
    served.ada.store.close()

    async with Peer.open(served.path) as peer:
        shown = repr((peer, peer.contacts(), peer.history("bo"), peer.send("bo", "hi")))

    assert contact.their_token is not None
    for secret in (contact.their_token, contact.my_token, contact.chain):
        assert repr(secret)[2:20] not in shown


def test_peer_that_is_not_open_says_so(served: Served) -> None:
    peer = Peer.open(served.path)

    with pytest.raises(PeerClosed):
        peer.send("bo", "hi")
    with pytest.raises(PeerClosed):
        peer.events()


async def test_what_stands_in_the_way_of_opening_is_told_by_kind(served: Served, tmp_path: Path) -> None:
    async with Peer.open(served.path):
        with pytest.raises(StateInUse):
            await Peer.open(served.path).__aenter__()
    with pytest.raises(LoginRefused):
        await Peer.open(tmp_path / "none").__aenter__()


async def test_login_that_ends_ends_the_block(served: Served) -> None:
    served.server.problems = {"POST refresh": (401, "not_authenticated")}
    served.server.problems |= {"GET prekeys": (401, "not_authenticated")}

    with pytest.raises(LoginRefused):
        await read_on(served.path)


async def test_register_says_what_is_wrong_before_there_is_anything(tmp_path: Path) -> None:
    state, code = tmp_path / "new", tmp_path / "code"

    async def register(username: str = "bo", server: str = "http://127.0.0.1:9") -> None:
        await Peer.register(state, username, "correct horse", server=server, recovery_file=code)

    with pytest.raises(UsageError):
        await register(username="B o")
    with pytest.raises(UsageError):
        await register(server="http://mesa.example")
    assert not state.exists()
    with pytest.raises(ServerUnreachable):
        await register()
    assert not code.exists()
    code.touch()
    with pytest.raises(UsageError):
        await register()


async def test_register_goes_on_after_it_wrote_the_code(tmp_path: Path) -> None:
    state, file = tmp_path / "new", tmp_path / "code"

    async def register() -> None:
        await Peer.register(state, "bo", "correct horse", server="http://127.0.0.1:9", recovery_file=file)

    with pytest.raises(ServerUnreachable):
        await register()
    store = open_store(state, None)
    code = recovery_code(store)
    store.close()
    assert code is not None
    write_code(file, code)

    with pytest.raises(ServerUnreachable):
        await register()
