"""The settings of the tests: the project's own, with few overrides and a state directory of this run."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("MESA_STATE_DIR", str(Path(tempfile.gettempdir()) / f"mesa-tests-{os.getpid()}"))
os.environ.setdefault("MESA_SECRET_KEY", "tests-only-" + "x" * 40)

from mesa.settings import *
from mesa.settings import DATABASES, MESA_DATABASE, STATE_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if MESA_DATABASE is None:
    # A file, not memory: threads then meet the locks that they meet in production.
    DATABASES["default"]["TEST"] = {"NAME": str(STATE_DIR / "test.sqlite3")}
else:
    # A pool does not get back what a test's thread takes with it when it ends.
    del DATABASES["default"]["OPTIONS"]["pool"]
