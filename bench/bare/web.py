"""The web server process: daphne on uvloop, as Mesa has it."""

import sys

import uvloop

uvloop.install()

# After uvloop: daphne makes its event loop when it is imported.
from daphne.cli import CommandLineInterface  # noqa: E402

if __name__ == "__main__":
    CommandLineInterface().run(sys.argv[1:])
