"""A password hasher during which something else happens, as it may while the real one takes its time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import override_settings

_meanwhile: list[Callable[[], object]] = []
_while_checking: list[Callable[[], object]] = []


class InterruptedHasher(MD5PasswordHasher):
    """Lets something happen once, while it makes a new hash or checks a password."""

    def encode(self, password: str, salt: str) -> str:
        encoded: str = super().encode(password, salt)
        while _meanwhile:
            _meanwhile.pop()()
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        later, _meanwhile[:] = _meanwhile[:], []
        is_right: bool = super().verify(password, encoded)
        _meanwhile[:] = later
        while _while_checking:
            _while_checking.pop()()
        return is_right


@contextmanager
def while_hashing(act: Callable[[], object]) -> Iterator[None]:
    """Have something done during the next making of a hash."""
    _meanwhile.append(act)
    with override_settings(PASSWORD_HASHERS=["tests.accounts.hashing.InterruptedHasher"]):
        yield
    _meanwhile.clear()


@contextmanager
def while_checking(act: Callable[[], object]) -> Iterator[None]:
    """Have something done during the next check of a password."""
    _while_checking.append(act)
    with override_settings(PASSWORD_HASHERS=["tests.accounts.hashing.InterruptedHasher"]):
        yield
    _while_checking.clear()
