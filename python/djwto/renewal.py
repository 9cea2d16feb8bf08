"""Renewals: a refresh token becomes its successor, once, however often it is asked."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from djwto import conf, devices, sessions, signals, stores, times, tokens, users
from djwto.exceptions import JWTError
from djwto.models import (
    PASSWORD_CHANGED,
    REUSE,
    USER_DEACTIVATED,
    USER_DELETED,
    JWTBlacklist,
    Session,
)

if TYPE_CHECKING:
    from uuid import UUID

    from djwto.authentication import THttpRequest


class EndingError(JWTError):
    """A renewal is refused, and its session must end."""

    def __init__(self, error: JWTError, reason: str) -> None:
        super().__init__(str(error), error.code)
        self.reason = reason


def renew(request: THttpRequest, *, sender: str, extends_refresh: bool) -> tokens.Issued:
    """Renew the session of a request's refresh token.

    `extends_refresh` gives the refresh token a new `iat` and `exp`. A session that is rotated moves
    on by one conditional UPDATE, which is undone if the tokens cannot be made. Raises `JWTError`.
    """
    claims, key = request.payload, _key(request.payload)
    refused = JWTError.of("refresh_update_failed" if extends_refresh else "access_refresh_failed")
    try:
        issued, is_first_elsewhere = stores.retried(
            partial(_in_transaction, request, key, refused, extends_refresh=extends_refresh),
            using=Session.rows().db,
        )
    except EndingError as error:
        sessions.end(key, reason=error.reason)
        if error.code == "refresh_reused":
            signals.jwt_reuse_detected.send(sender=sender, request=request, refresh_claims=claims)
        raise
    if is_first_elsewhere:
        signals.jwt_renewed_elsewhere.send(sender=sender, request=request, refresh_claims=claims)
    return issued


def check(request: THttpRequest) -> None:
    """Refuse a request's refresh token if it would renew nothing; change nothing.

    The user is judged as at a renewal: as the database has them now. Raises `JWTError`.
    """
    claims, refused = request.payload, JWTError.of("token_blacklisted")
    row = _row(_key(claims))
    if row is None and "sid" in claims:
        raise JWTError.of("session_unknown")
    if row is None or ("sid" not in claims and row.generation == 0):
        if row is not None:
            _check_mode(row, request)
        if not sessions.is_live(claims):
            raise refused
    else:
        _check_generation(row, request)
    _user(row, claims, refused)


def _in_transaction(
    request: THttpRequest, key: UUID, refused: JWTError, *, extends_refresh: bool
) -> tuple[tokens.Issued, bool]:
    if "sid" not in request.payload:
        _adopt(request, key, refused)
    with transaction.atomic(using=Session.rows().db):
        return _renew(request, key, refused, extends_refresh=extends_refresh)


_MOST_GENERATIONS = 2**63 - 1
"""What the column of generations holds."""


def _renew(
    request: THttpRequest, key: UUID, refused: JWTError, *, extends_refresh: bool
) -> tuple[tokens.Issued, bool]:
    """Give the tokens, and whether this was the session's first renewal from elsewhere."""
    claims, now, config = request.payload, time.time(), conf.current()
    presented = _generation(claims)
    # First, so that the row is ours, and that no other statement has fixed what we see of it. A
    # row of an earlier generation was set back, as by a restore: the newest token moves it on.
    live = Session.live().filter(pk=key)
    is_winner = live.filter(generation__lte=presented, mode__in=config.engine.rotated_modes).update(
        previously_rotated_at=F("rotated_at"),
        renewed_at=times.micros(now),
        generation=presented + 1,
    )
    row = _row(key)
    if row is None:
        raise JWTError.of("session_unknown")
    if row.revoked_at is not None and row.revoked_reason in (USER_DELETED, USER_DEACTIVATED):
        # A deleted or inactive user gets that specific error.
        _user(row, claims, refused)
    if is_winner:
        _check_mode(row, request)
    elif _check_generation(row, request) == "repeated":
        return _repeated(request, row, refused)
    user = _user(row, claims, refused)
    if row.ends_at <= times.micros(now):
        raise JWTError.of("token_expired")
    row.renewed_at = row.renewed_at if is_winner else times.micros(now)
    row.generation = max(row.generation, presented)
    if extends_refresh:
        row.issued_at = times.micros(now)
        row.expires_at = min(
            sessions.after(now, row.lifetime or config.refresh_lifetime), row.ends_at
        )
    issued = _issued(
        request, user, row, is_rotated=bool(is_winner), extends_refresh=extends_refresh
    )
    # Only where it is another: a change of the password that keeps this session may be under way.
    auth_hash = users.auth_hash(user)
    changes = {} if auth_hash == row.auth_hash else {"auth_hash": auth_hash}
    device, user_agent, address = devices.describe(request)
    is_live = live.update(
        # The grace period starts after the update, so waiting for a lock does not shorten it.
        rotated_at=times.StoreNow() if is_winner else F("rotated_at"),
        renewed_at=row.renewed_at,
        generation=row.generation,
        issued_at=row.issued_at,
        # Older tokens of a session that is not rotated are good for as long as they say.
        expires_at=row.expires_at if is_winner else Greatest(F("expires_at"), row.expires_at),
        access_until=Greatest(F("access_until"), times.micros(issued.access_claims.get("exp"))),
        device=device,
        user_agent=user_agent,
        address=address,
        **changes,
    )
    if not is_live:
        raise JWTError.of("token_blacklisted")
    if "sid" not in claims and "jti" in claims and issued.refresh is not None:
        JWTBlacklist.add(claims)
    return issued, False


