"""The Django app of a service that only verifies tokens."""

from django.apps import AppConfig, apps


class VerifierConfig(AppConfig):
    """Registers the checks of keys, settings and guarded views."""

    name = "djwto.verifier"
    label = "djwto_verifier"
    verbose_name = "JWT verification"

    def ready(self) -> None:
        """Import the modules that register themselves, once all apps are loaded."""
        from djwto import checks, guard_checks  # noqa: F401 (they register)
        from djwto.verifier import checks as of_verifiers  # noqa: F401 (they register)

        if apps.is_installed("drf_spectacular"):
            from djwto.contrib import spectacular  # noqa: F401 (it registers)
