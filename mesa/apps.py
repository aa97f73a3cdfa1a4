"""The project's own app: checks and management commands."""

from django.apps import AppConfig


class MesaConfig(AppConfig):
    """Registers the system checks."""

    name = "mesa"

    def ready(self) -> None:
        from mesa import checks  # noqa: F401 (importing registers them)
