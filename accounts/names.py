"""User names: their one canonical form.

Spec: docs/spec/rest.md, section "Accounts"
"""

import re
import unicodedata

from django.utils.crypto import salted_hmac

MIN_NAME_CHARACTERS = 2
MIN_PREFIX_CHARACTERS = 3
MAX_NAME_CHARACTERS = 32
CANONICAL_NAME = r"^[a-z][a-z0-9_-]{1,31}\Z"
NAME_RULE = "2 to 32 letters a to z, digits, _ or -, starting with a letter."

_canonical = re.compile(CANONICAL_NAME)


def fold_name(text: str) -> str:
    """Fold case and compatibility forms, so that names that look alike are one name."""
    # Folding can give characters that NFKC would join again, so it is framed by two normalisations.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def is_canonical_name(text: str) -> bool:
    """Say whether this is a whole user name in canonical form."""
    return _canonical.match(text) is not None


def reservation_digest(name: str) -> bytes:
    """Hash a name under the server's key, so that a list of reserved names names nobody."""
    return salted_hmac("mesa/reserved-name/1", name, algorithm="sha256").digest()
