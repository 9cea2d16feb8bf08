"""The Django app."""

from django.apps import AppConfig, apps


class DjwtoConfig(AppConfig):
    """Registers the checks. It fixes the type of ids, so that projects make no migrations."""

    name = "djwto"
    verbose_name = "JWT sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the modules that register themselves, which need the models of all apps."""
        from djwto import (  # noqa: F401 (the checks register)
            checks,
            guard_checks,
            leftover_checks,
            logouts,
            path_checks,
            receivers,
            return_checks,
            tenant_checks,
        )

        receivers.connect()
        logouts.connect()
        if apps.is_installed("drf_spectacular"):
            from djwto.contrib import spectacular  # noqa: F401 (it registers)
