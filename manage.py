#!/usr/bin/env python
"""Django's command line. What stops a start before its command runs is one line, too."""

import os
import sys

WRONG_SETUP, INTERRUPTED = 2, 130


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mesa.settings")
    try:
        # Here, because it takes half a second in which Ctrl-C may come.
        run_command()
    except KeyboardInterrupt:
        sys.stdout.write("stopped\n")
        sys.exit(INTERRUPTED)


def run_command() -> None:
    from django.core.management import execute_from_command_line

    from mesa.env import EnvError
    from mesa.progress import Progress
    from mesa.state_dir import StateDirError

    try:
        execute_from_command_line(sys.argv)
    except (EnvError, StateDirError) as error:
        Progress().failed(str(error))
        sys.exit(WRONG_SETUP)


if __name__ == "__main__":
    main()
