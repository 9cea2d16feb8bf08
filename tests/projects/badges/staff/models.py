"""Members of staff: name and key are rows of other tables."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Badge(models.Model):
    code = models.CharField(max_length=20, primary_key=True)

    def __str__(self) -> str:
        return self.code


class Employment(models.Model):
    number = models.DecimalField(max_digits=9, decimal_places=0, primary_key=True)

    def __str__(self) -> str:
        return str(self.number)


class MemberManager(BaseUserManager):
    def create_user(self, badge: Any, password: str | None = None, **fields: Any) -> Any:
        member = self.model(badge=badge, **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member


class Member(AbstractBaseUser):
    employment = models.OneToOneField(Employment, models.CASCADE, primary_key=True)
    badge = models.OneToOneField(Badge, models.CASCADE)
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "badge"
    objects = MemberManager()
