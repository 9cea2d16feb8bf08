"""`manage.py djwto_delete_tokens`: another name for `delete_tokens`."""

from djwto.management.commands.delete_tokens import Command

__all__ = ["Command"]
