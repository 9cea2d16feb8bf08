"""The app behind the portal."""

from typing import Any

from django.apps import AppConfig


class PredictionsConfig(AppConfig):
    """Predictions, and what this project wants to find in its tokens."""

    name = "predictions"

    def ready(self) -> None:
        """Put the e-mail address inside the `user` claim of every token issued from now on."""
        from djwto import tokens

        original = tokens.process_user

        def process_user(user: Any) -> dict[str, Any]:
            return {**original(user), "email": user.email}

        tokens.process_user = process_user
