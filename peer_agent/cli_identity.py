"""Commands that use the recovery code or the password: recover, password."""

from argparse import Namespace

from peer_agent import recovery
from peer_agent.cli_loop import run
from peer_agent.cli_output import Output
from peer_agent.cli_secrets import read_code, read_new_password, read_password, read_replaced_password
from peer_agent.clock import Clock
from peer_agent.config import DEFAULT_SERVER, Config
from peer_agent.desk import fill_stocks, new_store, opened_store


def recover(options: Namespace, config: Config, output: Output) -> None:
    """Bring an account back by its recovery code; all its devices of before are removed."""
    with new_store(config) as store:
        code, password = read_code(options), read_new_password(options, prompt="New password")
        server = config.server or DEFAULT_SERVER
        account = run(recovery.recover(store, server, options.user, code, password, Clock()))
    run(fill_stocks(config))
    sentence = f"Recovered {account.username}. All devices of before are removed."
    output.result(
        "recovered", f"{sentence} Ask your contacts again: they accept by themselves.", user=account.username
    )


def password(options: Namespace, config: Config, output: Output) -> None:
    """Change the password, by the one of before or by the recovery code."""
    with opened_store(config) as store:
        if options.forgotten:
            code, new = read_code(options), read_replaced_password(options)
            account = run(recovery.reset_password(store, code, new))
        else:
            old, new = read_password(options), read_replaced_password(options)
            account = run(recovery.change_password(store, old, new))
    output.result("password_changed", "The password is changed. Other logins ended.", user=account.username)
