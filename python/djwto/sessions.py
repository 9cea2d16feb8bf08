"""Sessions: how one is opened for a user, and all the ways to end one."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db.models import Case, Count, Subquery, When

from djwto import (
    _core,
    commits,
    conf,
    csrf,
    devices,
    prepared,
    responses,
    revocation,
    signals,
    state,
    statements,
    stores,
    tenants,
    times,
    tokens,
    user_rows,
)
from djwto.exceptions import JWTError, JWTIssueError, JWTValidationError
from djwto.models import (
    REUSE,
    TOO_MANY,
    USER_CHANGED,
    JWTBlacklist,
    Session,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, JsonResponse

__all__ = ["end", "end_all", "is_live", "login"]


def login(
    request: HttpRequest,
    user: Any,
    *,
    mode: str | None = None,
    lifetime: timedelta | None = None,
    amr: Sequence[str] = (),
) -> JsonResponse:
    """Log a user in: open a session, and return the reply with the tokens.

    Use it for a user that something else has authenticated, such as single sign-on, a passkey or
    impersonation. `mode` is one of `DJWTO_MODE`; None takes the first. `lifetime` is how long the
    session lasts, even if it is renewed; None: as `tokens.process_lifetime` and the settings say.
    `amr` says how the user was authenticated (RFC 8176); it is stored with the session.

    Raises `JWTError`: `mode_unknown`, `user_inactive`, or `user_changed` if the user was
    deactivated, deleted or got another password in the meantime. Raises `JWTIssueError` if the
    tokens cannot be made.
    """
    mode = conf.engine().offered_mode(mode)
    if not user.is_active:
        raise JWTError.of("user_inactive")
    lifetime = lifetime or tokens.process_lifetime(user, request)
    tenant = tenants.of(request)
    refresh_claims, claim = tokens.login_claims(user, request)
    opened = _opened(mode, lifetime or None, refresh_claims, tenant)
    refresh_claims = _agreeing(refresh_claims, opened, tenant)
    access_claims = tokens.access_claims_of(user, refresh_claims, opened.access, claim=claim)
    issued = tokens.issue(refresh_claims, access_claims, mode)
    session = new(opened.session, user, opened.row, tenant=tenant)
    session.amr = " ".join(amr)[:255]
    session.device, session.user_agent, session.address = devices.describe(request)
    flush_other_user(request, user.pk)
    if mode != "JSON":
        _cycle_key(request)
    # The session of the token that opened this request goes on: Django's `login` would end it.
    known = state.of(request)
    known.settle()
    if mode != "JSON":
        known.clears_cookies = False  # the reply sets them anew
    # Django's receiver writes `last_login`. If it fails, no session stays without its tokens.
    user_logged_in.send(sender=user.__class__, request=request, user=user)
    stores.retried(session.insert, using=Session.database())
    _check_again(session)
    _set_user(request, user)
    signals.jwt_logged_in.send(
        sender="GetTokensView",
        request=request,
        refresh_claims=issued.refresh_claims,
        access_claims=issued.access_claims,
    )
    extra = csrf.login_extra(request, mode, rotate=True)
    response = responses.build_tokens_response(
        request, issued, mode, "Tokens successfully created.", **extra
    )
    return csrf.set_cookie(request, response)


def flush_other_user(request: Any, pk: Any) -> None:
    """End Django's session of this browser if it belongs to another user than `pk`."""
    session: Any = getattr(request, "session", None)
    key = None if session is None else session.get(SESSION_KEY)
    if key is None:
        return
    to_python = get_user_model()._meta.pk.to_python  # noqa: SLF001
    try:
        is_own = to_python(key) == to_python(pk)
    except user_rows.NO_NAME:
        is_own = False
    if not is_own:
        session.flush()


def _set_user(request: Any, user: Any) -> None:
    """Set `request.user` to the user who has logged in, as Django's login does."""
    if hasattr(request, "user"):
        request.user = user
    if hasattr(request, "auser"):

        async def auser() -> Any:
            return user

        request.auser = auser


