"""Sessions and the blacklist in Django's admin: to look at, and to end sessions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from djwto import sessions, times
from djwto.models import ENDED_BY_ADMIN, JWTBlacklist, Session

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
        now = times.now()
        if self.value() == "live":
            return queryset.filter(revoked_at=None, expires_at__gt=now)
        return queryset.filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now))


def _time(name: str) -> Callable[[Any], Any]:
    """Show a column that holds microseconds as a date; "never" as none."""
    field = Session._meta.get_field(name)  # noqa: SLF001

    @admin.display(description=str(field.verbose_name), ordering=name)  # type: ignore[union-attr]
    def show(row: Session) -> Any:
        return times.shown(getattr(row, name))

    return show


_FIELDS: Any = tuple(
    _time(field.name) if field.name.endswith(("_at", "_until")) else field.name
    for field in Session._meta.fields  # noqa: SLF001
    if field.name != "auth_hash"
)


@admin.register(Session)
class SessionAdmin(_SessionAdmin):
    """Logins, as they were recorded: they can be ended, and not be changed."""

    list_display = (
        *("user_id", "device", "address", "mode", _time("created_at"), _time("renewed_at")),
        *(_time("revoked_at"), "revoked_reason"),
    )
    list_filter = (IsEnded, "mode", "revoked_reason")
    search_fields = ("user_id", "=id", "device", "address")
    ordering = ("-renewed_at",)
    actions = ("end_selected", "end_all_of_users")
    fields = readonly_fields = _FIELDS

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
    # No `date_hierarchy`: it fails on a MariaDB that has no tables of time zones.
    list_filter = ("created_at",)
    ordering = ("-created_at",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody types a `jti`."""
        return False

    def has_change_permission(
        self, _request: HttpRequest, _obj: JWTBlacklist | None = None
    ) -> bool:
        """Facts do not change."""
        return False
