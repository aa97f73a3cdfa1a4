from collections.abc import Callable

import pytest

from peer_agent.crypto import at_rest as a
from peer_agent.crypto import errors

from .cases.store_at_rest import CHEAP, MASTER, PASSPHRASE, PLACE, pbkdf2_file
from .vector_files import Case, Given, load, verdict


def _bytes(case: Case, name: str) -> bytes:
    return bytes.fromhex(case[name])


def _place(case: Case) -> a.Place:
    return a.Place(case["table"], _bytes(case, "row_key"), case["schema_version"])


def _record(case: Case) -> None:
    master, rng = a.MasterKey(_bytes(case, "master_key")), Given(case["draws"])
    made = a.seal_record(master, _place(case), _bytes(case, "plaintext"), rng=rng)
    assert made.hex() == case["record"]


def _open_record(case: Case) -> None:
    master = a.MasterKey(_bytes(case, "master_key"))
    assert a.open_record(master, _place(case), _bytes(case, "record")).hex() == case["plaintext"]


def _row_digest(case: Case) -> None:
    master = a.MasterKey(_bytes(case, "master_key"))
    assert a.row_digest(master, case["table"], _bytes(case, "value")).hex() == case["digest"]


def _unlock(case: Case) -> None:
    master = a.unlock_master_key(_bytes(case, "locked"), case["passphrase"])
    assert master.raw.hex() == case["master_key"]


def _lock(case: Case) -> None:
    cost = a.Argon2idCost(case["memory_kib"], case["passes"], case["lanes"])
    master, rng = a.MasterKey(_bytes(case, "master_key")), Given(case["draws"])
    assert a.lock_master_key(master, case["passphrase"], cost=cost, rng=rng).hex() == case["locked"]


CHECKS: dict[str, Callable[[Case], None]] = {
    "record": _record,
    "open-record": _open_record,
    "row-digest": _row_digest,
    "unlock": _unlock,
    "unlock-argon2id": _unlock,
    "lock-argon2id": _lock,
}


@pytest.mark.parametrize("case", load("store-at-rest"), ids=lambda case: case["name"])
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_same_row_never_seals_to_the_same_bytes() -> None:
    assert a.seal_record(MASTER, PLACE, b"row") != a.seal_record(MASTER, PLACE, b"row")


def test_row_digests_of_two_stores_tell_nothing_of_each_other() -> None:
    other = a.create_master_key()

    assert a.row_digest(MASTER, "contacts", b"bo") == a.row_digest(MASTER, "contacts", b"bo")
    assert a.row_digest(MASTER, "contacts", b"bo") != a.row_digest(other, "contacts", b"bo")


def test_file_says_whether_it_needs_a_passphrase() -> None:
    assert not a.needs_passphrase(a.lock_master_key(MASTER, None))
    assert a.needs_passphrase(a.lock_master_key(MASTER, PASSPHRASE, cost=CHEAP))
    assert a.needs_passphrase(pbkdf2_file(600_000, MASTER, PASSPHRASE))


def test_default_cost_is_what_the_page_says() -> None:
    locked = a.lock_master_key(MASTER, PASSPHRASE)

    assert locked[2:11] == (65_536).to_bytes(4, "big") + (3).to_bytes(4, "big") + b"\x01"
    assert a.unlock_master_key(locked, PASSPHRASE) == MASTER


def test_master_key_is_not_shown() -> None:
    assert repr(MASTER) == "MasterKey()"


def test_oversized_places_are_refused() -> None:
    with pytest.raises(errors.Malformed):
        a.seal_record(MASTER, a.Place("messages", bytes(65_536), 1), b"row")
