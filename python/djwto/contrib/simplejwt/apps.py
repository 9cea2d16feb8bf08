"""The Django app."""

from django.apps import AppConfig


class SimpleJWTConfig(AppConfig):
    """Let guards read simplejwt's tokens and headers, and put its claims into djwto's tokens."""

    name = "djwto.contrib.simplejwt"
    label = "djwto_simplejwt"
    verbose_name = "Clients of simplejwt"

    def ready(self) -> None:
        """Register the parts that djwto itself does not import."""
        from djwto import conf, formats, tokens
        from djwto.contrib.simplejwt import checks, claims, config, old_tokens  # noqa: F401

        conf.read_schemes_of(config.schemes)
        if old_tokens.read_access not in formats.readers:
            formats.readers.append(old_tokens.read_access)
        if claims.beside not in tokens.claims_beside:
            tokens.claims_beside.append(claims.beside)
