"""A town: a whole server of its own, and accounts that the tests run as processes."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
from django.conf import settings

from peer_agent import guards_book
from peer_agent.config import Config
from peer_agent.desk import opened_store
from tests.live_tree import LiveTree
from tests.network.agents import Account, Agent, make_contacts, register, started
from tests.servers import PostgreSQL, Redis, Server, running

# Long enough not to turn up in random bytes.
ADA, BO = "ada-the-sender", "bo-the-receiver"
FORWARDERS = ("f1-x", "f2-x", "f3-x", "f4-x", "f5-x", "f6-x")


@dataclass
class Town:
    """One server and eight accounts: ada, bo, and six who forward."""

    tree: LiveTree
    servers: "Servers"
    ada: Account
    bo: Account
    forwarders: dict[str, Account]
    running: dict[str, Agent] = field(default_factory=dict)

    def forward(self, *names: str) -> list[Agent]:
        """Have these forwarders online, and no others."""
        for name in set(self.running) - set(names):
            self.running.pop(name).stop()
        for name in names:
            if name not in self.running or self.running[name].has_ended:
                self.running[name] = self.forwarders[name].start("forward")
        agents = [self.running[name] for name in names]
        for agent in agents:
            agent.wait_for_event("online")
        return agents

    def stop(self) -> None:
        for agent in self.running.values():
            agent.stop()
        self.running.clear()


@pytest.fixture(scope="package")
def package_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with build_town(tmp_path_factory) as made:
        yield made


@dataclass(frozen=True)
class Servers:
    """The servers that a town has beside its tree; None: SQLite, and a store of the tree."""

    database: Server | None = None
    store: Server | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What tells a tree of them, as production is told."""
        named = [each.environment for each in (self.database, self.store) if each is not None]
        variables = {name: value for each in named for name, value in each.items()}
        return variables | {"MESA_SECRET_KEY": "towns-only-" + "x" * 40} if named else {}


@pytest.fixture(scope="module")
def town(package_town: Town) -> Town:
    """The town, with nobody online. ada and bo have no guards, and get none that other tests left online.

    Those may be away in these tests, which then wait for them.
    """
    package_town.stop()
    for account in (package_town.ada, package_town.bo):
        forget_guards(account)
    return package_town


def forget_guards(account: Account) -> None:
    """Have an account that is not online take new guards when it comes."""
    with opened_store(Config(account.state)) as store:
        store.set_setting(guards_book.SETTING, None)


@contextmanager
def servers_of_this_group() -> Iterator[Servers]:
    """Start what the tests of this run use: a town has its own, since it must not be emptied by others."""
    with ExitStack() as stack:
        database = stack.enter_context(running(PostgreSQL)) if settings.MESA_DATABASE else None
        store = None if settings.EMBEDDED_STORE else stack.enter_context(running(Redis))
        yield Servers(database, store)


@contextmanager
def build_town(tmp_path_factory: pytest.TempPathFactory, servers: Servers | None = None) -> Iterator[Town]:
    """Start a server, register everybody, and make ada and bo contacts."""
    folder = tmp_path_factory.mktemp("town")
    with ExitStack() as stack:
        if servers is None:
            servers = stack.enter_context(servers_of_this_group())
        # The most talkative log: the privacy tests search it.
        environment = {"MESA_LOG_LEVEL": "DEBUG", **servers.environment}
        options = ("--web", "2") if servers.environment else ()
        tree = LiveTree(tmp_path_factory.mktemp("tree"), environment=environment, options=options)
        tree.start()
        stack.callback(tree.stop)
        # Two at a time: hashing passwords is what takes long.
        with ThreadPoolExecutor(2) as pool:
            names = (ADA, BO, *FORWARDERS)
            accounts = dict(
                zip(names, pool.map(lambda name: register(tree.url, name, folder), names), strict=True)
            )
        made = Town(tree, servers, accounts.pop(ADA), accounts.pop(BO), accounts)
        make_contacts(made.ada, made.bo)
        stack.callback(made.stop)
        yield made


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """Stop the ends that a fixture leaves online when it fails, of whatever scope it is."""
    before = len(started)
    try:
        return (yield)
    except BaseException:
        stop_ends(before)
        raise


def stop_ends(before: int) -> None:
    """Stop those agents that were started after so many others and are not a town's own."""
    for agent in started[before:]:
        if agent.name not in FORWARDERS and not agent.has_ended:
            agent.stop()


@pytest.fixture(autouse=True)
def nobody_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop the ends that a failed test leaves online: the next one needs their state directories."""
    before = len(started)
    yield
    if request.node.stash.get(FAILED, False):
        stop_ends(before)


@pytest.fixture
def bo_listens(town: Town) -> Iterator[Agent]:
    """bo, online for one test; it does not forward."""
    agent = town.bo.start("listen", "--no-forward")
    agent.wait_for_event("online")
    yield agent
    agent.stop()
