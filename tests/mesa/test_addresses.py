import pytest
from django.test import RequestFactory

from mesa import store
from mesa.addresses import KEY, adigest, caller_address, digest, hashed_address

PROXIES = ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.2.3.4", "198.51.100.7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "6.6.6.6, 198.51.100.7, ::ffff:10.2.3.4", "198.51.100.7"),
        ("::ffff:203.0.113.9", "198.51.100.7", "::ffff:203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "not an address", "not an address"),
    ],
)
def test_only_what_a_trusted_proxy_saw_is_believed(remote: str, forwarded_for: str, expected: str) -> None:
    assert caller_address(remote, forwarded_for, PROXIES) == expected


def hashed(remote: str) -> str:
    return hashed_address(RequestFactory(REMOTE_ADDR=remote).get("/"))


@pytest.mark.usefixtures("empty_store")
def test_callers_are_told_apart_by_address() -> None:
    assert hashed("203.0.113.9") == hashed("203.0.113.9") != hashed("203.0.113.8")
    assert "203" not in hashed("203.0.113.9").split(".")


@pytest.mark.usefixtures("empty_store")
def test_one_ipv6_home_counts_as_one() -> None:
    assert hashed("2001:db8:1:2::1") == hashed("2001:db8:1:2:ffff::9") != hashed("2001:db8:1:3::1")


@pytest.mark.usefixtures("empty_store")
def test_ipv4_callers_of_a_socket_for_both_kinds_do_not_count_as_one() -> None:
    assert hashed("::ffff:203.0.113.9") == hashed("203.0.113.9") != hashed("::ffff:203.0.113.8")


def test_digest_can_not_be_computed_again_once_its_key_has_ended(empty_store: store.Client) -> None:
    before = hashed("203.0.113.9")
    assert 0 < empty_store.ttl(KEY) <= 86_400

    empty_store.delete(KEY)

    assert hashed("203.0.113.9") != before


async def test_digest_is_the_same_for_views_and_sockets(async_store: store.AsyncClient) -> None:
    assert await adigest("203.0.113.0/24") == digest("203.0.113.0/24")


@pytest.mark.usefixtures("empty_store")
def test_caller_without_an_address_is_one_caller() -> None:
    assert hashed("") == hashed("not an address")
