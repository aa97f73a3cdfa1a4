"""The settings of the tests: the project's own, with few overrides and a state directory of this run."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("MESA_STATE_DIR", str(Path(tempfile.gettempdir()) / f"mesa-tests-{os.getpid()}"))
os.environ.setdefault("MESA_SECRET_KEY", "tests-only-" + "x" * 40)

from mesa.settings import *
from mesa.settings import DATABASES, EMBEDDED_STORE, STATE_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if EMBEDDED_STORE:
    # A file, not memory: threads then meet the locks that they meet in production.
    DATABASES["default"]["TEST"] = {"NAME": str(STATE_DIR / "test.sqlite3")}
