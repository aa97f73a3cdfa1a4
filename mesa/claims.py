"""What the landing page says of protection: no more than the threat model does.

Spec: docs/threat-model.md
"""

from typing import Final

PROTECTS: Final = (
    "What you write. Only your device and bo’s can open it.",
    "Your address. bo and the forwarders after the first do not see it, unless bo runs one of your guards.",
    "Your past. Once a routed message has arrived, no database or backup of the server says who wrote to whom.",
    "The message itself. It waits on your device until bo’s device confirms it, and is shown once.",
)
LIMITS: Final = (
    "Against the server while a message is under way. It draws the path, so at that moment it knows both ends.",
    "Against two guards run by one person. By timing they can match your address with bo’s.",
    "Against somebody who watches your line. They see that you use Mesa, and when.",
    "Against changed code. The server delivers this page and its scripts, and could deliver others.",
    "Against a lost recovery code. Without it, a lost device is a lost account.",
    "Against someone who holds your unlocked device.",
    "Against our own mistakes. Nobody outside has reviewed the cryptography yet.",
)
COLUMNS: Final = ("What you write", "Your address", "bo’s address", "Who writes to whom")
ROLES: Final = (
    ("Your guard", ("no", "yes", "no", "no")),
    ("Middle", ("no", "no", "no", "no")),
    ("bo’s guard", ("no", "no", "yes", "no")),
    ("Both guards together", ("no", "yes", "yes", "the addresses, by timing")),
    ("bo", ("yes", "no, unless bo runs your guard", "yes", "yes")),
    ("Server, live", ("no", "yes", "yes", "yes, until it has arrived")),
    ("Server, seized later", ("no", "no", "no", "no")),
)
