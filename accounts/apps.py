"""Users, devices, logins, prekeys, delivery tokens and mailboxes."""

from datetime import timedelta

from django.apps import AppConfig

PRUNE_EVERY = timedelta(hours=1)


class AccountsConfig(AppConfig):
    """Holds what the server knows about a user: a name, keys and sealed bytes."""

    name = "accounts"

    def ready(self) -> None:
        from accounts.errors import AccountError
        from mesa import deadlines, problems

        problems.register(AccountError)
        deadlines.register("accounts_expired", "accounts.tasks.prune_expired", every=PRUNE_EVERY)