def _cycle_key(request: Any) -> None:
    """Give Django's session of this browser another key, as Django's login does.

    An attacker who planted the old key could else read the CSRF token of `CSRF_USE_SESSIONS`.
    """
    session: Any = getattr(request, "session", None)
    if session is not None and session.session_key is not None:
        session.cycle_key()


def end(session_id: uuid.UUID | str, *, reason: str = "ended") -> bool:
    """End a session: its tokens are refused from now on. Returns False if no live one has this id.

    `reason` is stored with the session: at most 32 characters.
    """
    try:
        key = uuid.UUID(str(session_id))
    except ValueError:
        return False
    using = Session.database()
    work = partial(statements.apply_to, key, _core.end_statement(str(reason)))
    if not stores.retried(work, using=using):
        return False
    ended = _ENDED.rows(using, session=key, since=_announced_since())
    revocation.announce((pk, until) for pk, until in ended)
    return True


def end_all(user: Any, *, keep: HttpRequest | None = None, reason: str = "ended") -> int:
    """End all sessions of a user. Returns how many.

    `keep` is a request that a guard let in: its session goes on. With `DJWTO_TENANT` this ends the
    sessions in the tenant of that request; without a request, those in the present tenant.
    """
    return end_others(user, None if keep is None else tenants.of(keep), current_key(keep), reason)


def end_others(user: Any, tenant: str | None, kept: uuid.UUID | None, reason: str) -> int:
    """End the sessions of a user in a tenant, except one. Returns how many.

    `tenant` None is the present one.
    """
    rows = Session.of_user(str(user.pk), tenants.present() if tenant is None else tenant)
    return end_rows(rows if kept is None else rows.exclude(pk=kept), reason)


def end_where(sessions: QuerySet[Session], *, reason: str) -> int:
    """End the live sessions of any query. Returns how many."""
    live = sessions.using(Session.database()).filter(revoked_at=None)
    number, keys = 0, list(live.values_list("pk", flat=True))
    for start in range(0, len(keys), _BATCH):
        number += end_rows(Session.rows().filter(pk__in=keys[start : start + _BATCH]), reason)
    return number


def end_rows(rows: QuerySet[Session], reason: str) -> int:
    """End the live ones of these sessions, with one UPDATE and one SELECT. Returns how many.

    The query has no condition on what an end changes.
    """
    end = partial(statements.apply, rows, _core.end_statement(str(reason)))
    number = stores.retried(end, using=rows.db)
    if number:
        # After the update, when no renewal can issue a later access token. To announce a session
        # that had ended before changes nothing.
        revocation.announce(_ended(rows, _announced_since()))
    return number


def end_unrenewable(user_id: str, tenant: str | None) -> int:
    """End the sessions that the user, as the database has them, could not renew. Returns how many.

    `tenant` None: in all tenants. If the present tenant has changed in the meantime, as after a
    change of the schema, its users are others. Then nothing ends, and the next renewal decides.
    """
    if tenants.present() not in (None, tenant):
        return 0
    rows = Session.of_user(user_id, tenant)
    user = user_rows.find_user(user_id, active=False, fresh=True)
    reason, renewable = _core.unrenewable(user_rows.facts(user))
    if renewable is not None:
        rows = rows.exclude(auth_hash__in=["", *renewable])
    return end_rows(rows, reason)


def keep_to_limit(session: Session) -> None:
    """End the oldest sessions of the user beyond `DJWTO_MAX_SESSIONS`, but not this one.

    Sessions of JSON mode end before those of browsers. Of these, the one renewed longest ago ends
    first.
    """
    most = conf.current().max_sessions
    if most is None or not session.user_id:
        return
    is_json = Case(When(mode="JSON", then=1), default=0)
    others = (
        own(session.user_id, session.tenant).exclude(pk=session.pk).order_by(is_json, "-renewed_at")
    )
    while beyond := list(others.values_list("pk", flat=True)[most - 1 : most - 1 + _BATCH]):
        if not end_rows(Session.rows().filter(pk__in=beyond), TOO_MANY):
            # Others have ended them, and a transaction of REPEATABLE READ goes on seeing them live.
            return


def own(user_id: Any, tenant: str | None = "") -> QuerySet[Session]:
    """Return the renewable sessions of a user in a tenant, the latest first.

    `tenant` None: in all tenants.
    """
    live = Session.of_user(str(user_id), tenant).filter(revoked_at=None)
    return _unexpired(live, times.now()).order_by("-renewed_at")


