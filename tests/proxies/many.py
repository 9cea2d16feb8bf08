"""A user whose permissions do not fit into a token, so that the guard asks the database."""

from tests.services import Server

NAME = "many"
PERMISSION = "view_prediction"

_MAKE = """
from django.contrib.auth.models import ContentType, Permission, User
kind = ContentType.objects.get(app_label="auth", model="user")
names = [f"{number}".ljust(100, "x") for number in range(200)]
made = [Permission(content_type=kind, codename=name, name="of a test") for name in names]
Permission.objects.bulk_create(made)
user = User.objects.create_user("many", password="pass")
user.user_permissions.set(Permission.objects.filter(codename__in=names))
user.user_permissions.add(Permission.objects.get(codename="view_prediction"))
"""


def make(portal: Server) -> None:
    """Make the user, with `PERMISSION` and 200 others."""
    portal.manage("shell", "-v0", "-c", _MAKE)
