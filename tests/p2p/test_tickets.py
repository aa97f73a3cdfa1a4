"""A ticket opens for its device and this server alone, as long as it holds. Spec: docs/spec/guards.md"""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from p2p.protocol.ids import TICKET_BYTES
from p2p.records import DeviceKey, UserKey
from p2p.tickets import BYTES, LIFE, Grant, Opened, make_grant, open_ticket, seal_ticket

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
HOLDER, OTHER = DeviceKey(str(uuid.uuid4())), DeviceKey(str(uuid.uuid4()))
GUARD, OLGA = DeviceKey(str(uuid.uuid4())), UserKey(str(uuid.uuid4()))


def a_grant() -> Grant:
    return make_grant(GUARD, OLGA, now=NOW)


def opens(ticket: bytes, holder: DeviceKey = HOLDER, now: datetime = NOW) -> bool:
    return open_ticket(ticket, holder=holder, now=now) is not None


def test_ticket_gives_back_what_was_granted() -> None:
    grant = a_grant()

    opened = open_ticket(seal_ticket(grant, holder=HOLDER), holder=HOLDER, now=NOW)

    assert opened is not None
    assert opened.grant == grant
    assert not opened.is_outdated
    assert grant.granted == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_bytes_are_those_of_the_page() -> None:
    grant = a_grant()

    ticket = seal_ticket(grant, holder=HOLDER)

    mac = hmac.HMAC(settings.SECRET_KEY.encode(), hashes.SHA256())
    mac.update(b"mesa/guard-ticket/1\x00" + uuid.UUID(HOLDER).bytes)
    hours = int(grant.granted.timestamp()) // 3600
    inside = AESGCM(mac.finalize()).decrypt(ticket[9:21], ticket[21:], ticket[:9])
    assert ticket[:9] == b"\x01" + grant.name
    assert inside == uuid.UUID(GUARD).bytes + uuid.UUID(OLGA).bytes + hours.to_bytes(4, "big")


def test_all_tickets_have_one_size_that_frames_take() -> None:
    grants = [
        make_grant(DeviceKey(str(uuid.uuid4())), UserKey(str(uuid.uuid4())), now=NOW) for _ in range(20)
    ]

    assert {len(seal_ticket(grant, holder=HOLDER)) for grant in grants} == {BYTES}
    assert BYTES == 73 <= TICKET_BYTES


def test_ticket_of_another_device_does_not_open() -> None:
    assert not opens(seal_ticket(a_grant(), holder=HOLDER), holder=OTHER)


@given(at=st.integers(0, BYTES - 1), flip=st.integers(1, 255))
def test_altered_ticket_does_not_open(at: int, flip: int) -> None:
    ticket = bytearray(seal_ticket(a_grant(), holder=HOLDER))

    ticket[at] ^= flip

    assert not opens(bytes(ticket))


@given(st.binary(max_size=TICKET_BYTES))
def test_what_the_server_did_not_seal_does_not_open(raw: bytes) -> None:
    assert not opens(raw)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\x00"])
def test_ticket_of_another_size_does_not_open(change: Callable[[bytes], bytes]) -> None:
    assert not opens(change(seal_ticket(a_grant(), holder=HOLDER)))


def test_ticket_ends_after_thirty_days() -> None:
    grant = a_grant()
    ticket = seal_ticket(grant, holder=HOLDER)

    assert opens(ticket, now=grant.granted + LIFE - timedelta(seconds=1))
    assert not opens(ticket, now=grant.granted + LIFE)
    assert timedelta(days=30) == LIFE


def test_ticket_opens_under_a_former_secret_and_is_outdated() -> None:
    grant = a_grant()
    ticket = seal_ticket(grant, holder=HOLDER)

    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        opened = open_ticket(ticket, holder=HOLDER, now=NOW)
        resealed = open_ticket(seal_ticket(grant, holder=HOLDER), holder=HOLDER, now=NOW)

    assert opened == Opened(grant, is_outdated=True)
    assert resealed == Opened(grant, is_outdated=False)


def test_ticket_does_not_open_once_its_secret_is_gone() -> None:
    ticket = seal_ticket(a_grant(), holder=HOLDER)

    with override_settings(SECRET_KEY="another" * 10, SECRET_KEY_FALLBACKS=[]):
        assert not opens(ticket)


def test_nothing_of_the_guard_shows_in_a_ticket() -> None:
    ticket = seal_ticket(a_grant(), holder=HOLDER)

    shown = {uuid.UUID(ident).bytes[at : at + 4] for ident in (GUARD, OLGA, HOLDER) for at in range(13)}
    assert not [piece for piece in shown if piece in ticket]
    assert seal_ticket(a_grant(), holder=HOLDER)[9:] != ticket[9:]
