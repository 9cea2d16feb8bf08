"""Renewals: a refresh token is replaced by its successor, once, also if the request is repeated.

The engine has the rules (`djwto_core::session`). This module runs its steps, in one transaction.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction

from djwto import (
    _core,
    conf,
    devices,
    prepared,
    sessions,
    signals,
    statements,
    stores,
    tenants,
    times,
    tokens,
    user_rows,
)
from djwto.exceptions import JWTError
from djwto.models import JWTBlacklist, Session

if TYPE_CHECKING:
    from django.http import HttpRequest


def renew(
    request: HttpRequest,
    seen: _core.Authenticated,
    *,
    sender: str,
    extends_refresh: bool,
    keeps_presented: bool = False,
) -> tokens.Issued:
    """Renew the session of a refresh token.

    `extends_refresh` gives the refresh token a new `iat` and `exp`. With `keeps_presented`, a token
    without `sid` stays good beside the new one, if its session does not rotate. If the session
    rotates, one conditional UPDATE sets its next generation; it is undone if the tokens cannot be
    made. Raises `JWTError`.
    """
    claims = seen.claims
    try:
        issued, is_first_elsewhere = stores.retried(
            partial(
                _in_transaction,
                request,
                seen,
                extends_refresh=extends_refresh,
                keeps_presented=keeps_presented,
            ),
            using=Session.database(),
        )
    except JWTError as error:
        # After the rollback, which would undo it.
        if error.ends is not None:
            sessions.end(tokens.session_of(claims) or "", reason=error.ends)
        if error.code == "refresh_reused":
            signals.jwt_reuse_detected.send(sender=sender, request=request, refresh_claims=claims)
        raise
    if seen.mode != "JSON":
        sessions.flush_other_user(request, claims["user"]["id"])
    if is_first_elsewhere:
        signals.jwt_renewed_elsewhere.send(sender=sender, request=request, refresh_claims=claims)
    return issued


def check(seen: _core.Authenticated) -> None:
    """Refuse a refresh token that could not be renewed, without changing anything.

    The user is checked as at a renewal: as the database has them now. Raises `JWTError`.
    """
    renewal = _core.Renewal(conf.engine(), seen.claims, seen.mode)
    # The blacklist before the row: a renewal of a token of 0.0.4 writes both at once.
    is_blacklisted = renewal.is_legacy and _is_blacklisted(seen.claims)
    row = _row(renewal, tenants.of_claims(seen.claims))
    renewal.check(row, is_blacklisted, times.now() if row is None else row.now)
    user = user_rows.find_user(seen.claims["user"]["id"], active=False, fresh=True)
    _core.check_user(row, user_rows.facts(user), "token_blacklisted")


def _in_transaction(
    request: HttpRequest,
    seen: _core.Authenticated,
    *,
    extends_refresh: bool,
    keeps_presented: bool,
) -> tuple[tokens.Issued, bool]:
    renewal = _core.Renewal(conf.engine(), seen.claims, seen.mode)
    if renewal.is_legacy:
        _adopt(renewal, seen.claims, extends_refresh=extends_refresh)
    with transaction.atomic(using=Session.database()):
        return _renew(
            request,
            seen,
            renewal,
            extends_refresh=extends_refresh,
            keeps_presented=keeps_presented,
        )


def _renew(
    request: HttpRequest,
    seen: _core.Authenticated,
    renewal: _core.Renewal,
    *,
    extends_refresh: bool,
    keeps_presented: bool,
) -> tuple[tokens.Issued, bool]:
    """Return the tokens, and whether this was the session's first renewal from elsewhere."""
    key = UUID(renewal.session)
    # First, to lock the row before another statement fixes what the transaction sees.
    has_won = statements.apply_to(key, renewal.begin(extends_refresh, times.now())) > 0
    row = _row(renewal, tenants.of_claims(seen.claims))
    renewal.check_generation(row, has_won, times.now() if row is None else row.now)
    user = user_rows.find_user(seen.claims["user"]["id"], active=False, fresh=True)
    renewal.check_user(user_rows.facts(user))
    device, user_agent, address = devices.describe(request)
    renewed = renewal.renew(device, user_agent, address or "", times.now())
    issued = tokens.issue_renewed(user, seen, renewed)
    if renewed.update is not None:
        renewed.finish(statements.apply_to(key, renewed.update))
    is_marked = renewed.mark is not None and statements.apply_to(key, renewed.mark) > 0
    if renewed.blacklists and not keeps_presented:
        JWTBlacklist.add(seen.claims, tenant=tenants.of_claims(seen.claims))
    return issued, is_marked


def _row(renewal: _core.Renewal, tenant: str = "") -> Any:
    """Return the row of a session in the writing database, with that database's time; or None.

    A session of another tenant is not found.
    """
    using = Session.database()
    found = _ROW.first(using, session=UUID(renewal.session), tenant=tenant)
    if found is None:
        return None
    *values, now = found
    row: Any = Session.from_db(using, _COLUMNS, values)
    row.now = now
    return row


_COLUMNS = [field.attname for field in Session._meta.concrete_fields]  # noqa: SLF001
_ROW = prepared.Select(
    lambda session, tenant: (
        Session.objects.filter(pk=session, tenant=tenant)
        .annotate(now=times.StoreNow())
        .values_list(*_COLUMNS, "now")
    ),
    session=Session._meta.pk,  # noqa: SLF001
    tenant=Session._meta.get_field("tenant"),  # noqa: SLF001
)


def _is_blacklisted(claims: tokens.Claims) -> bool:
    return "jti" in claims and JWTBlacklist.is_blacklisted(claims["jti"])


def _adopt(renewal: _core.Renewal, claims: tokens.Claims, *, extends_refresh: bool) -> None:
    """Open a session for a token of 0.0.4. Raises `JWTError` if the token was logged out before."""
    is_blacklisted = _is_blacklisted(claims)
    values = renewal.adopt(_row(renewal), is_blacklisted, times.now())
    if values is not None:
        user = user_rows.find_user(claims["user"]["id"], active=False, fresh=True)
        refused = "refresh_update_failed" if extends_refresh else "access_refresh_failed"
        _core.check_user(None, user_rows.facts(user), refused)
        _insert(renewal, values, user)


def open_legacy(claims: tokens.Claims, mode: str, user: Any) -> None:
    """Open the session of a token of 0.0.4, access or refresh: the token is its generation 0.

    `user` is None if the user was deleted; then the row has no key of a user.
    """
    renewal = _core.Renewal(conf.engine(), claims, mode)
    _insert(renewal, renewal.legacy_row(claims["type"], times.now()), user)


def _insert(renewal: _core.Renewal, values: dict[str, Any], user: Any) -> None:
    session = sessions.new(renewal.session, user, values)
    # Of two that come at once, one is enough.
    with suppress(IntegrityError):
        session.insert()
    sessions.keep_to_limit(session)
