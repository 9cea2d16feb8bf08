"""User models: one whose permissions another program can read, and those of which it cannot."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.db import models


class Base(AbstractBaseUser, PermissionsMixin):
    """What all of them have."""

    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True, db_column="enabled")
    groups: Any = models.ManyToManyField(Group)
    user_permissions: Any = models.ManyToManyField(Permission)

    USERNAME_FIELD = "email"
    objects: Any = BaseUserManager()

    class Meta:
        abstract = True


class Account(Base):
    """A model with unusual names everywhere."""

    number = models.AutoField(primary_key=True, db_column='"no"')
    is_superuser = models.BooleanField(default=False, db_column="root")
    groups = models.ManyToManyField(Group, db_table="account_teams")

    class Meta:
        db_table = 'crm"."accounts'


class Clerk(Base):
    """A model with unusual names, without a schema, which SQLite can hold too."""

    key = models.BigIntegerField(primary_key=True, db_column="select")
    is_superuser = models.BooleanField(default=False, db_column="Mächtig")
    groups = models.ManyToManyField(Group, db_table="groups of clerks")

    class Meta:
        db_table = "Clerks, all"


class ByCode(Base):
    code = models.CharField(primary_key=True, max_length=10)


class ByBadge(Base):
    badge = models.OneToOneField(ByCode, models.CASCADE, primary_key=True)


class Deputy(Account):
    """A proxy."""

    class Meta:
        proxy = True


class Manager(Account):
    """A child: its key and its fields are in the table of its parent."""


class Late(Base):
    """Who is active is calculated."""

    is_active = property(lambda _: True)  # type: ignore[assignment]


class Hidden(Base):
    """A property hides the field."""


Hidden.is_superuser = property(lambda _: False)  # type: ignore[assignment]


class Always(AbstractBaseUser, PermissionsMixin):
    """Has no column `is_active`."""

    email = models.EmailField(unique=True)
    groups: Any = models.ManyToManyField(Group)
    user_permissions: Any = models.ManyToManyField(Permission)
    USERNAME_FIELD = "email"
    objects: Any = BaseUserManager()


class Maybe(Base):
    is_active = models.BooleanField(null=True)  # type: ignore[assignment]


class Odd(models.BooleanField):
    """A field that stores the opposite."""

    def from_db_value(self, value: Any, *_: Any) -> bool:
        return not value


class Opposite(Base):
    is_active = Odd(default=True)


class Present(BaseUserManager):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(email__contains="@")


class Filtered(Base):
    objects = Present()


class ShortKey(models.UUIDField):
    """A field that stores another value than the token has."""


class ByShortKey(Base):
    key = ShortKey(primary_key=True)


class ByAmount(Base):
    amount = models.DecimalField(primary_key=True, max_digits=9, decimal_places=0)


class Membership(models.Model):
    member = models.ForeignKey("OwnGroups", models.CASCADE)
    group = models.ForeignKey(Group, models.CASCADE)
    until = models.DateField()

    def __str__(self) -> str:
        return f"{self.member} until {self.until}"


class OwnGroups(Base):
    groups = models.ManyToManyField(Group, through=Membership)


class Bare(AbstractBaseUser):
    """Has no permissions at all."""

    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    USERNAME_FIELD = "email"
    objects: Any = BaseUserManager()