def _repeated(request: THttpRequest, row: Session, refused: JWTError) -> tuple[tokens.Issued, bool]:
    """Give what the winner made, or would have made: all times are the row's."""
    live = Session.live().filter(pk=row.pk)
    user = _user(row, request.payload, refused)
    issued = _issued(request, user, row, is_rotated=True)
    # Later where the winner's had little time left, or where a setting was made longer since.
    until = times.micros(issued.access_claims.get("exp"))
    if until > row.access_until and not live.update(
        access_until=Greatest(F("access_until"), until)
    ):
        raise JWTError.of("token_blacklisted")
    # The winner has stored its own device and address.
    is_elsewhere = not devices.is_same(request, row.device, row.address)
    marked = is_elsewhere and live.filter(renewed_elsewhere_at=None).update(
        renewed_elsewhere_at=times.StoreNow()
    )
    return issued, bool(marked)


def _is_late(row: Session) -> bool:
    """Whether over half of the life of the winner's access token is gone, as after a long grace."""
    lifetime = conf.current().access_lifetime
    if lifetime is None:
        return False
    return times.now() - row.renewed_at > lifetime / timedelta(microseconds=2)


def _issued(
    request: THttpRequest,
    user: Any,
    row: Session,
    *,
    is_rotated: bool,
    extends_refresh: bool = False,
) -> tokens.Issued:
    refresh_claims = request.payload
    held: Any = request
    if is_rotated or extends_refresh:
        registered = conf.engine().refresh_claims(
            session=str(row.pk),
            generation=row.generation,
            issued_at=times.seconds(row.issued_at) or 0,
            expires=times.seconds(row.expires_at),
            has_derived_jti=is_rotated,
        )
        refresh_claims = tokens.refresh_claims_of(user, refresh_claims, registered)
        held = None
    is_late = _is_late(row)
    registered = tokens.registered_access_claims(
        refresh_claims,
        times.seconds(times.now() if is_late else row.renewed_at) or 0,
        # The winner's is another, and has another `jti`.
        generation=row.generation if is_rotated and not is_late else None,
        ends=times.seconds(row.ends_at),
    )
    access_claims = tokens.access_claims_of(user, refresh_claims, registered)
    return tokens.issue(refresh_claims, access_claims, request.jwt_mode, held=held)


