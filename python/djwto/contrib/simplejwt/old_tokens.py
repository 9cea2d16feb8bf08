"""The tokens of simplejwt, a format that no other part of djwto reads.

Their key verifies nothing else. A token with the claims of djwto is refused here: only djwto's own
keys verify it. Accepted claims become those of a token of djwto 0.0.4, which names no session.
Sessions, renewals and logouts can handle such tokens.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model

from djwto import conf, state, user_rows
from djwto.contrib.simplejwt import config
from djwto.exceptions import CODES, JWTValidationError
from djwto.formats import OtherToken
from djwto.sessions import session_id_of
from djwto.tokens import without_own_names

if TYPE_CHECKING:
    from django.http import HttpRequest

    from djwto.formats import FindUser


class OldTokenError(JWTValidationError):
    """A token of simplejwt is not good. `detail` and `slug` are the words of simplejwt."""

    def __init__(self, code: str, detail: str, gap: str = "", *, slug: str = "") -> None:
        super().__init__(CODES[code].sentence.replace("{}", gap, 1), code, 401)
        self.detail = detail
        self.slug = slug
        """Its `code` in a guard; "" for what it calls no valid token."""


def read_access(request: HttpRequest) -> FindUser | None:
    """Verify the access token in a request's header; None if it is not simplejwt's.

    Raises `OldTokenError`.
    """
    settings = config.current()
    if settings is None or not config.is_on():
        return None
    # No variable holds the token: error trackers show those of every frame.
    try:
        payload = settings.keys.payload_of(_presented(request))
    except JWTValidationError:
        return None
    claims = parsed(settings, payload)
    if claims is None:
        return None
    check(settings, claims, "access")
    return partial(_opening, settings, claims, request)


def parsed(settings: config.Config, payload: bytes) -> dict[str, Any] | None:
    """Return the claims of a verified payload; None if they are not simplejwt's."""
    try:
        claims = json.loads(payload, parse_constant=_refuse_constant)
        # Half a surrogate pair is no text that a database or a token holds.
        json.dumps(claims, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) and not is_djwtos(settings, claims) else None


def check(settings: config.Config, claims: dict[str, Any], kind: str | None) -> None:
    """Check claims of simplejwt; `kind` None accepts both kinds. Raises `OldTokenError`."""
    _check_times(claims, time.time(), settings.leeway)
    _check_parties(settings, claims)
    jti, found = claims.get(settings.jti_claim), claims.get(settings.type_claim)
    if not isinstance(jti, str) or not jti:
        raise OldTokenError("claim_missing", "Token has no id", settings.jti_claim)
    if found == "sliding":
        raise OldTokenError("type_invalid", SLIDING, 'access" or "refresh", not "sliding')
    if kind is None:
        return
    if kind == "refresh" and is_blacklisted_there({"jti": jti}):
        raise OldTokenError("token_blacklisted", "Token is blacklisted")
    if found is None:
        raise OldTokenError("claim_missing", "Token has no type", settings.type_claim)
    if found != kind:
        raise OldTokenError("type_invalid", "Token has wrong type", kind)


def is_djwtos(settings: config.Config, claims: dict[str, Any]) -> bool:
    """Whether these are the claims of a djwto token, which simplejwt's key must not verify."""
    has_type = "type" in claims and settings.type_claim != "type"
    user = claims.get("user")
    names_user = isinstance(user, dict) and "id" in user
    return ("sid" in claims and (has_type or names_user)) or ("type" in claims and names_user)


def find(settings: config.Config, claims: dict[str, Any], *, fresh: bool = False) -> Any:
    """Find the user of a token, by one query. Raises `OldTokenError`."""
    if settings.user_claim not in claims:
        raise OldTokenError("user_missing", UNNAMED, slug="token_not_valid")
    user = find_any(settings, claims, fresh=fresh)
    if user is None:
        raise OldTokenError("user_missing", "User not found", slug="user_not_found")
    if not user.is_active:
        raise OldTokenError("user_inactive", "User is inactive", slug="user_inactive")
    if settings.revoke_claim is not None:
        expected = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest().upper()
        found = str(claims.get(settings.revoke_claim))
        if not hmac.compare_digest(found.encode(errors="replace"), expected.encode()):
            changed = "The user's password has been changed."
            raise OldTokenError("token_blacklisted", changed, slug="password_changed")
    return user


