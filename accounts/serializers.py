"""Shapes of the request bodies of accounts, and nothing else.

Spec: docs/spec/rest.md, section "Accounts"
"""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from rest_framework.serializers import ChoiceField, ValidationError

from accounts.challenges import CHALLENGE_BYTES
from accounts.fields import Bytes, Flag, Id, Items, StrictSerializer, Text
from accounts.invitations import MAX_CODE_CHARACTERS
from accounts.mailbox import ENVELOPE_SIZES, MAX_FETCHED
from accounts.models import DIGEST_BYTES, User, Visibility
from accounts.names import MAX_NAME_CHARACTERS, MIN_NAME_CHARACTERS, NAME_RULE, fold_name, is_canonical_name
from accounts.prekeys import MAX_STOCK
from accounts.statements import KEY_BYTES, SIGNATURE_BYTES
from p2p.protocol.ids import TOKEN_BYTES

MAX_PASSWORD_CHARACTERS = 1_024
MAX_STATEMENT_BYTES = 1_024
MAX_PREKEY_BYTES = 2_048
MAX_TOKEN_CHARACTERS = 2_048
MAX_DIGESTS = 64


class UserName(Text):
    """A user name, folded to its canonical form; whether it is one is for the caller to say."""

    def __init__(self, **options: Any) -> None:
        # Folding may shorten what was typed, so what comes in may be a little longer.
        super().__init__(max_length=2 * MAX_NAME_CHARACTERS, **options)

    def to_internal_value(self, data: Any) -> str:
        return fold_name(super().to_internal_value(data))


def refuse_weak_password(key: str, password: str, username: str) -> None:
    """Refuse a new password that is short, common or the user's name; `key` is its place in the body.

    Raises:
        ValidationError: with the reasons.
    """
    try:
        validate_password(password, User(username=username))
    except PasswordRefused as error:
        raise ValidationError({key: error.messages}) from None


class Registration(StrictSerializer):
    """`POST register/`."""

    username = UserName()
    password = Text(max_length=MAX_PASSWORD_CHARACTERS)
    statements = Items(Bytes(at_most=MAX_STATEMENT_BYTES), at_least=1, at_most=1)
    invitation = Text(max_length=MAX_CODE_CHARACTERS, required=False)

    def validate_username(self, username: str) -> str:
        if not is_canonical_name(username):
            raise ValidationError(NAME_RULE)
        return username

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_weak_password("password", attrs["password"], attrs["username"])
        return attrs


class PasswordChange(StrictSerializer):
    """`POST password/`; how strong the new one is depends on whose it is."""

    old = Text(max_length=MAX_PASSWORD_CHARACTERS)
    new = Text(max_length=MAX_PASSWORD_CHARACTERS)


class NewStatement(StrictSerializer):
    """`POST statements/`."""

    statement = Bytes(at_most=MAX_STATEMENT_BYTES)


class RecoveryClaim(StrictSerializer):
    """`POST recovery/`."""

    username = UserName()
    recovery_key = Bytes(sizes={KEY_BYTES})


class Recovery(StrictSerializer):
    """`POST recover/`."""

    username = UserName()
    password = Text(max_length=MAX_PASSWORD_CHARACTERS)
    challenge = Bytes(sizes={CHALLENGE_BYTES})
    signature = Bytes(sizes={SIGNATURE_BYTES})
    statement = Bytes(at_most=MAX_STATEMENT_BYTES, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_weak_password("password", attrs["password"], attrs["username"])
        return attrs


class Nothing(StrictSerializer):
    """A body without keys."""


class SignIn(StrictSerializer):
    """`POST login/`."""

    username = UserName()
    password = Text(max_length=MAX_PASSWORD_CHARACTERS)
    device = Id()
    challenge = Bytes(sizes={CHALLENGE_BYTES})
    signature = Bytes(sizes={SIGNATURE_BYTES})
    cookies = Flag()


class DeviceProof(StrictSerializer):
    """`POST known/`."""

    device = Id()
    challenge = Bytes(sizes={CHALLENGE_BYTES})
    signature = Bytes(sizes={SIGNATURE_BYTES})


class Refresh(StrictSerializer):
    """`POST refresh/`: without the token it comes by cookie."""

    refresh = Text(max_length=MAX_TOKEN_CHARACTERS, required=False)


class Search(StrictSerializer):
    """`GET users/`."""

    prefix = UserName(min_length=MIN_NAME_CHARACTERS)

    def validate_prefix(self, prefix: str) -> str:
        # Folding may shorten, too.
        if not MIN_NAME_CHARACTERS <= len(prefix) <= MAX_NAME_CHARACTERS:
            raise ValidationError("2 to 32 characters.")
        return prefix


class BundleClaim(StrictSerializer):
    """`POST bundles/`."""

    username = UserName()
    token = Bytes(sizes={TOKEN_BYTES}, allow_null=True)
    fingerprint = Bytes(sizes={DIGEST_BYTES}, allow_null=True, required=False)


class Settings(StrictSerializer):
    """`PUT settings/`."""

    visibility = ChoiceField(choices=Visibility.choices)


class Removal(StrictSerializer):
    """`DELETE me/`."""

    password = Text(max_length=MAX_PASSWORD_CHARACTERS)


class PrekeyUpload(StrictSerializer):
    """`PUT prekeys/`."""

    signed_prekey = Bytes(at_most=MAX_PREKEY_BYTES, allow_null=True)
    last_resort = Bytes(at_most=MAX_PREKEY_BYTES, allow_null=True)
    one_time = Items(Bytes(at_most=MAX_PREKEY_BYTES), at_least=0, at_most=MAX_STOCK)
    one_time_kem = Items(Bytes(at_most=MAX_PREKEY_BYTES), at_least=0, at_most=MAX_STOCK)


class Digests(StrictSerializer):
    """`POST tokens/` and `DELETE tokens/`."""

    digests = Items(Bytes(sizes={DIGEST_BYTES}), at_least=1, at_most=MAX_DIGESTS)


class Post(StrictSerializer):
    """`POST mailbox/`."""

    token = Bytes(sizes={TOKEN_BYTES}, allow_null=True)
    username = UserName(allow_null=True)
    device = Id()
    envelope = Bytes(sizes=ENVELOPE_SIZES)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["token"] is None) == (attrs["username"] is None):
            raise ValidationError("Exactly one of token and username must be null.")
        return attrs


class EnvelopeIds(StrictSerializer):
    """`DELETE mailbox/`."""

    ids = Items(Id(), at_least=1, at_most=MAX_FETCHED)
