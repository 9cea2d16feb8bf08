"""Claims and tokens. The functions `process_…` are hooks: a project replaces them here."""

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
"""Functions of `djwto.contrib` that add claims to every token.

Each takes the user, or None if it is not known, and the claims of the token.
"""
_ENCODER = DjangoJSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def process_perms(user: Any) -> list[str]:
    """Hook: return the permissions of a user, a list of `app.codename`.

    An active superuser gets `["*"]`, which stands for all permissions.
    """
    if user.is_active and getattr(user, "is_superuser", False):
        return ["*"]
    from djwto import permissions  # here: `django.contrib.auth` may not be installed

    return sorted(permissions.of(user))


_process_perms = process_perms


def process_user(user: Any) -> Claims:
    """Hook: return the claim `user` of the access token, a dict. It must have the member `id`.

    A login name that JSON has no type for, such as a phone number, becomes a string.
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
    """Hook: return all claims of a new token. `type_` is `access` or `refresh`.

    Claims that it adds to a refresh token are copied into its access tokens.
    """
    engine, now, tenant = conf.engine(), time.time(), tenants.of(request) or None
    claim = process_user(user)
    if type_ == "access":
        return with_subject({**engine.access_claims(now, tenant=tenant), "user": claim})
    registered = engine.login_claims(now, tenant=tenant)
    return with_subject({**registered, "user": lean_user(user, claim)})


_process_claims = process_claims


def process_lifetime(user: Any, request: HttpRequest) -> timedelta | None:  # noqa: ARG001
    """Hook: return how long a session lasts, such as for "remember me"; None: as the settings say.

    The session ends after that time, even if it is renewed.
    """
    return None


def get_access_claims_from_refresh(refresh_claims: Claims) -> Claims:
    """Return the claims of the access token that belongs to a refresh token.

    They have the same `sid`, another `jti`, `refresh_iat`, and the claims that a hook added.
    """
    registered = registered_access_claims(refresh_claims, time.time())
    claims = {**without_own_names(refresh_claims), "user": refresh_claims.get("user"), **registered}
    return with_subject(_with_others(None, claims))


def registered_access_claims(refresh_claims: Claims, now: float, **kwargs: Any) -> Claims:
    """Return the registered claims of the access token that belongs to a refresh token."""
    return conf.engine().access_claims(
        now,
        session=session_of(refresh_claims),
        refresh_iat=refresh_claims.get("iat"),
        refresh_exp=times.seconds(times.micros(refresh_claims.get("exp"))),
        tenant=tenants.of_claims(refresh_claims) or None,
        **kwargs,
    )


def login_claims(user: Any, request: HttpRequest) -> tuple[Claims, Claims]:
    """Return the claims of the first refresh token of a session, and the claim `user` beside it.

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


def has_own_perms() -> bool:
    """Whether a project has replaced `process_perms`."""
    return process_perms is not _process_perms


def with_subject(claims: Claims) -> Claims:
    """Return the claims; with `DJWTO_USER_AS_SUB`, `sub` is the user's primary key.

    Raises `JWTIssueError`.
    """
    user = claims.get("user")
    if not conf.current().user_as_subject or not isinstance(user, dict) or "id" not in user:
        return claims
    key = user["id"]
    # As the token will have it: a hook may give a UUID.
    return {**claims, "sub": key if isinstance(key, str) else str(json.loads(_as_json(key)))}


def session_of(claims: Claims) -> str | None:
    """Return the id of the session of a token; None if the claims name no session of djwto.

    The id is the claim `sid`. For a token of 0.0.4 it is made of its `jti`, or of its user and
    times.
    """
    return _core.session_of(claims)


def lean_user(user: Any, claim: Claims) -> Claims:
    """Return the claim `user` as a refresh token has it: only the login name and the id."""
    return _name_and_id(claim, user.USERNAME_FIELD)


def encode_claims(claims: Claims) -> str:
    """Sign claims, and return the text of the token.

    Raises `JWTIssueError` if djwto could not verify the token: a claim is missing or has a wrong
    type, JSON cannot hold it, or it is too large.
    """
    engine = conf.engine()
    return engine.encode(claims) or engine.sign(_as_json(claims)).text


def decode_token(token: str, kind: str | None = None, *, tenant: str | None = None) -> Claims:
    """Verify a token, and return its claims.

    `kind` is `access` or `refresh`; None accepts both. `tenant` is for `DJWTO_TENANT`: the token
    must name it. None asks the function of the setting for the present tenant; if there is none,
    no token is good.

    If `DJWTO_KEYS` is a URL, it waits for the keys as a guard does. In an event loop it starts the
    fetch and does not wait. With `DJWTO_REVOCATION_INTERVAL = None` it needs no database.

    Raises `JWTValidationError` if the token is not good. Raises `JWTError` (`store_unavailable`) if
    the ended sessions or the keys are not known. Raises `ValueError` for another `kind`.
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
    """Wait for the keys that `decode_token` needs from a URL, without blocking the event loop."""
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
    """None if the refresh token stays."""
    held: _core.Authenticated | None = field(repr=False)
    """The refresh token that stays."""
    refresh_claims: Claims
    access: _core.Token
    access_claims: Claims

    @property
    def refresh_text(self) -> str:
        """The text of the refresh token: of the new one, or of the one that stays."""
        if self.refresh is not None:
            return self.refresh.text
        return "" if self.held is None else self.held.token


def issue_renewed(user: Any, seen: _core.Authenticated, renewed: _core.RenewedClaims) -> Issued:
    """Sign the tokens of a renewal, with the present data of the user. Raises `JWTIssueError`."""
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
    """Sign an access token and a refresh token that are small enough for this mode.

    With `held` that refresh token stays, and only the access token is signed. If the permissions
    do not fit, they are left out, and the claim `user` has `perms_omitted`.

    Raises `JWTIssueError` if the tokens do not fit even so, or the claims are wrong.
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
    """Return the claims without those whose names djwto uses itself."""
    own = _ENGINES_OWN if conf.current().tenant is None else _WITH_TENANT
    return {name: value for name, value in claims.items() if name not in own}


def _carried(refresh_claims: Claims, name_field: str) -> Claims:
    """Return what a new token keeps of its refresh token's `user`.

    From a token of 0.0.4 it keeps only the login name and the `id`: that version put everything
    there, and never read it again.
    """
    claim = refresh_claims.get("user") or {}
    return claim if "sid" in refresh_claims else _name_and_id(claim, name_field)


def _name_and_id(claim: Claims, name_field: str) -> Claims:
    return {key: claim[key] for key in (name_field, "id") if key in claim}


def _as_plain(name: Any) -> Any:
    return name if name is None or isinstance(name, (str, int, float)) else str(name)


def _as_json(claims: Any) -> str:
    """Return claims as JSON, with Django's encoder for dates, decimals and lazy strings."""
    try:
        return _ENCODER.encode(claims)
    except (TypeError, ValueError, RecursionError) as error:
        raise JWTIssueError(f"expected claims that JSON can hold: {error}") from error


def _sign_to_fit(claims: Claims, mode: str, refresh_bytes: int) -> _core.Token | None:
    """Sign an access token; None if it does not fit beside a refresh token of that length."""
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
