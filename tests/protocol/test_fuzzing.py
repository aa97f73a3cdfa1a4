"""The fuzzing of other tests: as many inputs as promised, and none of them again in each batch."""

from tests.fuzzing import drawings, fuzz


def test_batches_are_not_alike() -> None:
    drawn: list[bytes] = []

    def check(each: bytes) -> None:
        drawn.append(each)

    fuzz(check, drawings, tries=200, batch=50)

    assert len(drawn) >= 200
    assert len(set(drawn)) > 150
