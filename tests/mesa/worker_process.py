"""A worker as a process of its own, and what its tasks have seen."""

import os
import sys
from pathlib import Path

from mesa import store
from mesa.process_tree import ProcessTree, Program
from tests.live_tree import ROOT
from tests.mesa.worker_app import SEEN

WORKER = (
    *(
        sys.executable,
        "-m",
        "celery",
        "-q",
        "-A",
        "tests.mesa.worker_app",
        "worker",
        "-P",
        "threads",
        "-c",
        "2",
    ),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"),
)


def start_worker(tree: ProcessTree, log: Path) -> int:
    return tree.start(Program("worker", WORKER, os.environ, ROOT, output=log))


def seen(what: str) -> int:
    return int(store.client().hget(SEEN, what) or 0)
