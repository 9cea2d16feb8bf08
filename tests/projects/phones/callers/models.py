"""Callers: the name is a phone number, an object that JSON knows nothing of."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class PhoneNumber:
    """A number without the blanks that people write into it."""

    def __init__(self, text: str) -> None:
        self.digits = text.replace(" ", "")

    def __str__(self) -> str:
        return self.digits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhoneNumber) and other.digits == self.digits

    def __hash__(self) -> int:
        return hash(self.digits)

    def __len__(self) -> int:
        return len(self.digits)


class PhoneField(models.CharField):
    """A column of digits, and a `PhoneNumber` in Python."""

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, PhoneNumber) else PhoneNumber(value)

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> Any:
        return self.to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else str(self.to_python(value))


class CallerManager(BaseUserManager):
    def create_user(self, phone: Any, password: str | None = None, **fields: Any) -> Any:
        caller = self.model(phone=phone, **fields)
        caller.set_password(password)
        caller.save(using=self._db)
        return caller


class Caller(AbstractBaseUser):
    phone = PhoneField(max_length=20, unique=True)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "phone"
    objects = CallerManager()