def is_live(claims: tokens.Claims) -> bool:
    """Whether the session of a token is live. It asks the database."""
    return _is_live(claims, _row_of(claims))


def is_renewable(claims: tokens.Claims) -> bool:
    """Whether the session of a token is live, and its user could renew it. It asks the database."""
    row = _row_of(claims)
    if session_id_of(claims) is None or not _is_live(claims, row):
        return False
    user = user_rows.find_user(claims["user"]["id"], fresh=True)
    return _core.may_renew("" if row is None else row.auth_hash, user_rows.facts(user))


def _row_of(claims: tokens.Claims) -> Session | None:
    key = session_id_of(claims)
    return (
        None if key is None else Session.of_tenant(tenants.of_claims(claims)).filter(pk=key).first()
    )


def _is_live(claims: tokens.Claims, row: Session | None) -> bool:
    is_live = _core.is_live("sid" not in claims, row)
    if is_live is None:
        return "jti" not in claims or not JWTBlacklist.is_blacklisted(claims["jti"])
    return is_live


def is_known(account: str, address: str, tenant: str = "") -> bool:
    """Whether the user of this name has logged in before, in this tenant, from this network.

    It makes as many queries for a name that no user has.
    """
    user = user_rows.find_account(account)
    key = "" if user is None else str(user.pk)
    # As far back as rows are kept. A session that ended for reuse proves nothing.
    rows = Session.of_user(key, tenant).filter(address__isnull=False)
    known = (
        rows.exclude(revoked_reason=REUSE)
        .order_by("-renewed_at")
        .values_list("address", flat=True)[:_KNOWN_ADDRESSES]
    )
    networks = {_core.network(str(one)) for one in known}
    return _core.network(address) in networks


def logged_in_claims(request: HttpRequest, user: Any, mode: str) -> tokens.Claims | None:
    """Give the claims of the good access token that a request holds, in this mode, of this user.

    None where there is none.
    """
    tenant = tenants.of(request)
    try:
        seen = conf.engine().authenticate(
            request.META.get("HTTP_AUTHORIZATION") if mode == "JSON" else None,
            request.META.get("HTTP_COOKIE") if mode != "JSON" else None,
            "access",
            time.time(),
            tenant=tenant or None,
        )
    except JWTValidationError:
        return None
    is_own = seen.mode == mode and str(seen.claims["user"]["id"]) == str(user.pk)
    return seen.claims if is_own and is_renewable(seen.claims) else None


def session_id_of(claims: tokens.Claims) -> uuid.UUID | None:
    """Return the primary key of a token's session; None if the token names no session of djwto."""
    session = tokens.session_of(claims)
    return None if session is None else uuid.UUID(session)


def current_key(request: HttpRequest | None) -> uuid.UUID | None:
    """Return the primary key of the session of a request that a guard let in."""
    seen = None if request is None else state.of(request).seen
    return None if seen is None else uuid.UUID(seen.session)


def new(session_id: str, user: Any, values: dict[str, Any], *, tenant: str = "") -> Session:
    """Return an unsaved session with the engine's values. `user` None: the user was deleted."""
    return Session(
        pk=uuid.UUID(session_id),
        user_id="" if user is None else str(user.pk),
        auth_hash=user_rows.auth_hash(user),
        tenant=tenant,
        **values,
    )


def _opened(
    mode: str, lifetime: timedelta | None, refresh_claims: tokens.Claims, tenant: str
) -> _core.OpenedSession:
    """Open a session; a hook may have set its times and `sid`. Raises `JWTIssueError`."""
    if lifetime is not None and not (isinstance(lifetime, timedelta) and lifetime > timedelta()):
        raise JWTIssueError(
            "the lifetime of a login must be a timedelta of at least one second, or None: "
            f"found {lifetime!r}"
        )
    sid = refresh_claims.get("sid")
    # Python accepts more spellings of a UUID than the engine.
    with suppress(ValueError):
        sid = None if sid is None else str(uuid.UUID(str(sid)))
    times_given = {}
    for name in ("iat", "exp"):
        value = refresh_claims.get(name, None)
        if name in refresh_claims and not isinstance(value, int | float):
            raise JWTIssueError(
                f'the claim "{name}": expected a number of seconds since 1970, found {value!r}'
            )
        times_given[name] = value
    return conf.engine().open_session(
        mode,
        lifetime,
        sid=None if sid is None else str(sid),
        now=time.time(),
        tenant=tenant or None,
        **times_given,
    )