def find_any(settings: config.Config, claims: dict[str, Any], *, fresh: bool) -> Any:
    """Find the user of a token, active or not; None if there is none."""
    key = claims.get(settings.user_claim)
    if not isinstance(key, (str, int)) or isinstance(key, bool):
        return None
    model = get_user_model()
    if settings.user_field in ("pk", model._meta.pk.name):  # noqa: SLF001
        user = user_rows.find_user(key, active=False, fresh=fresh)
    else:
        user = user_rows.find_by(settings.user_field, key, fresh=fresh)
    # A database may take other spellings for the same: "Alice" for "alice", "01" for 1.
    is_same = user is not None and str(getattr(user, settings.user_field)) == str(key)
    return user if is_same else None


def as_claims(
    settings: config.Config, claims: dict[str, Any], user: Any, kind: str
) -> dict[str, Any]:
    """Return the claims in djwto's form, with the other claims of the token.

    Permissions are left out, so guards ask the database.
    """
    name = user.get_username()
    plain = name if isinstance(name, (str, int)) else str(name)
    pk = user.pk if isinstance(user.pk, int) else str(user.pk)
    claim: dict[str, Any] = {user.USERNAME_FIELD: plain, "id": pk}
    if kind == "access":
        claim |= {"perms": [], "perms_omitted": True}
    others = without_own_names(claims)
    others.pop(str(settings.revoke_claim), None)
    times: dict[str, Any] = {name: claims[name] for name in ("iat", "exp") if name in claims}
    return {**others, **times, "jti": claims[settings.jti_claim], "type": kind, "user": claim}


def blacklist_there(jti: str) -> None:
    """Put a token on simplejwt's blacklist too, if that app is installed and has the token."""
    if config.has_blacklist():
        known = config.table("OutstandingToken").filter(jti=jti).first()
        if known is not None:
            config.table("BlacklistedToken").get_or_create(token=known)


UNNAMED = "Token contained no recognizable user identification"
SLIDING = "Sliding tokens are not supported"


def _opening(settings: config.Config, claims: dict[str, Any], request: HttpRequest) -> OtherToken:
    # One query for a request, however many guards it passes.
    held = state.of(request).seen
    if isinstance(held, OtherToken) and held.token == _presented(request):
        user = held.user
    else:
        user = find(settings, claims)
    shown = as_claims(settings, claims, user, "access")
    session = session_id_of(shown)
    if session is None or session.bytes in conf.ended_sessions:
        raise OldTokenError("token_blacklisted", "Token is blacklisted")
    return OtherToken(
        shown,
        str(session),
        _presented(request),
        user,
    )


def _check_times(claims: dict[str, Any], now: float, leeway: float) -> None:
    if "exp" not in claims:
        raise OldTokenError("claim_missing", "Token has no 'exp' claim", "exp")
    for name in ("exp", "nbf", "iat"):
        is_number = isinstance(claims.get(name), (int, float)) and claims[name] is not True
        if name in claims and (not is_number or not abs(claims[name]) < _LATEST):
            raise OldTokenError("claim_invalid", INVALID, name)
    if claims["exp"] <= now - leeway:
        raise OldTokenError("token_expired", "Token is expired")
    if any(claims.get(name, 0) > now + leeway for name in ("nbf", "iat")):
        raise OldTokenError("token_not_yet_valid", INVALID)


def _check_parties(settings: config.Config, claims: dict[str, Any]) -> None:
    if settings.issuer is not None and claims.get("iss") != settings.issuer:
        raise OldTokenError("issuer_invalid", INVALID)
    if settings.audience is not None:
        found = claims.get("aud")
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, list) or not any(one in settings.audience for one in found):
            raise OldTokenError("audience_invalid", INVALID)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def is_blacklisted_there(claims: dict[str, Any]) -> bool:
    """Whether simplejwt's blacklist has the `jti`; False if that app is not installed."""
    if not config.has_blacklist():
        return False
    return bool(config.table("BlacklistedToken").filter(token__jti=claims["jti"]).exists())


def _presented(request: HttpRequest) -> str:
    return conf.engine().find(request.META.get("HTTP_AUTHORIZATION"), None, "access")[0]


INVALID = "Token is invalid"
_LATEST = 2**53
