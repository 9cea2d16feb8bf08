"""Sessions and the blacklist in Django's admin: to look at, and to end sessions."""

import time
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from djwto import sessions
from djwto.models import ENDED_BY_ADMIN, JWTBlacklist, Session, as_datetime

if TYPE_CHECKING:
    _BlacklistAdmin = admin.ModelAdmin[JWTBlacklist]
    _SessionAdmin = admin.ModelAdmin[Session]
else:
    _BlacklistAdmin = _SessionAdmin = admin.ModelAdmin


class IsEnded(admin.SimpleListFilter):
    """Live sessions, or ended ones."""

    title, parameter_name = "state", "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Give the choices."""
        return [("live", "Live"), ("ended", "Ended")]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Choose."""
        if self.value() is None:
            return queryset
        live = queryset.filter(revoked_at=None, expires_at__gt=as_datetime(time.time()))
        return live if self.value() == "live" else queryset.exclude(pk__in=live.values("pk"))


@admin.register(Session)
class SessionAdmin(_SessionAdmin):
    """Logins, as they were recorded: they can be ended, and not be changed."""

    list_display = (
        *("user_id", "device", "address", "mode", "created_at", "renewed_at"),
        *("revoked_at", "revoked_reason"),
    )
    list_filter = (IsEnded, "mode", "created_at", "revoked_reason")
    search_fields = ("user_id", "=id", "device", "address")
    ordering = ("-renewed_at",)
    actions = ("end_selected", "end_all_of_users")
    exclude = ("auth_hash",)
    readonly_fields = tuple(
        field.name
        for field in Session._meta.fields  # noqa: SLF001
        if field.name != "auth_hash"
    )

    @admin.action(description="End the selected sessions", permissions=["change"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End what was ticked."""
        self._tell(request, sessions.end_where(queryset, reason=ENDED_BY_ADMIN))

    @admin.action(description="End all sessions of these users", permissions=["change"])
    def end_all_of_users(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End every session of the users whose sessions were ticked."""
        user_ids = list(queryset.values_list("user_id", flat=True).distinct())
        theirs = Session.rows().filter(user_id__in=user_ids)
        self._tell(request, sessions.end_where(theirs, reason=ENDED_BY_ADMIN))

    def save_model(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing is changed here; a row that was read a while ago is not to be written back."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Sessions come from logins."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Session | None = None) -> bool:
        """A session that is gone cannot be told from one that is live; `delete_tokens` can wait."""
        return False

    def _tell(self, request: HttpRequest, number: int) -> None:
        self.message_user(request, f"{number} sessions ended.", messages.SUCCESS)


@admin.register(JWTBlacklist)
class JWTBlacklistAdmin(_BlacklistAdmin):
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
