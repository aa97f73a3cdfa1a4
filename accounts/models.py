"""Rows of accounts. Keys are random, and no row names two users.

Nothing here has a time of day: a backup that is seized must not say who did something when somebody else did.
Where a row has to end by itself it holds a date.
"""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.crypto import salted_hmac

from accounts.names import CANONICAL_NAME, MAX_NAME_CHARACTERS, NAME_RULE

KEY_BYTES = 32
DIGEST_BYTES = 32


def _has_length(field: str, length: int) -> Exact:
    return Exact(Length(F(field)), length)


class UserManager(BaseUserManager["User"]):
    """Makes users; `createsuperuser` makes an operator."""

    def create_user(self, username: str, password: str, **fields: Any) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str, **fields: Any) -> "User":
        """Make an operator: an account without a device, which sends and receives nothing."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)


class Visibility(models.TextChoices):
    """Who finds a user by the name, as the user chose."""

    PREFIX = "prefix"
    EXACT = "exact"
    HIDDEN = "hidden"


class User(AbstractBaseUser):
    """An account: a name, a password and the version that all its tokens must carry."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        max_length=MAX_NAME_CHARACTERS,
        # For `createsuperuser`, which asks the field; who registers is answered by the serializer.
        validators=[RegexValidator(CANONICAL_NAME, NAME_RULE)],
        error_messages={"unique": "The name is taken."},
    )
    ver = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    # An operator: sees the admin's pages, and as a superuser also bans, removes and invites.
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    visibility = models.CharField(max_length=6, choices=Visibility, default=Visibility.PREFIX)
    # The time of the last login is not kept.
    last_login = None

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["username"], opclasses=["varchar_pattern_ops"], name="user_username_prefix"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["username"], name="user_username_unique"),
            models.CheckConstraint(
                condition=Q(username__regex=CANONICAL_NAME), name="user_username_canonical"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Visibility.values), name="user_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(is_superuser=False) | Q(is_staff=True), name="user_superuser_is_staff"
            ),
        ]

    def __str__(self) -> str:
        return self.username

    def get_session_auth_hash(self) -> str:
        """Tie an operator's session to password and version: it ends with all other logins."""
        return salted_hmac(
            "mesa/operator-session/1", f"{self.password} {self.ver}", algorithm="sha256"
        ).hexdigest()

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Every operator may look; what does something is for superusers."""
        is_operator = self.is_active and self.is_staff
        return is_operator and (self.is_superuser or perm.partition(".")[2].startswith("view_"))

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class Invitation(models.Model):
    """The right to make one account, as a keyed hash. Gone once it is used: nothing says by whom."""

    digest = models.BinaryField(primary_key=True, max_length=DIGEST_BYTES)
    expires_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return "an invitation"


class ReservedName(models.Model):
    """A removed user's name, as a keyed hash, until others may have it."""

    digest = models.BinaryField(primary_key=True, max_length=DIGEST_BYTES)
    until = models.DateField(db_index=True)

    def __str__(self) -> str:
        return "a reserved name"


class Device(models.Model):
    """One installation of a user. Its id and keys come from the user's signed statements."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    signing_key = models.BinaryField(max_length=KEY_BYTES)
    exchange_key = models.BinaryField(max_length=KEY_BYTES)
    suite = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(suite__in=[1, 2]), name="device_suite_known"),
            models.CheckConstraint(
                condition=_has_length("signing_key", KEY_BYTES), name="device_signing_key_length"
            ),
            models.CheckConstraint(
                condition=_has_length("exchange_key", KEY_BYTES), name="device_exchange_key_length"
            ),
        ]

    def __str__(self) -> str:
        return "a device"


class Statement(models.Model):
    """One signed statement of a user's identity chain; a version is taken once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="statements")
    version = models.PositiveIntegerField()
    signed = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "version"], name="statement_version_unique"),
        ]

    def __str__(self) -> str:
        return "a statement"


class PrekeyKind(models.IntegerChoices):
    """Kinds of prekeys, numbered as in docs/spec/prekeys.md."""

    SIGNED = 1
    LAST_RESORT = 2
    ONE_TIME_KEM = 3
    ONE_TIME = 4


STANDING_KINDS = (PrekeyKind.SIGNED, PrekeyKind.LAST_RESORT)
ONE_TIME_KINDS = (PrekeyKind.ONE_TIME, PrekeyKind.ONE_TIME_KEM)


class StandingPrekey(models.Model):
    """A prekey that every first contact may use until the device replaces it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="standing_prekeys")
    kind = models.PositiveSmallIntegerField()
    key_id = models.PositiveBigIntegerField()
    packed = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "kind"], name="standing_prekey_one_of_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=STANDING_KINDS), name="standing_prekey_kind_known"),
        ]

    def __str__(self) -> str:
        return "a standing prekey"


class OneTimePrekey(models.Model):
    """A prekey that goes to one claimer; its id stays, so that a repeated upload does not bring it back."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="one_time_prekeys")
    kind = models.PositiveSmallIntegerField()
    key_id = models.PositiveBigIntegerField()
    # None: claimed.
    packed = models.BinaryField(null=True)
    # Counted from the upload and rounded to a month: a claim must leave no date.
    forget_on = models.DateField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["device", "kind", "key_id"], name="one_time_prekey_id_unique"),
            models.CheckConstraint(condition=Q(kind__in=ONE_TIME_KINDS), name="one_time_prekey_kind_known"),
        ]

    def __str__(self) -> str:
        return "a one-time prekey"


class DeliveryToken(models.Model):
    """The right to reach a user: the hash of a token that the user handed to somebody, not to whom."""

    digest = models.BinaryField(primary_key=True, max_length=DIGEST_BYTES)
    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delivery_tokens")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=_has_length("digest", DIGEST_BYTES), name="delivery_token_digest_length"
            ),
        ]

    def __str__(self) -> str:
        return "a delivery token"


class WithdrawnToken(models.Model):
    """The hash of a delivery token that reaches its user no more. Its holder claims keys as before.

    A table of its own, so that nothing that delivers can find it.
    """

    digest = models.BinaryField(primary_key=True, max_length=DIGEST_BYTES)
    recipient = models.ForeignKey(User, on_delete=models.CASCADE, related_name="withdrawn_tokens")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=_has_length("digest", DIGEST_BYTES), name="withdrawn_token_digest_length"
            ),
        ]

    def __str__(self) -> str:
        return "a withdrawn token"


class Envelope(models.Model):
    """Sealed bytes that wait for a device. The sender is inside, where the server can not look."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="envelopes")
    sealed = models.BinaryField()
    expires_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return "an envelope"


class DeviceLogin(models.Model):
    """A login, bound to one device for its life. Its id is the `sid` of all its tokens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="logins")
    # The pair of tokens in use. Its refresh token is the only one that is good; an older one was copied.
    pair = models.UUIDField()
    # Requests that began with the access token of the pair before are answered.
    pair_before = models.UUIDField(null=True)
    expires_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return "a login"


class RevokedToken(models.Model):
    """The denylist: a login (`sid`) or one token (`jti`) that is refused although its signature is good."""

    id = models.UUIDField(primary_key=True, editable=False)
    expires_on = models.DateField(db_index=True)

    def __str__(self) -> str:
        return "a revoked token"
