"""Claims and tokens. The functions named `process_…` are hooks: replace them on this module."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest

from djwto import _core, conf, revocation, tenants, times
from djwto.exceptions import JWTIssueError, JWTTooLargeError

__all__ = [
    "decode_token",
    "encode_claims",
    "get_access_claims_from_refresh",
    "issue",
    "process_claims",
    "process_lifetime",
    "process_perms",
    "process_user",
]

Claims = dict[str, Any]

_ENGINES_OWN = frozenset(
    ("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid", "gen", "type", "refresh_iat", "user")
)
_WITH_TENANT = _ENGINES_OWN | {"tenant"}
"""Without `DJWTO_TENANT` a claim of that name is the project's."""
claims_beside: list[Callable[[Any, Claims], Claims]] = []
"""What apps of `djwto.contrib` put into every token, for services that read another format.

Each takes the user, or None where it is not known, and the claims of the token.
"""
_ENCODER = DjangoJSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def process_perms(user: Any) -> list[str]:
    """Hook: the permissions of a user, as `app.codename`. An active superuser has `*`."""
    if user.is_active and getattr(user, "is_superuser", False):
        return ["*"]
    from djwto import permissions  # here: `django.contrib.auth` may not be installed

    return sorted(permissions.of(user))


def process_user(user: Any) -> Claims:
    """Hook: the `user` claim of the access token. It must have `id`.

    A name that JSON has no type for, such as a phone number or a related row, becomes text.
    """
    return {
        user.USERNAME_FIELD: _as_plain(user.get_username()),
        "id": user.pk if isinstance(user.pk, int) else str(user.pk),
        "perms": process_perms(user),
    }


def process_claims(
    user: Any,
    request: HttpRequest,
    type_: str = "refresh",
    *_args: Any,
    **_kwargs: Any,
) -> Claims:
    """Hook: all claims of a new token. What it adds to a refresh token, access tokens inherit."""
    engine, now, tenant = conf.engine(), time.time(), tenants.of(request) or None
    claim = process_user(user)
    if type_ == "access":
        return with_subject({**engine.access_claims(now, tenant=tenant), "user": claim})
    registered = engine.login_claims(now, tenant=tenant)
    return with_subject({**registered, "user": lean_user(user, claim)})


_process_claims = process_claims


def process_lifetime(user: Any, request: HttpRequest) -> timedelta | None:  # noqa: ARG001
    """Hook: how long a login lasts ("remember me"); None leaves it to the settings.

    Such a login ends after that time, however often it is renewed.
    """
    return None


def get_access_claims_from_refresh(refresh_claims: Claims) -> Claims:
    """Make the claims of the access token that goes with a refresh token.

    It has the same `sid`, another `jti`, `refresh_iat`, and what a hook added.
    """
    registered = registered_access_claims(refresh_claims, time.time())
    claims = {**without_own_names(refresh_claims), "user": refresh_claims.get("user"), **registered}
    return with_subject(_with_others(None, claims))


def registered_access_claims(refresh_claims: Claims, now: float, **kwargs: Any) -> Claims:
    """Make the registered claims of the access token that goes with a refresh token."""
    return conf.engine().access_claims(
        now,
        session=session_of(refresh_claims),
        refresh_iat=refresh_claims.get("iat"),
        refresh_exp=times.seconds(times.micros(refresh_claims.get("exp"))),
        tenant=tenants.of_claims(refresh_claims) or None,
        **kwargs,
    )


def login_claims(user: Any, request: HttpRequest) -> tuple[Claims, Claims]:
    """Make the claims of a first refresh token, and the `user` claim of the access token.

    Permissions are read once, unless a project has replaced `process_claims`.
    """
    if process_claims is not _process_claims:
        claims, claim = process_claims(user, request, "refresh"), process_user(user)
        if not isinstance(claims.get("user", {}), dict):
            raise JWTIssueError(
                'process_claims: expected a dict as the claim "user", found another value'
            )
    else:
        claim = process_user(user)
        registered = conf.engine().login_claims(time.time(), tenant=tenants.of(request) or None)
        claims = with_subject({**registered, "user": lean_user(user, claim)})
    return _with_others(user, claims), claim


