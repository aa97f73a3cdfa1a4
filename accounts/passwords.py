"""Passwords: hashed a few at a time (each takes some 100 MB for a tenth of a second), checked, changed.

Spec: docs/spec/rest.md, section "Accounts"
"""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest

from accounts.errors import LoginLocked, TooBusy, WrongPassword
from accounts.logins import end_logins
from accounts.models import DeviceLogin, User
from p2p.protocol.words import SessionEndCause

AT_ONCE = 4
# Who waits holds one of the threads of mesa.http: else logins from a few networks would take all of them.
MAX_WAITING = 8
WAIT_S = 5.0

_slots = threading.BoundedSemaphore(AT_ONCE)
_places = threading.BoundedSemaphore(AT_ONCE + MAX_WAITING)


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Hash or check a password inside; waits for a turn.

    Raises:
        TooBusy: no turn came within WAIT_S, or MAX_WAITING others wait for theirs.
    """
    if not _places.acquire(blocking=False):
        raise TooBusy
    try:
        if not _slots.acquire(timeout=WAIT_S):
            raise TooBusy
        try:
            yield
        finally:
            _slots.release()
    finally:
        _places.release()


def check_password(request: HttpRequest, username: str, password: str) -> User | None:
    """Find the user of a name and a password; None if there is none. Wrong tries are counted.

    Raises:
        LoginLocked: too many wrong passwords for this name from this address.
        TooBusy: too many passwords are being checked.
    """
    with hashing_slot():
        user = authenticate(request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        # Taken back, or the middleware of django-axes puts its own page in the place of our answer.
        request.axes_locked_out = False  # type: ignore[attr-defined]  # django-axes adds it
        raise LoginLocked(settings.AXES_COOLOFF_TIME.total_seconds())
    return user if isinstance(user, User) else None


def change_password(*, request: HttpRequest, sid: uuid.UUID, user: User, old: str, new: str) -> None:
    """Give a user another password, and end all logins but this one at once.

    Raises:
        WrongPassword: the old one is another.
        LoginLocked, TooBusy: as `check_password`.
    """
    checked = check_password(request, user.username, old)
    if checked is None:
        raise WrongPassword
    with hashing_slot():
        user.set_password(new)
    with transaction.atomic():
        # Compared: after a recovery in between, the old password must not win.
        if not User.objects.filter(pk=user.pk, password=checked.password).update(password=user.password):
            raise WrongPassword
        others = DeviceLogin.objects.filter(device__user=user).exclude(pk=sid)
        end_logins(others, SessionEndCause.REVOKED)
