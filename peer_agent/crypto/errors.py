"""Why cryptographic input was refused. Texts never carry bytes, names or ids.

Spec: docs/spec/encoding.md, section "Errors"
"""

from typing import ClassVar


class CryptoError(Exception):
    """Base of all refusals; `name` is the word that spec pages and vectors use."""

    name: ClassVar[str] = "refused"
    sentence: ClassVar[str] = "The input was refused."

    def __init__(self) -> None:
        super().__init__(self.sentence)


class Malformed(CryptoError):
    """The bytes do not follow their layout."""

    name = "malformed"
    sentence = "The bytes do not follow their layout."


class UnknownVersion(CryptoError):
    """The first byte names a version this code does not have."""

    name = "unknown-version"
    sentence = "The format version is not known here; a newer version of Mesa is needed."


class UnknownStatement(CryptoError):
    """An identity chain holds a kind of statement this code does not have."""

    name = "unknown-statement"
    sentence = "The identity uses a statement that needs a newer version of Mesa."


class UnsupportedSuite(CryptoError):
    """A suite number this code can not run."""

    name = "unsupported-suite"
    sentence = "The key agreement suite is not supported here."


class Downgrade(CryptoError):
    """A weaker suite than was signed for."""

    name = "downgrade"
    sentence = "A weaker suite was offered than was signed for."


class WeakKey(CryptoError):
    """A public key that is not canonical, has small order or repeats another one."""

    name = "weak-key"
    sentence = "A public key is not acceptable."


class BadSignature(CryptoError):
    """A signature does not verify."""

    name = "bad-signature"
    sentence = "A signature does not verify."


class BrokenChain(CryptoError):
    """Statements are out of order, do not name the one before, or say what can not follow it."""

    name = "broken-chain"
    sentence = "The identity chain is broken."


class UnknownDevice(CryptoError):
    """A device that the signed identity does not name."""

    name = "unknown-device"
    sentence = "The device is not part of the signed identity."


class UnknownPrekey(CryptoError):
    """A handshake asks for a prekey that is not (or no longer) held."""

    name = "unknown-prekey"
    sentence = "The handshake uses a prekey that is no longer held."


class NotValidNow(CryptoError):
    """A signed key outside its days."""

    name = "not-valid-now"
    sentence = "A signed key is not valid at this time."


class NotOpened(CryptoError):
    """Authenticated decryption failed: changed bytes, wrong key or wrong context."""

    name = "not-opened"
    sentence = "The sealed bytes do not open."


class Replayed(CryptoError):
    """A message key that was used before."""

    name = "replayed"
    sentence = "The message was opened before."


class TooFarAhead(CryptoError):
    """A counter skips more messages than a session keeps keys for."""

    name = "too-far-ahead"
    sentence = "The message skips too many others."


class NotReady(CryptoError):
    """A session that can not send yet, or can send no more."""

    name = "not-ready"
    sentence = "The session can not send."


class CellRejected(CryptoError):
    """A cell to be dropped in silence; deliberately without a reason."""

    name = "rejected"
    sentence = "The cell was dropped."


class BadRecoveryCode(CryptoError):
    """A recovery code with a wrong length or a sign outside its alphabet."""

    name = "bad-recovery-code"
    sentence = "A recovery code has 26 letters and digits."


class WrongPassphrase(CryptoError):
    """The passphrase does not unlock the master key, or none was given where one is needed."""

    name = "wrong-passphrase"
    sentence = "The passphrase does not unlock this store."
