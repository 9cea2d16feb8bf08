"""`manage.py demo_users`: the three people who may log in to the demo."""

from typing import Any

from django.contrib.auth.models import Permission, User
from django.core.management.base import BaseCommand

PASSWORD = "pass"


class Command(BaseCommand):
    """Make alice, carol and admin. Those who exist already are left as they are."""

    help = "Create the users of the demo (password: pass)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them."""
        if not User.objects.filter(username="alice").exists():
            User.objects.create_user("alice", "alice@example.com", PASSWORD)
        if not User.objects.filter(username="carol").exists():
            carol = User.objects.create_user("carol", "carol@example.com", PASSWORD)
            carol.user_permissions.add(
                Permission.objects.get(
                    content_type__app_label="predictions", codename="view_prediction"
                )
            )
        if not User.objects.filter(username="admin").exists():
            User.objects.create_superuser("admin", "admin@example.com", PASSWORD)
