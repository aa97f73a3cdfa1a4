"""The command `guards`, and what other commands say of them."""

from argparse import Namespace

from peer_agent.account import require_account
from peer_agent.books import open_books
from peer_agent.cli_output import Output
from peer_agent.clock import MS_PER_S, local_time, spoken
from peer_agent.config import Config
from peer_agent.desk import opened_store, read_store
from peer_agent.events import GuardsLimit, LimitCause
from peer_agent.guards import Guard, GuardState
from peer_agent.guards_words import summary, values

MORE = "`mesa-peer guards` tells more."
LIMIT_SENTENCES = {
    LimitCause.OFFERED: f"The server names more guards than a device takes in 30 days; it is refused. {MORE}",
    LimitCause.AWAY: f"This device waits for its guards, and takes no others without your word. {MORE}",
}


async def guards(options: Namespace, config: Config, output: Output) -> None:
    """Show the forwarders that stand next to this device on its paths; allow one more than 5 in 30 days."""
    if options.replace:
        with opened_store(config) as store:
            found = open_books(store, require_account(store)).guards.allow_one_more()
    else:
        with read_store(config) as store:
            found = open_books(store, require_account(store)).guards.all()
    for number, guard in enumerate(found.known, 1):
        state = found.state(guard)
        output.result(
            "guard",
            f"guard {number}  since {local_time(guard.came_s * MS_PER_S)}; {_words(guard, state)}",
            number=number,
            state=state,
            since=guard.came_s,
            away_s=guard.away_s,
        )
    output.result("guards", summary(found), **values(found))


def limit_sentence(event: GuardsLimit) -> str:
    """What a person is told who is not asked yet."""
    return LIMIT_SENTENCES[event.cause]


def _words(guard: Guard, state: GuardState) -> str:
    away = spoken(guard.away_s)
    return {
        GuardState.HERE: "there when this device was online last",
        GuardState.AWAY: f"away for {away}",
        GuardState.GIVEN_UP: f"given up after {away} without it",
        GuardState.REPLACED: "replaced by your word",
    }[state]
