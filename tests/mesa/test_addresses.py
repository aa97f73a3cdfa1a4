import pytest
from django.test import RequestFactory, override_settings

from mesa.addresses import caller_address, hashed_address

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
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "not an address", "not an address"),
    ],
)
def test_only_what_a_trusted_proxy_saw_is_believed(remote: str, forwarded_for: str, expected: str) -> None:
    assert caller_address(remote, forwarded_for, PROXIES) == expected


def hashed(remote: str) -> str:
    return hashed_address(RequestFactory(REMOTE_ADDR=remote).get("/"))


def test_hash_does_not_show_the_address() -> None:
    assert "203" not in hashed("203.0.113.9") or hashed("203.0.113.9") != hashed("203.0.113.8")
    assert len(hashed("203.0.113.9")) == 32


def test_one_ipv6_home_counts_as_one() -> None:
    assert hashed("2001:db8:1:2::1") == hashed("2001:db8:1:2:ffff::9") != hashed("2001:db8:1:3::1")


def test_hash_can_not_be_computed_without_the_key() -> None:
    before = hashed("203.0.113.9")

    with override_settings(SECRET_KEY="another key of this length, at least forty"):
        assert hashed("203.0.113.9") != before


def test_caller_without_an_address_is_one_caller() -> None:
    assert hashed("") == hashed("not an address")
