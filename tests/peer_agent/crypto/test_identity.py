import pytest

from peer_agent.crypto import identity as i

from .identity_checks import CHECKS
from .people import ADA, BO
from .vector_files import Case, load, verdict


@pytest.mark.parametrize(
    "case", [case for check in CHECKS for case in load("identity", check)], ids=lambda case: case["name"]
)
def test_vector(case: Case) -> None:
    assert verdict(CHECKS[case["check"]], case) == case["expect"]


def test_new_devices_have_uuid4_ids_and_own_keys() -> None:
    one, other = i.create_device(), i.create_device()

    assert one.device_id[6] >> 4 == 4
    assert one.device_id[8] >> 6 == 2
    assert one != other


def test_recovery_codes_survive_reading() -> None:
    code = i.create_recovery_code()

    assert i.read_recovery_code(code) == code


def test_safety_number_has_twelve_groups_of_five() -> None:
    groups = i.safety_number(ADA.identity, BO.identity).split(" ")

    assert [len(group) for group in groups] == [5] * 12
