"""What each endpoint takes and answers, for the OpenAPI document."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from djwto import _core, views
from djwto.exceptions import CODES
from djwto.openapi_security import Json, Site

PAYLOAD_COOKIE = "jwt_access_payload"

TEXT: Json = {"type": "string"}

_BODY = (
    *("body_unreadable", "field_invalid", "length_required", "body_too_large"),
    "media_type_unsupported",
)
_SERVER = ("processing_failed", "store_unavailable")
_NOT_OF_TOKENS = ("credentials_invalid", "access_refresh_failed", "refresh_update_failed")
_OF_REFRESH_TOKENS = ("refresh_not_in_header", "refresh_reused")


@dataclass(frozen=True)
class Operation:
    """One method of an endpoint."""

    summary: str
    replies: dict[int, Any]
    """The good replies: status → a schema, several of them, a Response Object, or None where
    there is no body."""
    codes: Sequence[str]
    """What it may be refused with."""
    kind: str | None = None
    """`access` or `refresh`: the token that it takes."""
    is_token_optional: bool = False
    is_for_pages: bool = False
    """Whether it takes the token from a cookie alone."""
    asks_csrf: bool = False
    """Whether it asks for the CSRF token, in cookie modes."""
    parameters: tuple[Json, ...] = ()
    """What it reads of the query and the headers, as Parameter Objects."""
    fields: Json | None = None
    """The fields of its body; None where it reads none."""
    required: tuple[str, ...] = ()
    sets_cookies: str = ""
    """What it does to the cookies, in cookie modes."""


# --- the endpoints --------------------------------------------------------------------------------


def _login(_callback: Any, site: Site) -> dict[str, Operation]:
    done = ["Tokens successfully created.", "User already authenticated."]
    name = get_user_model().USERNAME_FIELD
    about = "The account's name."
    if name != "username":
        about += f" `username` and `{name}` mean the same; one of them is needed."
    fields: Json = dict.fromkeys(("username", name), _text(about))
    fields["password"] = {**TEXT, "format": "password"}
    if len(site.modes) > 1:
        fields["mode"] = {
            **TEXT,
            "enum": list(site.modes),
            "description": f"How the tokens are sent; {site.modes[0]} where it is missing.",
        }
    codes = ["mode_unknown", "credentials_invalid", "login_denied", "user_inactive"]
    codes += ["user_changed", "login_throttled", "login_busy", *_of_tenants(site)]
    if site.in_cookies:
        codes.append("origin_refused")
    by_mode = [_in_cookies(done, csrf_token=True)] if site.in_cookies else []
    by_mode += [_PAIR, _msg(done[1])] if site.in_json else []
    login = Operation(
        "Log in: credentials become tokens.",
        {200: by_mode},
        (*_BODY, *codes, *_SERVER),
        fields=fields,
        required=("username", "password") if name == "username" else ("password",),
        sets_cookies="The tokens, and the CSRF token",
    )
    return {"post": login}


def _validate(callback: Any, site: Site) -> dict[str, Operation]:
    kind = callback.view_initkwargs.get("kind", callback.view_class.kind)
    fields = _jwt_type(site, kind)
    return {
        "post": Operation(
            f"Tell whether this {kind} token is good, and its session live.",
            {200: _msg("Token is valid")},
            (*_BODY, *_of_tokens(site, kind), *fields.codes, *_SERVER),
            kind=kind,
            asks_csrf=True,
            fields=fields.fields,
            required=fields.required,
        )
    }


def _renew(
    summary: str, message: str, codes: tuple[str, ...]
) -> Callable[[Any, Site], dict[str, Operation]]:
    def describe(_callback: Any, site: Site) -> dict[str, Operation]:
        fields = _jwt_type(site, "refresh")
        by_mode = [_in_cookies([message])] if site.in_cookies else []
        by_mode += [_PAIR] if site.in_json else []
        known = (*_BODY, *_of_tokens(site, "refresh"), *fields.codes, *codes, *_SERVER)
        renewal = Operation(
            summary,
            {200: by_mode},
            (*known, "refresh_superseded"),
            kind="refresh",
            asks_csrf=True,
            fields=fields.fields,
            required=fields.required,
            sets_cookies="The new tokens",
        )
        return {"post": renewal}

    return describe


def _return(_callback: Any, site: Site) -> dict[str, Operation]:
    found = response("The redirect.", None)
    found["headers"]["Location"] = header("`next`, or the login page with `next` in its query.")
    if site.in_cookies:
        found["headers"]["Set-Cookie"] = header("The new tokens, after a renewal.")
    renewal = Operation(
        "Renew the session of a browser that navigates here, and redirect it.",
        {303: found},
        ("next_invalid", "navigation_required", *_SERVER),
        kind="refresh" if site.in_cookies else None,
        is_token_optional=True,
        is_for_pages=True,
        parameters=(
            _parameter("query", "next", _text("An `https` URL; without it `LOGIN_REDIRECT_URL`.")),
            _parameter("header", "Sec-Fetch-Mode", _of_browsers("navigate"), is_required=True),
            _parameter("header", "Sec-Fetch-Dest", _of_browsers("document")),
        ),
    )
    return {"get": renewal}


def _logout(_callback: Any, site: Site) -> dict[str, Operation]:
    fields = _jwt_type(site, "refresh")
    csrf = ("csrf_failed",) if site.in_cookies and site.csrf else ()
    deleted: dict[int, Any] = {200: _msg("Tokens successfully deleted.")} if site.in_cookies else {}
    if site.in_json:
        deleted[204] = None
    of_post = (*_of_tokens(site, "refresh"), *fields.codes, "jti_missing", "already_blacklisted")
    return {
        "post": Operation(
            "End the session of a refresh token.",
            {200: _msg("Token successfully blacklisted.")},
            (*_BODY, *of_post, *_SERVER),
            kind="refresh",
            asks_csrf=True,
            fields=fields.fields,
            required=fields.required,
        ),
        "delete": Operation(
            "Log out: clear the cookies, and end the session if a token names one.",
            deleted,
            (*csrf, *_of_tenants(site), *_SERVER),
            kind="refresh",
            is_token_optional=True,
            asks_csrf=True,
            sets_cookies="Clears the tokens",
        ),
    }


def _logout_all(_callback: Any, site: Site) -> dict[str, Operation]:
    fields = _jwt_type(site, "refresh")
    others = _text("`true`, `1` or `on`: the present session goes on.")
    known = (*_of_tokens(site, "refresh"), *fields.codes, "user_inactive", "refresh_superseded")
    every = Operation(
        "End all sessions of the user, or all others.",
        {200: _msg("Sessions successfully ended.", ended={"type": "integer"})},
        (*_BODY, *known, *_SERVER),
        kind="refresh",
        asks_csrf=True,
        fields={**fields.fields, "others": others},
        required=fields.required,
        sets_cookies="Clears the tokens, unless the present session goes on",
    )
    return {"post": every}


def _sessions(_callback: Any, site: Site) -> dict[str, Operation]:
    moment: Json = {**TEXT, "format": "date-time"}
    row = object_of(
        id={**TEXT, "format": "uuid"},
        device=TEXT,
        address=site.nullable(TEXT),
        created_at=moment,
        last_used_at=moment,
        current={"type": "boolean"},
        renewed_elsewhere_at=site.nullable(moment),
    )
    listing = Operation(
        "List the sessions of the user, the latest first.",
        {200: object_of(sessions={"type": "array", "items": row})},
        (*_of_tokens(site, "refresh", asks_csrf=False), "refresh_superseded", *_SERVER),
        kind="refresh",
    )
    return {"get": listing}


def _end_session(_callback: Any, site: Site) -> dict[str, Operation]:
    end = Operation(
        "End one of the user's sessions.",
        {200: _msg("Session successfully ended.")},
        (*_of_tokens(site, "refresh"), "refresh_superseded", "session_not_found", *_SERVER),
        kind="refresh",
        asks_csrf=True,
        sets_cookies="Clears the tokens, if it is the present session",
    )
    return {"delete": end}


def _session(_callback: Any, site: Site) -> dict[str, Operation]:
    present = Operation(
        "Get the claims of the present access token.",
        {200: object_of(claims=_CLAIMS)},
        (*_of_tokens(site, "access", asks_csrf=False), *_SERVER),
        kind="access",
    )
    return {"get": present}


def _change_password(_callback: Any, site: Site) -> dict[str, Operation]:
    secret: Json = {**TEXT, "format": "password"}
    names = ("old_password", "new_password1", "new_password2")
    fields = _jwt_type(site, "access")
    known = (*_of_tokens(site, "access"), *fields.codes, "password_refused", "user_inactive")
    change = Operation(
        "Change the password of the user; their other sessions end.",
        {200: _msg("Password successfully changed.")},
        (*_BODY, *known, "login_throttled", "login_busy", *_SERVER),
        kind="access",
        asks_csrf=True,
        fields={**fields.fields, **dict.fromkeys(names, secret)},
        required=names,
    )
    return {"post": change}


def _csrf(_callback: Any, _site: Site) -> dict[str, Operation]:
    token = object_of(csrf_token=TEXT)
    found = {
        **response("The CSRF token, in the body and in its cookie.", token),
        "headers": {**NO_STORE, "Set-Cookie": header("Django's CSRF cookie.")},
    }
    return {"get": Operation("Get the CSRF token.", {200: found}, _SERVER)}


def _jwks(_callback: Any, _site: Site) -> dict[str, Operation]:
    keys = object_of(keys={"type": "array", "items": {"type": "object"}})
    headers = {
        "Cache-Control": header("`public`, and how long.", TEXT),
        "ETag": header("The version of the set.", TEXT),
    }
    found = {
        "description": "The JWK Set (RFC 7517 §5).",
        "headers": headers,
        "content": {"application/jwk-set+json": {"schema": keys}},
    }
    unchanged = {"description": "The client has it (`If-None-Match`).", "headers": headers}
    summary = "Get the public keys, for programs that verify tokens themselves."
    return {"get": Operation(summary, {200: found, 304: unchanged}, ("processing_failed",))}


DESCRIBED: dict[type, Callable[[Any, Site], dict[str, Operation]]] = {
    views.GetTokensView: _login,
    views.ValidateTokensView: _validate,
    views.RefreshAccessView: _renew(
        "Renew the access token.",
        "Access token successfully refreshed.",
        ("access_refresh_failed",),
    ),
    views.UpdateRefreshView: _renew(
        "Renew both tokens, with a new lifetime.",
        "Refresh token successfully updated.",
        ("refresh_update_failed", "user_inactive"),
    ),
    views.ReturnView: _return,
    views.BlackListTokenView: _logout,
    views.LogoutAllView: _logout_all,
    views.SessionsView: _sessions,
    views.EndSessionView: _end_session,
    views.SessionView: _session,
    views.PasswordChangeView: _change_password,
    views.CsrfTokenView: _csrf,
    views.JwksView: _jwks,
}


# --- what they share ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _JwtType:
    fields: Json
    codes: tuple[str, ...]
    required: tuple[str, ...]


def _jwt_type(site: Site, kind: str) -> _JwtType:
    """Return the field that cookie modes use."""
    if not site.in_cookies:
        return _JwtType({}, (), ())
    about = "Required in cookie modes." if kind == "refresh" else "Optional."
    return _JwtType(
        {"jwt_type": {**TEXT, "enum": [kind], "description": about}},
        ("jwt_type_wrong", *(("jwt_type_unknown",) if kind == "access" else ())),
        ("jwt_type",) if kind == "refresh" and not site.in_json else (),
    )


def _of_tokens(site: Site, kind: str, *, asks_csrf: bool = True) -> tuple[str, ...]:
    """Return the codes of a token that is not there, or not good."""
    left_out = {*_NOT_OF_TOKENS, *(_OF_REFRESH_TOKENS if kind == "access" else ())}
    found = [
        code.slug for code in CODES.values() if code.status == 401 and code.slug not in left_out
    ]
    if not site.in_json:
        found = [code for code in found if not code.startswith("authorization_")]
    if not site.in_cookies:
        return tuple(code for code in found if not code.startswith("cookie_"))
    return (*found, "csrf_failed") if asks_csrf and site.csrf else tuple(found)


def _parameter(where: str, name: str, schema: Json, *, is_required: bool = False) -> Json:
    return {"name": name, "in": where, "required": is_required, "schema": schema}


def _of_browsers(value: str) -> Json:
    return {**_text("Browsers send it with a navigation."), "enum": [value]}


def _of_tenants(site: Site) -> tuple[str, ...]:
    return ("tenant_invalid",) if site.has_tenants else ()


def object_of(**properties: Json) -> Json:
    """Return the schema of an object that has all of these properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(description: str) -> Json:
    return {**TEXT, "description": description}


def _msg(message: str, **more: Json) -> Json:
    return object_of(msg={**TEXT, "enum": [message]}, **more)


def _in_cookies(messages: list[str], *, csrf_token: bool = False) -> Json:
    more: dict[str, Json] = {"csrf_token": TEXT} if csrf_token else {}
    return object_of(msg={**TEXT, "enum": messages}, **more, claims=_CLAIMS)


_CLAIMS: Json = {"type": "object", "description": "The claims of the access token."}

_PAIR = object_of(refresh=_text("The refresh token."), access=_text("The access token."))


def header(description: str, schema: Json | None = None) -> Json:
    """Return a Header Object; without a schema it is any text."""
    return {"description": description, "schema": schema or TEXT}


NO_STORE = {_core.NO_STORE[0]: header("No cache keeps it.", {**TEXT, "enum": [_core.NO_STORE[1]]})}


def response(description: str, schema: Json | None) -> Json:
    """Return a Response Object that no cache keeps; without a schema it has no body."""
    found: Json = {"description": description, "headers": dict(NO_STORE)}
    if schema is not None:
        found["content"] = {"application/json": {"schema": schema}}
    return found
