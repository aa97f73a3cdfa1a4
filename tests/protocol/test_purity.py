import subprocess
import sys

BANNED = (
    "django",
    "asyncio",
    "aiortc",
    "aioice",
    "channels",
    "celery",
    "redis",
    "httpx",
    "websockets",
    "cryptography",
)
PROGRAM = f"""
import importlib, pkgutil, sys
import p2p.protocol
for module in pkgutil.iter_modules(p2p.protocol.__path__, "p2p.protocol."):
    importlib.import_module(module.name)
print(",".join(name for name in {BANNED!r} if name in sys.modules))
"""


def test_protocol_imports_neither_django_nor_an_event_loop_nor_webrtc() -> None:
    """In a process of its own, since this one has imported them all."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30
    )

    assert found.stdout.strip() == ""
