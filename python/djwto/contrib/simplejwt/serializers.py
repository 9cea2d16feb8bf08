"""The bodies that simplejwt's clients send."""

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import serializers


class PasswordField(serializers.CharField):
    """A text that no reply holds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("style", {})["input_type"] = "password"
        super().__init__(*args, **{**kwargs, "write_only": True})


class TokenObtainPairSerializer(serializers.Serializer[Any]):
    """The account's name, under the model's `USERNAME_FIELD`, and the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = get_user_model().USERNAME_FIELD
        self.fields[name] = serializers.CharField(write_only=True)
        self.fields["password"] = PasswordField()


class TokenRefreshSerializer(serializers.Serializer[Any]):
    """A refresh token; the reply has `access`."""

    refresh = serializers.CharField()
    access = serializers.CharField(read_only=True)


class TokenVerifySerializer(serializers.Serializer[Any]):
    """A token of either kind."""

    token = serializers.CharField(write_only=True)


class TokenBlacklistSerializer(serializers.Serializer[Any]):
    """A refresh token."""

    refresh = serializers.CharField(write_only=True)