def _row(key: UUID) -> Any:
    """Give a session as the writing database has it, with that database's time; or None."""
    return Session.rows().filter(pk=key).annotate(now=times.StoreNow()).first()


def _check_generation(row: Any, request: THttpRequest) -> str:
    """Judge a refresh token by its generation, and by how it came. Raises `JWTError`."""
    _check_mode(row, request)
    since = [
        None if since is None else (row.now - since) / times.SECOND
        for since in (row.rotated_at, row.previously_rotated_at)
    ]
    try:
        return conf.engine().check_generation(
            _generation(request.payload),
            generation=row.generation,
            is_ended=row.revoked_at is not None,
            since_rotation=since[0],
            since_previous_rotation=since[1],
        )
    except JWTError as error:
        raise (EndingError(error, REUSE) if error.code == "refresh_reused" else error) from None


def _check_mode(row: Session, request: THttpRequest) -> None:
    """Refuse a token of 0.0.4 in a cookie that came before as Bearer, or the reverse.

    No browser turns its cookie into text: another client has the token. A later token of the
    session is noticed by its generation. Raises `EndingError`.
    """
    if "sid" in request.payload or row.revoked_at is not None:
        return
    if (row.mode == "JSON") != (request.jwt_mode == "JSON"):
        raise EndingError(JWTError.of("refresh_reused"), REUSE)


def _user(row: Session | None, claims: tokens.Claims, refused: JWTError) -> Any:
    """Find the user as the database has them now. Raises `EndingError` where they may not renew."""
    user = users.find_user(claims["user"]["id"], active=False, fresh=True)
    if user is None:
        raise EndingError(refused, USER_DELETED)
    if not user.is_active:
        is_update = refused.code == "refresh_update_failed"
        raise EndingError(JWTError.of("user_inactive") if is_update else refused, USER_DEACTIVATED)
    if row is not None and not sessions.is_of(row, user):
        raise EndingError(refused, PASSWORD_CHANGED)
    return user


def _key(claims: tokens.Claims) -> UUID:
    key = sessions.session_id_of(claims)
    if key is None or ("sid" in claims and not 0 <= claims.get("gen", -1) < _MOST_GENERATIONS):
        raise JWTError.of("session_unknown")
    return key


def _generation(claims: tokens.Claims) -> int:
    """A token of 0.0.4 is its session's generation 0, whatever a hook called `gen` in it."""
    return claims["gen"] if "sid" in claims else 0


def _adopt(request: THttpRequest, key: UUID, refused: JWTError) -> None:
    """Give a token of 0.0.4 a session. Raises `JWTError` where it was logged out before."""
    claims = request.payload
    # In this order: who renews it blacklists it and moves its session on, both at once.
    is_live = sessions.is_live(claims)
    row = Session.rows().filter(pk=key).first()
    if row is not None:
        _check_mode(row, request)
    if not is_live and (row is None or row.generation == 0):
        raise JWTError.of("token_blacklisted")
    if row is None:
        open_legacy(request, key, _user(None, claims, refused))


def open_legacy(request: THttpRequest, key: UUID, user: Any) -> None:
    """Open the session of a token of 0.0.4, which is its generation 0.

    `user` is None where there is none any more; then the row has no key of a user.
    """
    claims, now = request.payload, time.time()
    session = sessions.opened(user, request.jwt_mode, now)
    session.pk = key
    session.expires_at = min(times.micros(claims.get("exp")), session.ends_at)
    # Its access token may have been issued under a longer lifetime.
    session.access_until = max(session.access_until, times.micros(claims.get("exp")))
    session.issued_at = times.micros(claims.get("iat", now))
    session.authenticated_at = session.issued_at
    # Of two that come at once, one is enough.
    with suppress(IntegrityError):
        session.insert()
    sessions.keep_to_limit(session)
