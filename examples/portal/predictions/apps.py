"""The app behind the portal."""

from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest

REMEMBERED = timedelta(days=30)


class PredictionsConfig(AppConfig):
    """Predictions, and what this project wants of its tokens."""

    name = "predictions"

    def ready(self) -> None:
        """Put the e-mail address into every token; "remember me" makes a login last longer."""
        from djwto import tokens

        original = tokens.process_user

        def process_user(user: Any) -> dict[str, Any]:
            return {**original(user), "email": user.email}

        def process_lifetime(user: Any, request: HttpRequest) -> timedelta | None:
            return REMEMBERED if request.POST.get("remember") == "on" else None

        tokens.process_user = process_user
        tokens.process_lifetime = process_lifetime
