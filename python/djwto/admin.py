"""Sessions and the blacklist in Django's admin: to look at, and to end sessions."""

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
"""How many rows a list counts and shows at most. A filter or a search finds the others."""

_MOST_USERS = 200
"""How many users of a name are searched for at most."""


class BoundedPaginator(_Paginator):
    """Count no further than `MOST_ROWS`: a table of sessions may have millions."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, or `MOST_ROWS` where there are more."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_ROWS].count())


class IsEnded(admin.SimpleListFilter):
    """Live sessions, or ended ones."""

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
    """One of some known values. Django's own filter would look through the whole table for them."""

    choices_of: tuple[str, ...]

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(one, one[:1].upper() + one[1:]) for one in self.choices_of]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Choose."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{str(self.parameter_name): chosen})


class Mode(_Choice):
    """How the first tokens were delivered."""

    title, parameter_name = "mode", "mode"
    choices_of = tuple(_core.modes())


class Reason(_Choice):
    """Why a session was ended, of djwto's own reasons."""

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
    """Show a column under a plain label: microseconds as a date, and what never ends as "never"."""
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
    """Name the user, with a link to their page where the admin has one."""
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
    """The sessions. They can be ended, and not be changed."""

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
        """Show the tenant where there are tenants."""
        shown = super().get_list_display(request)
        return shown if conf.tenant_function() is None else (*shown, "tenant")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Find the names of all users of a page by one query."""
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
        """Search by what has an index: the users of that name, a key, an id, an address."""
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
        """End what was ticked."""
        self._tell(request, sessions.end_where(queryset, reason=ENDED_BY_ADMIN))

    @admin.action(description="End all sessions of these users", permissions=["change"])
    def end_all_of_users(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """End every session of the users whose sessions were ticked."""
        user_ids = list(queryset.values_list("user_id", flat=True).distinct())
        theirs = Session.of_tenant(tenants.present()).filter(user_id__in=user_ids)
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
        """Return the date; "never" for none, and for the year 9999 of older rows."""
        never = row.expires is None or row.expires.year >= _NEVER_YEAR
        return "never" if never or row.expires is None else row.expires

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nothing is typed in here."""
        return False

    def has_change_permission(
        self, _request: HttpRequest, _obj: JWTBlacklist | None = None
    ) -> bool:
        """Facts do not change."""
        return False


_NEVER_YEAR = 9998
