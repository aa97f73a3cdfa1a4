"""What may go wrong in accounts, in words of the domain. Views turn each into one problem of the REST page.

Spec: docs/spec/rest.md
"""


class AccountError(Exception):
    """Base of all refusals here; `code` is the problem of the REST page."""

    code = "invalid"


class UsernameTaken(AccountError):
    """The name exists, or a removed user's name is still reserved."""

    code = "username_taken"


class StatementInvalid(AccountError):
    """A statement, prekey or its signature does not verify, or belongs to another account."""

    code = "statement_invalid"


class Banned(AccountError):
    """An operator has banned the account; said only to who has proven password and device."""

    code = "banned"


class RegistrationClosed(AccountError):
    """The operator lets nobody make an account."""

    code = "registration_closed"


class InvitationRefused(AccountError):
    """An invitation is needed, and there is none, or one that is unknown, used or expired: one answer."""

    code = "invitation_refused"


class LoginRefused(AccountError):
    """Unknown name, wrong password, foreign device, spent challenge or bad proof: one answer for all."""

    code = "login_refused"


class StatementBehind(AccountError):
    """A statement does not fit where the chain is. `number`: the place of the chain's last statement."""

    code = "statement_behind"

    def __init__(self, number: int) -> None:
        super().__init__()
        self.more = {"number": number}


class RecoveryRefused(AccountError):
    """Unknown name, another recovery key, spent challenge or bad proof: one answer for all."""

    code = "recovery_refused"


class WrongPassword(AccountError):
    """The caller's password is another."""

    code = "wrong_password"


class LoginLocked(AccountError):
    """Too many wrong passwords for this name from this address. `wait` is in seconds."""

    code = "throttled"

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


class QuotaSpent(AccountError):
    """A daily or hourly allowance is used up. `wait` is in seconds."""

    code = "throttled"

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


class TooBusy(AccountError):
    """So many passwords are being checked that this one got no turn."""

    code = "unavailable"


class RefreshRefused(AccountError):
    """The refresh token is expired, forged, or was used before (and its login has ended)."""

    code = "not_authenticated"


class UserNotFound(AccountError):
    """No such user, or not a user who can be written to."""

    code = "not_found"


class DeviceNotFound(AccountError):
    """No such device, or it is another user's."""

    code = "not_found"


class StockFull(AccountError):
    """More prekeys, delivery tokens or devices than the limit."""

    code = "stock_full"


class DigestTaken(AccountError):
    """A delivery token's digest that exists already."""

    code = "invalid"


class MailboxFull(AccountError):
    """No more envelopes may wait for this device."""

    code = "mailbox_full"
    wait = 3_600.0
