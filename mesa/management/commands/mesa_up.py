"""`manage.py mesa_up`: store, database, web server and worker as one process tree."""

import errno
import http.client
import os
import resource
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections

from mesa import embedded_store, journal, releases, store
from mesa.checks import WRONG_SETUP, StoreUnfit, find_warnings, require_fit_store
from mesa.instance_lock import AlreadyRunning, InstanceLock
from mesa.process_tree import ChildDied, NotReady, ProcessTree, Program, StopRequested
from mesa.progress import Progress
from mesa.state_dir import StateDirError, make_private

CHILD_DIED, ALREADY_RUNNING, PORT_IN_USE = 1, 3, 4
READY_LIMIT_S = 60.0
ASK_TIMEOUT_S = 5.0
BACKLOG = 1024
HIGHEST_PORT, OTHER_PORT = 65_535, 8001
DESCRIPTORS = 65_536
WORKER_THREADS = 4
MOST_WEB_PROCESSES = 64
# Celery warns of root because of pickle, which the settings refuse.
ROOT_WARNING = "ignore:You're running the worker with superuser"


class CanNotListen(Exception):
    """The address for the web server can not be had; the message is the system's reason."""


class Command(BaseCommand):
    """Parses the options and turns what can go wrong into one line and an exit code."""

    help = "Start the store, the database, the web server and the worker; Ctrl-C stops all of them."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=a_port, default=8000, help="0 takes a free one")
        parser.add_argument("--web", type=a_count, default=1, help="web server processes, on one port")
        parser.add_argument("--state-dir", type=Path, help="default: MESA_STATE_DIR, or .mesa here")

    def handle(
        self, *args: Any, host: str, port: int, web: int, state_dir: Path | None, **options: Any
    ) -> None:
        if state_dir is not None and state_dir.absolute() != settings.STATE_DIR:
            restart_with_state_dir(state_dir.absolute())
        progress = Progress()
        try:
            with InstanceLock(make_private(settings.STATE_DIR) / "lock"), listen(host, port) as listener:
                Server(host, listener, web, progress).run()
        except AlreadyRunning as error:
            why = f"already running as process {error.pid} on {settings.STATE_DIR}"
            way_out = 'for another server: ARGS="--state-dir DIR --port 8001"'
            give_up(progress, f"{why}; {way_out}", ALREADY_RUNNING)
        except CanNotListen as error:
            give_up(progress, f"can not listen on {host} port {port}: {error}", PORT_IN_USE)
        except (StateDirError, StoreUnfit, embedded_store.NoStoreServer) as error:
            give_up(progress, str(error), WRONG_SETUP)
        except (ChildDied, NotReady) as error:
            give_up(progress, str(error), CHILD_DIED)


