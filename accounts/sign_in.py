"""Prove a user by password and a device by its key, and begin a login.

Spec: docs/spec/rest.md, section "Accounts"
"""

import uuid
from dataclasses import dataclass

from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest

from accounts.access import access_device
from accounts.challenges import spend_challenge
from accounts.errors import Banned, DeviceNotFound, LoginRefused
from accounts.layouts import Refused
from accounts.logins import TokenPair, start_login
from accounts.models import Device, User
from accounts.passwords import check_password
from accounts.statements import verify_login_proof


@dataclass(frozen=True, slots=True)
class Proof:
    """What a device shows at login: its id, the challenge it was given and its signature over both."""

    device_id: uuid.UUID
    challenge: bytes
    signature: bytes


def is_known(proof: Proof) -> bool:
    """Say whether there is this device, to who holds its key: to anybody else there is none.

    Lets a device tell a login that has ended from an account that is gone.
    """
    device = Device.objects.filter(pk=proof.device_id).first()
    if not spend_challenge(proof.challenge) or device is None:
        return False
    try:
        verify_login_proof(
            signing_key=bytes(device.signing_key),
            device_id=device.pk,
            challenge=proof.challenge,
            proof=proof.signature,
        )
    except Refused:
        return False
    return True


def sign_in(*, request: HttpRequest, username: str, password: str, proof: Proof) -> tuple[Device, TokenPair]:
    """Check password and proof, and begin a login of that device.

    Raises:
        LoginLocked: too many wrong passwords for this name from this address.
        LoginRefused: anything else that is wrong, without saying what.
        Banned: all is right, and an operator has banned the account.
        TooBusy: too many passwords are being checked.
    """
    # Spent first, whatever follows: a challenge must not live through a refused try.
    fresh = spend_challenge(proof.challenge)
    user = check_password(request, username, password)
    if user is None or not fresh:
        raise LoginRefused
    try:
        device = access_device(user_id=user.pk, device_id=proof.device_id)
        verify_login_proof(
            signing_key=bytes(device.signing_key),
            device_id=device.pk,
            challenge=proof.challenge,
            proof=proof.signature,
        )
    except (DeviceNotFound, Refused):
        raise LoginRefused from None
    if not user.is_active:
        raise Banned
    pair = _start_login(user, device)
    # The counter of wrong passwords (django-axes) hears Django's own signals; at this one it starts anew.
    user_logged_in.send(sender=User, request=request, user=user)
    return device, pair


def _start_login(user: User, device: Device) -> TokenPair:
    """Begin a login, if the password that was checked is still the user's: checking it takes a while.

    Raises:
        LoginRefused: it was changed or the user banned meanwhile, and all logins ended.
    """
    with transaction.atomic():
        held = User.objects.select_for_update().filter(pk=user.pk, password=user.password, is_active=True)
        if not held.exists():
            raise LoginRefused
        return start_login(device=device)