def access_claims_of(
    user: Any,
    refresh_claims: Claims,
    registered: Claims | None = None,
    *,
    claim: Claims | None = None,
) -> Claims:
    """Make the claims of an access token for a user as they are now.

    `claim` is what `process_user` gives; None asks it.
    """
    if registered is None:
        registered = registered_access_claims(refresh_claims, time.time())
    claim = process_user(user) if claim is None else claim
    return _with(refresh_claims, user, claim, registered)


def _with(claims: Claims, user: Any, claim: Claims, registered: Claims) -> Claims:
    """Make the next claims of a session: what hooks added stays, and `claim` is the user's."""
    claim = {**_carried(claims, user.USERNAME_FIELD), **claim}
    return with_subject(
        _with_others(user, {**without_own_names(claims), "user": claim, **registered})
    )


def _with_others(user: Any, claims: Claims) -> Claims:
    for give in claims_beside:
        claims = {**claims, **without_own_names(give(user, claims))}
    return claims


def with_subject(claims: Claims) -> Claims:
    """Put the user's key into `sub` where `DJWTO_USER_AS_SUB` is on. Raises `JWTIssueError`."""
    user = claims.get("user")
    if not conf.current().user_as_subject or not isinstance(user, dict) or "id" not in user:
        return claims
    key = user["id"]
    # As the token will have it: a hook may give a UUID.
    return {**claims, "sub": key if isinstance(key, str) else str(json.loads(_as_json(key)))}


def session_of(claims: Claims) -> str | None:
    """Name the session of a token, as guards know it; None where the claims name none of ours.

    That is its `sid`, and in a token of 0.0.4 what stands for it: its `jti`, or its user and times.
    """
    return _core.session_of(claims)


def lean_user(user: Any, claim: Claims) -> Claims:
    """Cut the `user` claim to what a refresh token needs: name and id."""
    return _name_and_id(claim, user.USERNAME_FIELD)


def encode_claims(claims: Claims) -> str:
    """Sign claims. Raises `JWTIssueError` where they could not be read back."""
    engine = conf.engine()
    return engine.encode(claims) or engine.sign(_as_json(claims)).text


def decode_token(token: str, kind: str | None = None, *, tenant: str | None = None) -> Claims:
    """Verify a token of this kind, `access` or `refresh`; None takes either.

    With `DJWTO_TENANT` it must be of this tenant; None asks for the present one, and where that is
    none no token is good.

    Raises `JWTValidationError`, and `JWTError` where it is not known which sessions have ended, or
    where `DJWTO_KEYS` is a URL and no keys came. `ValueError` where there is no such kind. With
    `DJWTO_REVOCATION_INTERVAL = None` it needs no database.

    It waits for keys behind a URL as guards do. In an event loop it begins the fetch, and does not
    wait.
    """
    try:
        config = conf.current()
        if config.remote is not None:
            config.remote.require(_kid_of(token))
            config = conf.current()
        revocation.require(config)
        if config.tenant is None:
            tenant = None
        elif tenant is None:
            tenant = tenants.present() or ""
        return config.engine.decode(token, kind, time.time(), tenant=tenant)
    finally:
        del token  # error trackers show the variables of every frame


async def wait_for_keys(token: str) -> None:
    """Wait for keys behind a URL that `decode_token` will need, without blocking the event loop."""
    try:
        remote = conf.current().remote
        kid = None if remote is None else _kid_of(token)
    finally:
        del token  # error trackers show the variables of every frame
    if remote is not None:
        await remote.wait_for(kid)


def _kid_of(token: str) -> str | None:
    from djwto.keys.remote import kid_of  # here, because few need a client of HTTP

    return kid_of(token)


@dataclass(frozen=True)
class Issued:
    """Signed tokens with their claims. Its `repr` shows no token."""

    refresh: _core.Token | None
    """None where the old one stays."""
    held: _core.Authenticated | None = field(repr=False)
    """What has the old one as its `token`."""
    refresh_claims: Claims
    access: _core.Token
    access_claims: Claims

    @property
    def refresh_text(self) -> str:
        """The text of the refresh token, the new one or the old."""
        if self.refresh is not None:
            return self.refresh.text
        return "" if self.held is None else self.held.token