def _agreeing(claims: tokens.Claims, opened: _core.OpenedSession, tenant: str) -> tokens.Claims:
    """Return the claims with the values of the session: a hook may have set others."""
    claims = {**claims, "sid": opened.session, "gen": opened.row["generation"]}
    if opened.refresh_expires is not None:
        claims["exp"] = opened.refresh_expires
    if tenant:
        claims["tenant"] = tenant
    return tokens.with_subject(claims)


def _check_again(session: Session) -> None:
    """Refuse a login whose user changed in the meantime, and end its session. Raises `JWTError`.

    A change of the user ends the sessions that it sees. It may have run before this session was
    written. The same statement counts the user's sessions, and those beyond the limit end.
    """
    using = Session.database()
    if commits.is_pending(using):
        # Until then, no other transaction sees the row.
        look = partial(end_unrenewable, session.user_id, session.tenant)
        commits.after_commit(look, using, robust=True)
    if user_rows.database() == using:
        values = {
            "session": session.pk,
            "user": session.user_id,
            "tenant": session.tenant,
            "now": times.now(),
        }
        user = _WITH_SESSIONS.find(session.user_id, active=True, fresh=True, **values)
    else:
        user = user_rows.find_user(session.user_id, fresh=True)
        if user is not None:
            stored = Session.live().filter(pk=session.pk)
            user.djwto_stored = stored.values_list("auth_hash", flat=True).first()
            user.djwto_number = own(session.user_id, session.tenant).count()
    stored_hash = None if user is None else user.djwto_stored
    if stored_hash is None or not _core.may_renew(stored_hash, user_rows.facts(user)):
        end_rows(Session.rows().filter(pk=session.pk), USER_CHANGED)
        raise JWTError.of("user_changed")
    most = conf.current().max_sessions
    if most is not None and (user.djwto_number or 0) > most:
        keep_to_limit(session)


def _ended(rows: QuerySet[Session], since: Any) -> QuerySet[Session, tuple[uuid.UUID, int]]:
    ended = rows.exclude(revoked_at=None).filter(access_until__gte=since)
    return ended.values_list("pk", "access_until")


def _announced_since() -> int:
    """Return a time: ended sessions are announced if their access token expires later."""
    return times.now() - _core.MARGIN_SECONDS * times.SECOND


def _sessions_beside(session: Any, user: Any, tenant: Any, now: Any) -> dict[str, Any]:
    """Return expressions for a session's hash and the number of the user's sessions."""
    # As it is stored: another login that only rehashes the password has written it anew.
    stored = Session.objects.filter(pk=session, revoked_at=None).values("auth_hash")
    live = Session.objects.filter(user_id=user, tenant=tenant, revoked_at=None)
    others = _unexpired(live, now)
    number = others.values("user_id").annotate(n=Count("pk")).values("n")
    return {"djwto_stored": Subquery(stored), "djwto_number": Subquery(number)}


def _unexpired(live: QuerySet[Session], now: Any) -> QuerySet[Session]:
    return live.filter(expires_at__gt=now, ends_at__gt=now)


_column: Any = Session._meta.get_field  # noqa: SLF001
_PK, _USER, _TENANT, _TIME = map(_column, ("id", "user_id", "tenant", "expires_at"))
_WITH_SESSIONS = user_rows.Finder(
    _sessions_beside, session=_PK, user=_USER, tenant=_TENANT, now=_TIME
)
_ENDED = prepared.Select(
    lambda session, since: _ended(Session.objects.filter(pk=session), since),
    session=_PK,
    since=_TIME,
)
_KNOWN_ADDRESSES = 200
_BATCH = 500
"""Sessions of one statement. Some builds of SQLite take at most 999 parameters."""
