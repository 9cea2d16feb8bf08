"""The form of `login/`."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError

from djwto import user_rows


class LoginForm(AuthenticationForm):
    """Django's form, which treats a text that cannot be a login name as a wrong login name.

    If the name is a number, a UUID or a foreign key, a query for another text would raise.
    """

    def clean(self) -> dict[str, Any]:
        """Authenticate. Raises `ValidationError`."""
        try:
            return super().clean()
        except user_rows.NO_NAME as error:
            is_refusal = isinstance(error, ValidationError) and error.code in self.error_messages
            if is_refusal or user_rows.can_be_name(self.cleaned_data["username"]):
                raise
        credentials = {"username": self.cleaned_data["username"], "password": "*" * 20}
        user_login_failed.send(
            sender="django.contrib.auth", credentials=credentials, request=self.request
        )
        raise self.get_invalid_login_error()
