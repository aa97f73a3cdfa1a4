"""Numbers of the pages are those of the code; those of the protocol are compared in tests/protocol."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts import bundles, challenges, delivery, mailbox, names, prekeys, search, serializers, tokens
from mesa import celery, deadlines, store
from p2p import limits, path_store, pruning, roster, store_keys
from p2p.consumers import PeerConsumer
from p2p.protocol.limits import MAX_OFFERS, MAX_OPEN_TRANSACTIONS, MAX_TICKETS, MAX_WATCH
from p2p.protocol.link import FIRST_CELL_S
from peer_agent import (
    backoff,
    delivery_tokens,
    direct_courier,
    direct_links,
    held,
    releasing,
    rest,
    session,
    sign_up,
)
from peer_agent.mailbox import MAX_SET_ASIDE
from tests.protocol import spec_pages

VALIDATORS: Any = settings.AUTH_PASSWORD_VALIDATORS
PASSWORD_LENGTH = next(each["OPTIONS"] for each in VALIDATORS if "OPTIONS" in each)
NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
DASH = "\N{EN DASH}"

# Page → (words of the page, with N for the number; the number in the code, times in the unit of the page).
SAID: dict[str, list[tuple[str, float]]] = {
    "direct": [
        ("age of an offer | N s |", direct_courier.OFFER_AGE_S),
        ("an offer at the server | N s |", store_keys.DIRECT_TTL.total_seconds()),
        ("direct links of one device | N, of them", direct_links.MAX_DIRECT_LINKS),
        ("of them N with one contact", direct_links.MAX_LINKS_OF_CONTACT),
        ("life of an incoming link | N s from", FIRST_CELL_S),
    ],
    "transactions": [
        ("safety net after a start | N s |", limits.START_SAFETY.total_seconds()),
        ("receipt after frames | N s |", limits.RECEIPT_WITHIN.total_seconds()),
        ("idle path | N s after", limits.IDLE_AFTER.total_seconds()),
        ("age of a path | N s, again", limits.PATH_AGE.total_seconds()),
        ("attempts of a transaction | N in a minute", limits.ATTEMPTS_PER_MINUTE),
        ("answer to `offer_wanted` | N s |", limits.OFFER_WITHIN.total_seconds()),
        ("the other end's `link_up` | N s |", limits.LINK_WITHIN.total_seconds()),
        ("is forgotten after N s, and both ends", limits.LINK_WITHIN.total_seconds()),
        ("effect of `path_keepalive` | once in N s |", limits.KEEP_EVERY.total_seconds()),
        ("at most once in N s it lets", limits.KEEP_EVERY.total_seconds()),
        ("tries without a receipt | N |", limits.MAX_TRIES),
        ("attempts in all | N |", limits.MAX_ATTEMPTS),
        ("give up | N s without", limits.GIVE_UP_AFTER.total_seconds()),
        ("closed socket | N s |", limits.CLOSED_GRACE.total_seconds()),
        ("open transactions of a device | N |", MAX_OPEN_TRANSACTIONS),
        ("rows of ended transactions | N h |", pruning.KEPT / timedelta(hours=1)),
        ("its row is N minutes old", pruning.LOST_AFTER / timedelta(minutes=1)),
        ("by a lease of N s", path_store.LEASE_MS / 1_000),
        ("again, N draws in all", limits.MAX_DRAWS),
        ("at most every N s), leave", roster.WANTED_EVERY_S),
        ("ask up to N of them", roster.MAX_ASKED),
        ("account with N or more", roster.BLAME_LIMIT),
        ("and N bytes of a device", limits.HELD_BYTES),
        (f"after a random N{DASH}10 s", limits.ONLINE_DELAY_S[0]),
        (f"after a random 2{DASH}N s", limits.ONLINE_DELAY_S[1]),
        ("or N s after a worker died with it", deadlines.LEASE.total_seconds()),
    ],
    "rest": [
        ("prefix=…` | user | → 200 `{users: [{username}]}`, at most N,", search.MAX_FOUND),
        ("{challenge}` (32 B, single use, N s)", challenges.CHALLENGE_TTL.total_seconds()),
        ("at most N of each are kept", prekeys.MAX_STOCK),
        ("More than N of a kind in stock", prekeys.MAX_STOCK),
        ("at most N live tokens a user", delivery.MAX_LIVE_TOKENS),
        ("N deleted digests a user are kept", delivery.MAX_WITHDRAWN_TOKENS),
        (f"`{{digests: [b64 32 B]}}` (1{DASH}N)", serializers.MAX_DIGESTS),
        ("`{envelopes: [{id, envelope}]}`, at most N,", mailbox.MAX_FETCHED),
        (f"`{{ids: [uuid]}}` (1{DASH}N)", mailbox.MAX_FETCHED),
        (f"`username`: N{DASH}32 characters", names.MIN_NAME_CHARACTERS),
        (f"`username`: 2{DASH}N characters", names.MAX_NAME_CHARACTERS),
        (f"`password`: N{DASH}1,024 characters", PASSWORD_LENGTH["min_length"]),
        (f"`password`: N{DASH}1,024 characters", sign_up.MIN_PASSWORD_SIGNS),
        (f"`password`: 10{DASH}N characters", serializers.MAX_PASSWORD_CHARACTERS),
        ("Access tokens live N h", tokens.ACCESS_LIFETIME / timedelta(hours=1)),
        ("refresh tokens N days", tokens.REFRESH_LIFETIME / timedelta(days=1)),
        ("after the upload is N days old", prekeys.PREKEY_LIFETIME / timedelta(days=1)),
        ("N posts a day a caller and", mailbox.CALLER_QUOTA.uses),
        ("posts a day a caller and N a token", mailbox.TOKEN_QUOTA.uses),
        ("posts: N a day a token", mailbox.TOKEN_QUOTA.uses),
        ("N posts a day a caller, and only", mailbox.REQUEST_QUOTA.uses),
        ("a day a token and N a day a caller with any", mailbox.CALLER_QUOTA.uses),
        ("a day a caller with any, N a day a caller by name", mailbox.REQUEST_QUOTA.uses),
        ("with a token of the target N a day", bundles.TOKEN_QUOTA.uses),
        ("else N an hour a caller", bundles.CALLER_QUOTA.uses),
        ("an hour a caller and N an hour a target", bundles.TARGET_QUOTA.uses),
        ("while fewer than N envelopes", mailbox.MAX_WAITING_FOR_STRANGERS),
        ("At most N envelopes wait", mailbox.MAX_WAITING),
        ("they expire N days after", mailbox.ENVELOPE_LIFETIME / timedelta(days=1)),
        (f"(tickets: 0{DASH}N,", MAX_TICKETS),
        ("A device may have N transactions", MAX_OPEN_TRANSACTIONS),
        ("a body over N KiB", settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 1_024),
        ("lock that pair for N minutes", settings.AXES_COOLOFF_TIME / timedelta(minutes=1)),
    ],
    "agent": [
        ("A message is held at most N days", releasing.HOLD_S / 86_400),
        ("the first half, in order, of more than N held", held.MAX_HELD),
        ("of one contact or of more than N MiB", held.MAX_HELD_BYTES / 2**20),
        ("in the local store, at most N of them", MAX_SET_ASIDE),
        ("its own pause of N s, doubling", backoff.FIRST_PAUSE_S),
        ("An answer is read to N MiB", rest.MAX_ANSWER_BYTES / 2**20),
        ("and for N s at most", rest.ANSWER_DEADLINE_S),
        ("a silence of N s ends it", rest.SILENCE_DEADLINE_S),
        ("made live N at a time", delivery_tokens.FULL),
        ("when fewer than N are free", delivery_tokens.REFILL_BELOW),
    ],
    "signaling": [
        ("doubling to at most N s;", session.LAST_RETRY_S),
        (f"a random delay, 0{DASH}N s first", session.FIRST_RETRY_S),
        ("ask the database again N s after `hello`", PeerConsumer.first_recheck_s),
        ("after `hello`, and each N s from then on", PeerConsumer.recheck_every_s),
    ],
    "store": [("or /48 under `network_key`, N hex digits", 16)],
}
# Key → how long it lives, as its row says.
LIVES: dict[str, timedelta] = {
    "peer": store_keys.PEER_TTL,
    "devices": store_keys.PEER_TTL,
    "resume": store_keys.PEER_TTL,
    "forwarders": store_keys.FORWARDER_AGE,
    "networks": store_keys.FORWARDER_AGE,
    "network": store_keys.PEER_TTL,
    "wanted": timedelta(seconds=roster.WANTED_EVERY_S),
    "owed": store_keys.PEER_TTL,
    "offer_waits": store_keys.OFFER_WAIT_TTL,
    "asked": store_keys.OFFER_WAIT_TTL,
    "blame": store_keys.BLAME_TTL,
    "reports": store_keys.BLAME_TTL,
    "reported": store_keys.BLAME_TTL,
    "link": store_keys.PENDING_LINK_TTL,
    "links": store_keys.PEER_TTL,
    "pairing": store_keys.PAIRING_TTL,
    "tx": store_keys.TX_TTL,
    "txs": store_keys.TX_TTL,
    "finding": timedelta(milliseconds=path_store.LEASE_MS),
    "path": store_keys.PATH_TTL,
    "hops": store_keys.PEER_TTL,
    "held": store_keys.HELD_TTL,
    "held_sizes": store_keys.HELD_TTL,
    "avoided": store_keys.TX_TTL,
    "waiting": store_keys.WAIT_TTL,
    "waiting_forwarders": store_keys.WAIT_TTL,
    "watched": store_keys.PEER_TTL,
    "unanswered": store_keys.PEER_TTL,
    "watchers": store_keys.PEER_TTL,
    "worker": celery.HEARTBEAT_TTL,
    "challenge": challenges.CHALLENGE_TTL,
    "cache": settings.AXES_COOLOFF_TIME,
    "epoch": store.EPOCH_TTL,
}
# The same for what a key may hold.
SIZES = {"offers": MAX_OFFERS, "taken": MAX_OFFERS, "txs": MAX_OPEN_TRANSACTIONS, "watched": MAX_WATCH}
UNITS = {"s": 1, "min": 60, "h": 3_600}


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [(name, words, value) for name, said in SAID.items() for words, value in said],
)
def test_number_of_the_page_is_that_of_the_code(name: str, words: str, value: float) -> None:
    before, _, after = words.partition("N")
    pattern = re.escape(before) + NUMBER + re.escape(after)

    said = re.search(pattern.replace(r"\ ", r"\s+"), spec_pages.page(name))

    assert said is not None, "the page does not say it in these words"
    assert float(said.group(1).replace(",", "")) == value


def key_row(key: str) -> list[str]:
    found = re.search(rf"^\| `{key}[:`].*$", spec_pages.page("store"), re.MULTILINE)
    assert found is not None
    return spec_pages.cells(found.group())


@pytest.mark.parametrize("key", LIVES)
def test_life_of_a_key_is_that_of_the_code(key: str) -> None:
    said: Any = re.search(r"(\d+) (s|min|h)\b", key_row(key)[2])

    assert int(said.group(1)) * UNITS[said.group(2)] == LIVES[key].total_seconds()


@pytest.mark.parametrize("key", SIZES)
def test_size_of_a_key_is_that_of_the_code(key: str) -> None:
    said: Any = re.search(rf"≤ {NUMBER}", key_row(key)[1])

    assert int(said.group(1).replace(",", "")) == SIZES[key]


def test_looks_of_a_waiting_transaction_are_those_of_the_code() -> None:
    said: Any = re.search(r"after ([\d, ]+), then each (\d+) s", spec_pages.page("transactions"))

    assert tuple(map(float, (*said.group(1).split(", "), said.group(2)))) == limits.LOOK_AGAIN_S


def test_back_off_of_the_page_is_that_of_the_code() -> None:
    said: Any = re.search(
        r"back-off before attempt 1 … 6 of a row \| ([\d., ]+) s", spec_pages.page("transactions")
    )

    assert tuple(map(float, said.group(1).split(", "))) == limits.BACK_OFF_S
