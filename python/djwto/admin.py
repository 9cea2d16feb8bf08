"""Sessions and the blacklist in Django's admin. Sessions can be ended."""

import ipaddress
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from djwto import _core, conf, sessions, tenants, times, user_rows
from djwto.models import (
    ENDED_BY_ADMIN,
    ENDED_BY_USER,
    LOGOUT,
    PASSWORD_CHANGED,
    REUSE,
    TOO_MANY,
    USER_CHANGED,
    USER_DEACTIVATED,
    USER_DELETED,
    JWTBlacklist,
    Session,
)

if TYPE_CHECKING:
    _BlacklistAdmin = admin.ModelAdmin[JWTBlacklist]
    _SessionAdmin = admin.ModelAdmin[Session]
    _Paginator = Paginator[Any]
else:
    _BlacklistAdmin = _SessionAdmin = admin.ModelAdmin
    _Paginator = Paginator

MOST_ROWS = 10_000
"""The most rows that a list counts and shows. A filter or a search finds others."""

_MOST_USERS = 200
"""The most users of a name that a search finds."""


class BoundedPaginator(_Paginator):
    """Counts up to `MOST_ROWS`: a table of sessions may have millions of rows."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `MOST_ROWS`."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())


class IsEnded(admin.SimpleListFilter):
    """The filter for live and ended sessions."""

    title, parameter_name = "state", "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("live", "Live"), ("ended", "Ended")]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Choose."""
        if self.value() is None:
            return queryset
        now = times.now()
        if self.value() == "live":
            return queryset.filter(revoked_at=None, expires_at__gt=now)
        return queryset.filter(Q(revoked_at__isnull=False) | Q(expires_at__lte=now))


class _Choice(admin.SimpleListFilter):
    """A filter by known values. Django's own filter would search the whole table for the values."""

    choices_of: tuple[str, ...]

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(one, one[:1].upper() + one[1:]) for one in self.choices_of]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Choose."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{str(self.parameter_name): chosen})


class Mode(_Choice):
    """The filter by the mode of the first tokens."""

    title, parameter_name = "mode", "mode"
    choices_of = tuple(_core.modes())


class Reason(_Choice):
    """The filter by djwto's own reasons for an end."""

    title, parameter_name = "why", "revoked_reason"
    choices_of = (
        *(LOGOUT, ENDED_BY_USER, ENDED_BY_ADMIN, PASSWORD_CHANGED, USER_DEACTIVATED, USER_DELETED),
        *(USER_CHANGED, REUSE, TOO_MANY),
    )


_LABELS = {
    "id": "session",
    "user_id": "user's key",
    "issued_at": "refresh token issued",
    "lifetime": "lifetime of its refresh tokens",
    "authenticated_at": "password asked",
    "amr": "authenticated by",
    "generation": "renewals",
    "rotated_at": "refresh token replaced",
    "previously_rotated_at": "replaced before that",
    "renewed_elsewhere_at": "renewed from elsewhere",
    "access_until": "last access token until",
    "address": "address",
}


def _field(name: str) -> Callable[[Any], Any]:
    """Show a column with a plain label. Microseconds become a date, and `NEVER` becomes "never"."""
    field: Any = Session._meta.get_field(name)  # noqa: SLF001
    label = _LABELS.get(name, str(field.verbose_name))

    @admin.display(description=label, ordering=name)
    def show(row: Session) -> Any:
        found = getattr(row, name)
        if not name.endswith(("_at", "_until")) or found is None:
            return found
        return times.shown(found) or "never"

    return show


@admin.display(description="user", ordering="user_id")
def user_of(row: Session) -> str:
    """Return the name of the user, with a link if the admin has a page for users."""
    names: dict[str, str] | None = getattr(row, _NAMES, None)
    name = (user_rows.names([row.user_id]) if names is None else names).get(row.user_id)
    if name is None:
        return f"{row.user_id} (gone)"
    meta = get_user_model()._meta  # noqa: SLF001
    with suppress(NoReverseMatch):
        page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.user_id])
        return format_html('<a href="{}">{}</a>', page, name)
    return name


_NAMES = "_djwto_names"


