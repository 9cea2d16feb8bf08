"""Guests of a theatre, who log in with the number of their seat."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Seat(models.Model):
    number = models.IntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"seat {self.number}"


class GuestManager(BaseUserManager):
    def create_user(self, seat: Any, password: str | None = None, **fields: Any) -> Any:
        guest = self.model(seat=seat, **fields)
        guest.set_password(password)
        guest.save(using=self._db)
        return guest


class Guest(AbstractBaseUser):
    seat = models.OneToOneField(Seat, models.CASCADE)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "seat"
    objects = GuestManager()