def issue_renewed(user: Any, seen: _core.Authenticated, renewed: _core.RenewedClaims) -> Issued:
    """Sign the tokens of a renewal, for a user as they are now. Raises `JWTIssueError`."""
    claim = process_user(user)
    refresh_claims, held = seen.claims, seen if renewed.refresh is None else None
    if renewed.refresh is not None:
        refresh_claims = _with(seen.claims, user, lean_user(user, claim), renewed.refresh)
    # What a refresh token's `user` holds, the access token of the same renewal has too.
    access_claims = access_claims_of(user, refresh_claims, renewed.access, claim=claim)
    return issue(refresh_claims, access_claims, seen.mode, held=held)


def issue(
    refresh_claims: Claims,
    access_claims: Claims,
    mode: str,
    *,
    held: _core.Authenticated | None = None,
) -> Issued:
    """Sign a pair of tokens that fit their mode; with `held` the refresh token stays.

    Permissions that do not fit are left out, and `perms_omitted` says so. Raises `JWTIssueError`.
    """
    refresh = None
    if held is None:
        refresh = _signed(refresh_claims)
        if refresh is None or conf.engine().bytes_over_limit(mode, len(refresh.text), None):
            raise _too_large("refresh", refresh_claims)
    length = len(held.token if held is not None else refresh.text)  # type: ignore[union-attr]
    access = _sign_to_fit(access_claims, mode, length)
    if access is None and "perms" in access_claims["user"]:
        user = {**access_claims["user"], "perms": [], "perms_omitted": True}
        access_claims = {**access_claims, "user": user}
        access = _sign_to_fit(access_claims, mode, length)
    if access is None:
        raise _too_large("access", access_claims)
    return Issued(refresh, held, refresh_claims, access, access_claims)


def without_own_names(claims: Claims) -> Claims:
    """Give the claims whose names djwto does not use itself."""
    own = _ENGINES_OWN if conf.current().tenant is None else _WITH_TENANT
    return {name: value for name, value in claims.items() if name not in own}


def _carried(refresh_claims: Claims, name_field: str) -> Claims:
    """Give what a new token keeps of its refresh token's `user`.

    Of 0.0.4, which put all in there and never read it again, that is the name and the `id` alone.
    """
    claim = refresh_claims.get("user") or {}
    return claim if "sid" in refresh_claims else _name_and_id(claim, name_field)


def _name_and_id(claim: Claims, name_field: str) -> Claims:
    return {key: claim[key] for key in (name_field, "id") if key in claim}


def _as_plain(name: Any) -> Any:
    return name if name is None or isinstance(name, (str, int, float)) else str(name)


def _as_json(claims: Any) -> str:
    """Write dates, decimals, lazy texts: Django's encoder knows what they become."""
    try:
        return _ENCODER.encode(claims)
    except (TypeError, ValueError, RecursionError) as error:
        raise JWTIssueError(f"expected claims that JSON can hold: {error}") from error


def _sign_to_fit(claims: Claims, mode: str, refresh_bytes: int) -> _core.Token | None:
    """Sign an access token; None where it does not fit beside a refresh token of that length."""
    token = _signed(claims)
    is_small = token is not None and not conf.engine().bytes_over_limit(mode, refresh_bytes, token)
    return token if is_small else None


def _signed(claims: Claims) -> _core.Token | None:
    engine = conf.engine()
    try:
        return engine.issue(claims) or engine.sign(_as_json(claims))
    except JWTTooLargeError:
        return None


def _too_large(kind: str, claims: Claims) -> JWTIssueError:
    path, value = "", claims
    while isinstance(value, dict) and value:
        name = max(value, key=lambda name: len(_ENCODER.encode(value[name])))
        path, value = f"{path}.{name}" if path else str(name), value[name]
    return JWTIssueError(
        f'the {kind} token is too large to be sent. Its largest claim is "{path}": make it shorter'
    )
