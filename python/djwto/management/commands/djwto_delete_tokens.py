"""`manage.py djwto_delete_tokens`: `delete_tokens`, by a name that says whose it is."""

from djwto.management.commands.delete_tokens import Command

__all__ = ["Command"]
