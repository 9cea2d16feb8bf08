"""The blacklist in Django's admin: to look at, and to lift an entry by deleting it."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from djwto.models import JWTBlacklist

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[JWTBlacklist]
else:
    _ModelAdmin = admin.ModelAdmin


@admin.register(JWTBlacklist)
class JWTBlacklistAdmin(_ModelAdmin):
    """Read-only: entries come from logouts."""

    list_display = ("jti", "created_at", "expires")
    search_fields = ("jti",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody types a `jti`."""
        return False

    def has_change_permission(
        self, _request: HttpRequest, _obj: JWTBlacklist | None = None
    ) -> bool:
        """Facts do not change."""
        return False