class Server:
    """The tree of this machine: knows what to start, in which order, and when it is ready."""

    def __init__(self, host: str, listener: socket.socket, web_processes: int, progress: Progress) -> None:
        self.host = f"[{host}]" if ":" in host else host
        self.listener = listener
        self.web_names = ["web", *(f"web {number}" for number in range(2, web_processes + 1))]
        self.port: int = listener.getsockname()[1]
        self.progress = progress
        self.tree = ProcessTree(on_stop=lambda name: progress.done(f"{name} stopped"))
        self.while_up = ExitStack()

    def run(self) -> None:
        """Start everything, stay, and stop everything, whatever ended the stay."""
        self.tree.listen_to_signals()
        raise_descriptor_limit()
        try:
            self.start()
            self.tree.watch()
        except StopRequested:
            pass
        finally:
            self.tree.stop()
            self.while_up.close()
            if settings.EMBEDDED_STORE:
                embedded_store.tidy(settings.STATE_DIR)

    def start(self) -> None:
        if settings.EMBEDDED_STORE:
            self.start_store()
        require_fit_store(limit_s=0)
        store.client().connection_pool.disconnect()
        call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()
        self.while_up.enter_context(journal.kept_open())
        self.progress.done("database migrated")
        releases.keep(settings.STATIC_DIR, settings.RELEASES_DIR)
        for name in self.web_names:
            self.start_python(
                *(name, "mesa.web", "--fd", str(self.listener.fileno()), "-v", "0", "mesa.asgi:application")
            )
        self.start_python(
            *("worker", "celery", "-q", "-A", "mesa", "worker", "-P", "threads", "-c", str(WORKER_THREADS)),
            *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", settings.LOG_LEVEL),
        )
        self.tree.wait_until(self.is_ready, what="the server", limit_s=READY_LIMIT_S)
        for message in find_warnings():
            self.progress.warned(message.msg, message.hint or "")
        url = f"http://{self.host}:{self.port}"
        self.progress.ready(
            f"{url}/",
            f"Next: mesa-peer --server {url} register USER, or open it in a browser; README.md goes on.",
        )

    def start_store(self) -> None:
        path = embedded_store.prepare_socket(settings.STATE_DIR)
        server = embedded_store.find_server(settings.STORE_SERVER)
        if embedded_store.stop_orphan(path):
            self.progress.done("a store that was left behind has been stopped")
        log = settings.STATE_DIR / "store.log"
        command = embedded_store.command(server, path)
        program = Program("store", command, os.environ, settings.STATE_DIR, output=log)
        pid = self.tree.start(program)
        self.tree.wait_until(
            lambda: embedded_store.answers(path), what="the store", limit_s=embedded_store.START_LIMIT_S
        )
        self.progress.done("store started", f"pid {pid}")

    def start_python(self, name: str, module: str, *arguments: str) -> None:
        origins = f"http://{self.host}:{self.port} http://localhost:{self.port}"
        defaults = {"MESA_ALLOWED_ORIGINS": origins, "DJANGO_SETTINGS_MODULE": "mesa.settings"}
        descriptors = (self.listener.fileno(),) if name in self.web_names else ()
        command = (sys.executable, "-W", ROOT_WARNING, "-m", module, *arguments)
        environment = defaults | os.environ
        program = Program(name, command, environment, settings.BASE_DIR, descriptors=descriptors)
        pid = self.tree.start(program)
        self.progress.done(f"{name} started", f"pid {pid}")

    def is_ready(self) -> bool:
        """Ask the server's own probe, which asks the worker too."""
        address: str = self.listener.getsockname()[0]
        connection = http.client.HTTPConnection(address, self.port, timeout=ASK_TIMEOUT_S)
        try:
            connection.request("GET", "/readyz", headers={"Host": f"localhost:{self.port}"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def a_port(text: str) -> int:
    """Read the option `--port`."""
    if not text.isascii() or not text.isdigit() or int(text) > HIGHEST_PORT:
        raise ArgumentTypeError(f"a port is 0 to {HIGHEST_PORT}")
    return int(text)


def a_count(text: str) -> int:
    """Read the option `--web`."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WEB_PROCESSES:
        raise ArgumentTypeError(f"1 to {MOST_WEB_PROCESSES} processes")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket that the web server inherits: a port in use is noticed before any start.

    Raises:
        CanNotListen: the port is in use or needs other rights, or the host is not this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # First, since what opens the socket tells an unknown host by a number only.
        socket.getaddrinfo(host, port, family)
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise CanNotListen("no such host") from error
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            reason += f'; another port: ARGS="--port {OTHER_PORT}"'
        raise CanNotListen(reason) from error


def raise_descriptor_limit() -> None:
    """Allow this process and its children more descriptors than the usual 1,024: each socket takes one."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if most == resource.RLIM_INFINITY else min(most, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


def restart_with_state_dir(path: Path) -> None:
    """Become the same command with the state directory in the environment, where the settings read it."""
    os.environ["MESA_STATE_DIR"] = str(path)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 (no shell is the point)


def give_up(progress: Progress, why: str, code: int) -> None:
    progress.failed(why)
    raise SystemExit(code)
