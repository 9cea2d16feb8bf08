"""A project of djwto and no more, for benches that run in a process of their own."""

from typing import Any


def set_up(database: dict[str, Any], **settings: Any) -> None:
    """Configure Django with this database, and make its tables."""
    import django
    from django.conf import settings as django_settings
    from django.core.management import call_command

    defaults = {
        "SECRET_KEY": "benches only",
        "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "djwto"],
        "DATABASES": {"default": database},
        "DJWTO_SIGNING_KEY": "a secret for benches, of 48 bytes" + "." * 15,
        "USE_TZ": True,
    }
    django_settings.configure(**{**defaults, **settings})
    django.setup()
    call_command("migrate", verbosity=0)
