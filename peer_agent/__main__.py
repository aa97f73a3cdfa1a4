"""`python -m peer_agent` is `mesa-peer`."""

import sys

from peer_agent.cli import main

sys.exit(main())
