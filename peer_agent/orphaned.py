"""A login that the server refuses: does it still know this device, or has it forgotten it?

Spec: docs/spec/agent.md, section "A server that has forgotten"
"""

from peer_agent.account import Account, load_account
from peer_agent.api import Api
from peer_agent.config import Config
from peer_agent.desk import read_store
from peer_agent.errors import AgentError, LoginEnded
from peer_agent.rest import Rest

FORGOTTEN = (
    "{} does not know this device any more: "
    "the account or the device was removed, or the server was set up anew."
)
WHAT_STAYS = (
    "What is here stays: `mesa-peer history` and `mesa-peer contacts` show it. Register "
    "with another --state, or: `mesa-peer remove-account --local-only` removes this one."
)


def ended_login(error: BaseException) -> LoginEnded | None:
    """Find in a failure the word of the server that a login has ended or is refused."""
    if isinstance(error, LoginEnded):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = (ended_login(each) for each in error.exceptions)
        return next((each for each in found if each is not None), None)
    return None


async def explain(config: Config, error: LoginEnded) -> LoginEnded:
    """Tell a login that has ended from a device that the server does not know; returns what to say."""
    try:
        with read_store(config) as store:
            account = load_account(store)
    except AgentError:
        return error
    return error if account is None else await explained(account, error)


async def explained(account: Account, error: LoginEnded) -> LoginEnded:
    """Tell the same of an account; the error itself if the server knows the device, or can not be asked."""
    rest = Rest(account.server)
    try:
        routes = Api(rest).accounts
        challenge = await routes.challenge()
        signature = account.device.prove_login(challenge)
        is_known = await routes.is_known(account.device_id, challenge, signature)
    except AgentError:
        return error
    finally:
        await rest.aclose()
    return error if is_known else LoginEnded(f"{FORGOTTEN.format(account.server)} {WHAT_STAYS}")
