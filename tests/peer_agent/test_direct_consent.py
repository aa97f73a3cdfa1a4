"""Consent to direct links, message by message, and what comes of messages that overtake each other."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from peer_agent.contact_book import Contact, ContactState, DirectState
from peer_agent.crypto.messages import Content, DirectAccept, DirectAsk, DirectEnd, Message, OfConsent
from peer_agent.direct_consent import Consent
from peer_agent.errors import UnknownUser
from peer_agent.events import DirectAgreed, DirectEnded, DirectWish, Event
from tests.peer_agent.devices import Device, acquaint, envelope_of, make_account
from tests.peer_agent.households import recovered

S = DirectState
USER = {"ask": Consent.ask, "accept": Consent.accept, "end": Consent.end}
PART, OTHER = b"p" * 32, b"o" * 32


class Side:
    """One user's consent with the other, and the times of what it says."""

    def __init__(self, device: Device, other: Device) -> None:
        self.device, self.other = device, other
        self.consent = Consent(device.books.contacts, device.account.identity)
        self.times = itertools.count(1)

    @property
    def contact(self) -> Contact:
        return self.device.contact(self.other)

    def does(self, what: str) -> OfConsent | None:
        with self.device.store.transaction():
            return USER[what](self.consent, self.contact.number)

    def takes(self, content: OfConsent | None, sent_ms: int | None = None) -> list[Event]:
        assert content is not None
        with self.device.store.transaction():
            return self.consent.take(self.contact.number, content, sent_ms or next(self.times))

    def put(self, state: DirectState) -> None:
        with self.device.store.transaction():
            self.device.books.contacts.change(self.contact.number, direct=state, direct_part=PART)


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    ada, bo = Device(tmp_path / "ada", "ada"), Device(tmp_path / "bo", "bo")
    acquaint(ada, bo)
    return Side(ada, bo), Side(bo, ada)


def test_asked_and_accepted_gives_both_the_same_key(sides: tuple[Side, Side]) -> None:
    ada, bo = sides

    assert bo.takes(ada.does("ask")) == [DirectWish("ada")]
    assert (ada.contact.direct, bo.contact.direct) == (S.ASKED, S.ASKING)
    assert ada.takes(bo.does("accept")) == [DirectAgreed("bo")]

    assert (ada.contact.direct, bo.contact.direct) == (S.ACCEPTED, S.ACCEPTED)
    assert ada.contact.direct_key == bo.contact.direct_key
    assert len(ada.contact.direct_key) == 32


