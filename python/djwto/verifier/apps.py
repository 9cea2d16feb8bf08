"""The Django app of a service that only verifies tokens."""

from django.apps import AppConfig, apps


class VerifierConfig(AppConfig):
    """Register the checks that are about keys, settings and guarded views."""

    name = "djwto.verifier"
    label = "djwto_verifier"
    verbose_name = "JWT verification"

    def ready(self) -> None:
        """Import what registers itself, once all apps are there."""
        from djwto import checks, guard_checks  # noqa: F401 (they register)
        from djwto.verifier import checks as of_verifiers  # noqa: F401 (they register)

        if apps.is_installed("drf_spectacular"):
            from djwto.contrib import spectacular  # noqa: F401 (it registers)
