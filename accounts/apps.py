"""Users, devices, logins, prekeys, delivery tokens and mailboxes."""

from datetime import timedelta

from django.apps import AppConfig

PRUNE_EVERY = timedelta(hours=1)


class AccountsConfig(AppConfig):
    """Holds what the server knows about a user: a name, keys and sealed bytes."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import removal
        from accounts.acts import forget_in_log
        from accounts.errors import AccountError
        from accounts.overview import show_accounts
        from mesa import deadlines, overview, problems

        problems.register(AccountError)
        removal.register(forget_in_log)
        overview.register("Accounts", show_accounts)
        deadlines.register("accounts_expired", "accounts.tasks.prune_expired", every=PRUNE_EVERY)
