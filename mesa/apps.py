"""The project's own app: checks and management commands."""

from django.apps import AppConfig


class MesaConfig(AppConfig):
    """Registers the system checks, and names the task that a deadline calls."""

    name = "mesa"

    def ready(self) -> None:
        from mesa import checks, deadlines, journal, overview  # noqa: F401 (importing checks registers them)

        overview.register("Work", overview.show_work)
        deadlines.register("journal", "mesa.tasks.prune_journal", every=journal.EMPTY_EVERY)