_FIELDS: Any = (
    user_of,
    *(_field(field.name) for field in Session._meta.fields if field.name != "auth_hash"),  # noqa: SLF001
)


@admin.register(Session)
class SessionAdmin(_SessionAdmin):
    """The page of sessions, which can be ended but not changed."""

    list_display = (
        *("__str__", user_of, "device", "address", "mode", _field("created_at")),
        *(_field("renewed_at"), _field("expires_at"), _field("renewed_elsewhere_at")),
        *(_field("revoked_at"), "revoked_reason"),
    )
    list_filter = (IsEnded, Mode, Reason)
    search_fields = ("user_id",)
    search_help_text = "A user's name or key, a session's id, or an address"
    ordering = ("-renewed_at", "-id")
    show_full_result_count = False
    paginator = BoundedPaginator
    actions = ("end_selected", "end_all_of_users")
    fields = readonly_fields = _FIELDS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Return the sessions of the present tenant."""
        rows, tenant = super().get_queryset(request), tenants.present()
        return rows if tenant is None else rows.filter(tenant=tenant)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns, with the tenant if there are tenants."""
        shown = super().get_list_display(request)
        return shown if conf.tenant_function() is None else (*shown, "tenant")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Read the names of all users of a page with one query."""
        page = super().get_changelist_instance(request)
        rows = list(page.result_list)
        names = user_rows.names(row.user_id for row in rows)
        for row in rows:
            setattr(row, _NAMES, names)
        page.result_list = rows
        return page

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        """Search by user name, primary key, session id or address, which have an index."""
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        found = Q(user_id__in=[term, *user_rows.keys_named(term, _MOST_USERS)])
        with suppress(ValueError):
            found |= Q(pk=uuid.UUID(term))
        with suppress(ValueError):
            found |= Q(address=str(ipaddress.ip_address(term)))
        return queryset.filter(found), False

    @admin.action(description="End the selected sessions", permissions=["change"])
    def end_selected(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End the selected sessions."""
        self._tell(request, sessions.end_where(queryset, reason=ENDED_BY_ADMIN))

    @admin.action(description="End all sessions of these users", permissions=["change"])
    def end_all_of_users(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End every session of the users of the selected sessions."""
        user_ids = list(queryset.values_list("user_id", flat=True).distinct())
        theirs = Session.of_tenant(tenants.present()).filter(user_id__in=user_ids)
        self._tell(request, sessions.end_where(theirs, reason=ENDED_BY_ADMIN))

    def save_model(self, *_args: Any, **_kwargs: Any) -> None:
        """Do nothing: an old copy of a row must not overwrite the present one."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Return False: only logins make sessions."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Session | None = None) -> bool:
        """Return False: without its row, a session looks live. `delete_tokens` removes old rows."""
        return False

    def _tell(self, request: HttpRequest, number: int) -> None:
        self.message_user(request, f"Sessions ended: {number}.", messages.SUCCESS)


@admin.register(JWTBlacklist)
class JWTBlacklistAdmin(_BlacklistAdmin):
    """The page of the blacklist, which is read-only: only logouts add rows."""

    list_display = ("jti", "created_at", "expires_or_never")
    fields = list_display
    search_fields = ("=jti",)
    search_help_text = "A jti, whole"
    # No `date_hierarchy`: it fails on a MariaDB that has no tables of time zones.
    list_filter = ("created_at",)
    ordering = ("-id",)  # the order in which they came, which has an index
    show_full_result_count = False
    paginator = BoundedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[JWTBlacklist]:
        """Return the rows of the present tenant."""
        rows, tenant = super().get_queryset(request), tenants.present()
        return rows if tenant is None else rows.filter(tenant=tenant)

    @admin.display(description="expires", ordering="expires")
    def expires_or_never(self, row: JWTBlacklist) -> datetime | str:
        """Return the date; "never" if there is none, or for the year 9999 in older rows."""
        never = row.expires is None or row.expires.year >= _NEVER_YEAR
        return "never" if never or row.expires is None else row.expires

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Return False: only logouts add rows."""
        return False

    def has_change_permission(
        self, _request: HttpRequest, _obj: JWTBlacklist | None = None
    ) -> bool:
        """Return False: a row cannot be changed."""
        return False


_NEVER_YEAR = 9998