def test_who_ask_at_the_same_time_have_agreed(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    wishes = ada.does("ask"), bo.does("ask")

    assert bo.takes(wishes[0]) == [DirectAgreed("ada")]
    assert ada.takes(wishes[1]) == [DirectAgreed("bo")]

    assert ada.contact.direct_key == bo.contact.direct_key != b""


def test_asking_one_who_asks_is_a_yes(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    bo.takes(ada.does("ask"))

    assert isinstance(bo.does("ask"), DirectAccept)
    assert bo.contact.direct is S.ACCEPTED


@pytest.mark.parametrize("ender", [0, 1])
def test_either_side_ends_it(sides: tuple[Side, Side], ender: int) -> None:
    ada, bo = sides
    bo.takes(ada.does("ask"))
    ada.takes(bo.does("accept"))
    one, other = sides[ender], sides[1 - ender]

    end = one.does("end")

    assert (one.contact.direct, one.contact.direct_key) == (S.NONE, b"")
    assert other.takes(end) == [DirectEnded(one.device.name)]
    assert (other.contact.direct, other.contact.direct_key) == (S.NONE, b"")


def test_yes_to_a_wish_that_was_taken_back_counts_no_more(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    bo.takes(ada.does("ask"))
    late = bo.does("accept")
    ada.does("end")
    ada.does("ask")

    assert ada.takes(late) == []

    assert ada.contact.direct is S.ASKED


def test_message_that_was_overtaken_changes_nothing(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    wish = ada.does("ask")
    assert bo.takes(DirectEnd(), sent_ms=20) == [DirectEnded("ada")]

    assert bo.takes(wish, sent_ms=10) == []

    assert bo.contact.direct is S.NONE


def test_what_was_told_twice_is_followed_once(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    wish = ada.does("ask")
    bo.takes(wish, sent_ms=10)
    bo.does("accept")

    assert bo.takes(wish, sent_ms=10) == []

    assert bo.contact.direct is S.ACCEPTED


# State, what the user does → next state and what is said. What is not here is refused or says nothing.
BY_USER: dict[tuple[DirectState, str], tuple[DirectState, type[OfConsent]]] = {
    (S.NONE, "ask"): (S.ASKED, DirectAsk),
    (S.UNSAFE, "ask"): (S.ASKED, DirectAsk),
    (S.ASKING, "ask"): (S.ACCEPTED, DirectAccept),
    (S.ASKING, "accept"): (S.ACCEPTED, DirectAccept),
    **{(state, "end"): (S.NONE, DirectEnd) for state in S if state is not S.NONE},
}
REFUSED = {(state, "accept") for state in (S.NONE, S.ASKED, S.UNSAFE)}
# State, what comes in → next state.
BY_MESSAGE: dict[tuple[DirectState, str], DirectState] = {
    **{(state, "ask"): S.ASKING for state in S if state is not S.ASKED},
    (S.ASKED, "ask"): S.ACCEPTED,
    (S.ASKED, "accept"): S.ACCEPTED,
    **{(state, "end"): S.NONE for state in S},
}
MESSAGES: dict[str, OfConsent] = {
    "ask": DirectAsk(OTHER),
    "accept": DirectAccept(OTHER, PART),
    "end": DirectEnd(),
    "another's accept": DirectAccept(OTHER, OTHER),
}


def test_table_of_what_users_do(sides: tuple[Side, Side]) -> None:
    ada, _ = sides
    for state, what in itertools.product(S, USER):
        ada.put(state)
        if (state, what) in REFUSED:
            with pytest.raises(UnknownUser):
                ada.does(what)
            continue
        said = ada.does(what)

        after = BY_USER.get((state, what), (state, type(None)))
        assert (ada.contact.direct, type(said)) == after, (state, what)


def test_table_of_what_comes_in(sides: tuple[Side, Side]) -> None:
    ada, _ = sides
    for state, what in itertools.product(S, MESSAGES):
        ada.put(state)

        news = ada.takes(MESSAGES[what])

        after = BY_MESSAGE.get((state, what))
        assert (ada.contact.direct, bool(news)) == (after or state, after is not None), (state, what)


def test_inbox_follows_such_a_message_once_and_shows_nothing(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    taken: list[tuple[int, Content, int]] = []
    changed: list[int] = []

    def take(number: int, content: OfConsent, sent_ms: int) -> list[Event]:
        taken.append((number, content, sent_ms))
        return []

    inbox = bo.device.inbox
    inbox._edges = replace(inbox._edges, consent=take, consent_changed=changed.append)
    wish = ada.does("ask")
    assert wish is not None
    with ada.device.store.transaction():
        stored = ada.device.books.history.write(ada.contact.number, wish, now_ms=77)
    envelope = envelope_of(ada.device, bo.device, Message.unpack(stored.message.pack()))

    first, again = bo.device.inbox.take(envelope), bo.device.inbox.take(envelope)

    assert first == again is not None
    assert taken == [(bo.contact.number, wish, 77)]
    assert changed == [bo.contact.number]
    assert bo.device.shown == []


def test_stranger_under_the_same_name_has_no_consent(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    bo.takes(ada.does("ask"))
    ada.takes(bo.does("accept"))

    stranger = make_account("bo", ada.device.time.clock()).identity
    contact = ada.device.pins.accept_new(ada.contact.number, stranger, is_verified=False)

    assert contact.state is ContactState.ASKED
    assert (contact.direct, contact.direct_key) == (S.NONE, b"")


def test_consent_ends_with_the_last_device_it_was_made_with(sides: tuple[Side, Side]) -> None:
    ada, bo = sides
    bo.takes(ada.does("ask"))
    ada.takes(bo.does("accept"))
    after = recovered(bo.device.account)

    ada.device.pins.server_shows(ada.contact.number, after.statements)

    assert (ada.contact.direct, ada.contact.direct_key) == (S.NONE, b"")
