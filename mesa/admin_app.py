"""The admin as Mesa has it: its own site, and no groups."""

from django.contrib.admin.apps import AdminConfig


class OperatorsConfig(AdminConfig):
    """Puts the operators' site in the place of Django's."""

    default_site = "mesa.admin_site.OperatorSite"

    def ready(self) -> None:
        from django.contrib import admin
        from django.contrib.auth.models import Group

        super().ready()
        # Whoever acts is a superuser; groups would grant nothing.
        admin.site.unregister(Group)
