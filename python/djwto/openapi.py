"""The endpoints as an OpenAPI document of plain data, by the settings and URLs of the project.

`document` gives all of it. Schemas stand where they are used and nowhere else, so that what other
tools do to the shared schemas of a document changes none of djwto's.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import get_script_prefix

from djwto import _core, conf, url_patterns, views
from djwto.exceptions import CODES

Json = dict[str, Any]

TAG = "djwto"
OPENAPI_VERSION = "3.1.0"

ACCESS, REFRESH, CSRF = "jwtAccess", "jwtRefresh", "jwtCsrf"
_COOKIE = "Cookie"

COOKIES = {
    "ONE-COOKIE": {"access": "jwt_access", "refresh": "jwt_refresh"},
    "TWO-COOKIES": {"access": "jwt_access_token", "refresh": "jwt_refresh"},
}
"""The cookies that carry the tokens, without `DJWTO_COOKIE_PREFIX`."""
PAYLOAD_COOKIE = "jwt_access_payload"

_TEXT: Json = {"type": "string"}
_FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")

_BODY = (
    *("body_unreadable", "field_invalid", "length_required", "body_too_large"),
    "media_type_unsupported",
)
_SERVER = ("processing_failed", "store_unavailable")
_NOT_OF_TOKENS = ("credentials_invalid", "access_refresh_failed", "refresh_update_failed")
_OF_REFRESH_TOKENS = ("refresh_not_in_header", "refresh_reused")


@dataclass(frozen=True)
class Site:
    """What the settings of the project decide."""

    modes: tuple[str, ...]
    prefix: str
    """Of the names of cookies."""
    csrf: bool
    is_31: bool
    """Whether the document is of OpenAPI 3.1; else it is of 3.0."""

    @property
    def in_cookies(self) -> tuple[str, ...]:
        """The modes whose tokens come in cookies."""
        return tuple(mode for mode in self.modes if mode != "JSON")

    @property
    def in_json(self) -> bool:
        """Whether tokens come as `Bearer` tokens."""
        return "JSON" in self.modes

    def cookies(self, kind: str) -> list[str]:
        """Give the names of the cookies that carry a token of this kind."""
        return sorted({self.prefix + COOKIES[mode][kind] for mode in self.in_cookies})

    def nullable(self, schema: Json) -> Json:
        """Let a value be null too, in the way of the document's version."""
        if self.is_31:
            return {"anyOf": [schema, {"type": "null"}]}
        return {**schema, "nullable": True}


@dataclass(frozen=True)
class Operation:
    """One method of an endpoint."""

    summary: str
    replies: dict[int, Any]
    """The good replies: status → a schema, a response object, or None where there is no body."""
    codes: Sequence[str]
    """What it may be refused with."""
    kind: str | None = None
    """`access` or `refresh`: the token that it takes."""
    is_token_optional: bool = False
    asks_csrf: bool = False
    """Whether it asks for the CSRF token, in cookie modes."""
    fields: Json | None = None
    """The fields of its body; None where it reads none."""
    required: tuple[str, ...] = ()
    sets_cookies: str = ""
    """What it does to the cookies, in cookie modes."""


def document() -> Json:
    """Give the OpenAPI 3.1 document of the endpoints. Raises `ImproperlyConfigured`."""
    described = paths()
    tag = {"name": TAG, "description": "Login, renewal and logout with JSON Web Tokens."}
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "djwto",
            "version": version("djwto"),
            "description": "The endpoints of djwto. Another method than the listed ones is refused "
            "with 405 and the header `Allow`. A failure is `{error, code}`; hooks of the project "
            "may add codes to the listed ones.",
        },
        "servers": [{"url": _public_prefix()}],
        "tags": [tag],
        "paths": described,
        "components": {"securitySchemes": security_schemes()},
    }


def paths(*, is_31: bool = True) -> Json:
    """Give the Paths Object: each endpoint that the project's URLs have."""
    described: Json = {}
    used: set[str] = set()
    for path, place in _endpoints():
        item = described.setdefault(_CONVERTER.sub(r"{\2}", path), {})
        for method, operation in describe(place.pattern.callback, path, is_31=is_31).items():
            name = _unique(f"djwto_{place.pattern.name or 'endpoint'}_{method}", used)
            item.setdefault(method, {"operationId": name, **operation})
    return described


def describe(callback: Any, path: str = "", *, is_31: bool = True) -> Json:
    """Give the Operation Objects of an endpoint's view, by methods in small letters."""
    site = _site(is_31=is_31)
    parameters = [_parameter(found) for found in _CONVERTER.finditer(path)]
    return {
        method: _as_json(operation, parameters, site)
        for method, operation in _operations(callback, site).items()
    }


def security_schemes() -> Json:
    """Give the Security Scheme Objects, by their names."""
    site = _site()
    schemes: Json = {}
    for name, kind in ((ACCESS, "access"), (REFRESH, "refresh")):
        if site.in_json:
            schemes[name] = {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": f"The {kind} token.",
            }
        for number, cookie in enumerate(site.cookies(kind)):
            schemes[_scheme_of_cookie(name, number)] = {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie,
                "description": f"The {kind} token, in the cookie that a login sets.",
            }
    if site.in_cookies and site.csrf:
        schemes[CSRF] = {
            "type": "apiKey",
            "in": "header",
            "name": _csrf_header(),
            "description": "Django's CSRF token, beside its cookie and an `Origin` or `Referer` of "
            "this site. `login/` and `csrf/` give it.",
        }
    return schemes


def security(
    kind: str, *, asks_csrf: bool, is_optional: bool = False
) -> list[dict[str, list[str]]]:
    """Give the Security Requirement Objects of what takes a token of this kind, one of a list."""
    return _security(kind, _site(), asks_csrf=asks_csrf, is_optional=is_optional)


def _security(
    kind: str, site: Site, *, asks_csrf: bool, is_optional: bool
) -> list[dict[str, list[str]]]:
    name = ACCESS if kind == "access" else REFRESH
    csrf: dict[str, list[str]] = {CSRF: []} if asks_csrf and site.csrf and site.in_cookies else {}
    found: list[dict[str, list[str]]] = [{name: []}] if site.in_json else []
    found += [
        {_scheme_of_cookie(name, number): [], **csrf} for number, _ in enumerate(site.cookies(kind))
    ]
    if is_optional:
        found.append(csrf)
        if csrf and site.in_json:
            found.append({})
    return found


def _site(*, is_31: bool = True) -> Site:
    return Site(
        modes=tuple(conf.engine().modes),
        prefix=str(conf.valid("COOKIE_PREFIX")),
        csrf=conf.current().csrf,
        is_31=is_31,
    )


def _endpoints() -> Iterator[tuple[str, url_patterns.Place]]:
    for place in url_patterns.every():
        view_class = getattr(place.pattern.callback, "view_class", None)
        if isinstance(view_class, type) and issubclass(view_class, views.Endpoint):
            for path in place.paths:
                yield path, place


_CONVERTER = re.compile(r"<(?:(\w+):)?(\w+)>")
_CONVERTED: dict[str, Json] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}


def _parameter(found: re.Match[str]) -> Json:
    schema = _CONVERTED.get(found[1], _TEXT)
    return {"name": found[2], "in": "path", "required": True, "schema": schema}


def _unique(name: str, used: set[str]) -> str:
    number = 1
    found = name
    while found in used:
        number += 1
        found = f"{name}_{number}"
    used.add(found)
    return found


def _operations(callback: Any, site: Site) -> dict[str, Operation]:
    """Give the operations of a view by their methods, in small letters."""
    for view_class in callback.view_class.__mro__:
        describe = DESCRIBED.get(view_class)
        if describe is not None:
            return describe(callback, site)
    return {}


# --- the endpoints --------------------------------------------------------------------------------


def _login(_callback: Any, site: Site) -> dict[str, Operation]:
    done = ["Tokens successfully created.", "User already authenticated."]
    name = get_user_model().USERNAME_FIELD
    fields: Json = {"username": _text(f"The account's name; the field `{name}` is read too.")}
    fields[name] = fields["username"]
    fields["password"] = {**_TEXT, "format": "password"}
    if len(site.modes) > 1:
        fields["mode"] = {
            **_TEXT,
            "enum": list(site.modes),
            "description": f"How the tokens are sent; {site.modes[0]} where it is missing.",
        }
    codes = ["mode_unknown", "credentials_invalid", "login_denied", "user_inactive"]
    codes += ["user_changed", "login_throttled", "login_busy", *_of_tenants()]
    if site.in_cookies:
        codes.append("origin_refused")
    by_mode = [_in_cookies(done, csrf_token=True)] if site.in_cookies else []
    by_mode += [_PAIR, _msg(done[1])] if site.in_json else []
    login = Operation(
        "Log in: credentials become tokens.",
        {200: by_mode},
        (*_BODY, *codes, *_SERVER),
        fields=fields,
        required=("username", "password"),
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
            (*csrf, *_of_tenants(), *_SERVER),
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
    moment: Json = {**_TEXT, "format": "date-time"}
    row = _object(
        id={**_TEXT, "format": "uuid"},
        device=_TEXT,
        address=site.nullable(_TEXT),
        created_at=moment,
        last_used_at=moment,
        current={"type": "boolean"},
        renewed_elsewhere_at=site.nullable(moment),
    )
    listing = Operation(
        "List the sessions of the user, the latest first.",
        {200: _object(sessions={"type": "array", "items": row})},
        (*_of_tokens(site, "refresh", asks_csrf=False), "refresh_superseded", *_SERVER),
        kind="refresh",
    )
    return {"get": listing}


def _session(_callback: Any, site: Site) -> dict[str, Operation]:
    end = Operation(
        "End one of the user's sessions.",
        {200: _msg("Session successfully ended.")},
        (*_of_tokens(site, "refresh"), "refresh_superseded", "session_not_found", *_SERVER),
        kind="refresh",
        asks_csrf=True,
        sets_cookies="Clears the tokens, if it is the present session",
    )
    return {"delete": end}


def _change_password(_callback: Any, site: Site) -> dict[str, Operation]:
    secret: Json = {**_TEXT, "format": "password"}
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
    token = _object(csrf_token=_TEXT)
    response = {
        **_response("The CSRF token, in the body and in its cookie.", token),
        "headers": {**_NO_STORE, "Set-Cookie": _header("Django's CSRF cookie.")},
    }
    return {"get": Operation("Get the CSRF token.", {200: response}, _SERVER)}


def _jwks(_callback: Any, _site: Site) -> dict[str, Operation]:
    keys = _object(keys={"type": "array", "items": {"type": "object"}})
    headers = {
        "Cache-Control": _header("`public`, and how long.", _TEXT),
        "ETag": _header("The version of the set.", _TEXT),
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
    views.BlackListTokenView: _logout,
    views.LogoutAllView: _logout_all,
    views.SessionsView: _sessions,
    views.SessionView: _session,
    views.PasswordChangeView: _change_password,
    views.CsrfTokenView: _csrf,
    views.JwksView: _jwks,
}


# --- what they share ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _JwtType:
    fields: Json
    codes: tuple[str, ...]
    required: tuple[str, ...]


def _jwt_type(site: Site, kind: str) -> _JwtType:
    """Give the field that cookie modes want."""
    if not site.in_cookies:
        return _JwtType({}, (), ())
    wanted = "wanted" if kind == "refresh" else "may stand there"
    about = f"In cookie modes `{kind}` is {wanted}." if kind == "refresh" else f"It {wanted}."
    return _JwtType(
        {"jwt_type": {**_TEXT, "enum": [kind], "description": about}},
        ("jwt_type_wrong", *(("jwt_type_unknown",) if kind == "access" else ())),
        ("jwt_type",) if kind == "refresh" and not site.in_json else (),
    )


def _of_tenants() -> tuple[str, ...]:
    return () if conf.tenant_function() is None else ("tenant_invalid",)


def _of_tokens(site: Site, kind: str, *, asks_csrf: bool = True) -> tuple[str, ...]:
    """Give the codes of a token that is not there, or not good."""
    left_out = {*_NOT_OF_TOKENS, *(_OF_REFRESH_TOKENS if kind == "access" else ())}
    found = [
        code.slug for code in CODES.values() if code.status == 401 and code.slug not in left_out
    ]
    if not site.in_json:
        found = [code for code in found if not code.startswith("authorization_")]
    if not site.in_cookies:
        return tuple(code for code in found if not code.startswith("cookie_"))
    return (*found, "csrf_failed") if asks_csrf and site.csrf else tuple(found)


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(description: str) -> Json:
    return {**_TEXT, "description": description}


def _msg(message: str, **more: Json) -> Json:
    return _object(msg={**_TEXT, "enum": [message]}, **more)


def _in_cookies(messages: list[str], *, csrf_token: bool = False) -> Json:
    more: dict[str, Json] = {"csrf_token": _TEXT} if csrf_token else {}
    return _object(msg={**_TEXT, "enum": messages}, **more)


_PAIR = _object(refresh=_text("The refresh token."), access=_text("The access token."))


def _header(description: str, schema: Json | None = None) -> Json:
    return {"description": description, "schema": schema or _TEXT}


_NO_STORE = {
    _core.NO_STORE[0]: _header("No cache keeps it.", {**_TEXT, "enum": [_core.NO_STORE[1]]})
}


def _response(description: str, schema: Json | None) -> Json:
    response: Json = {"description": description, "headers": dict(_NO_STORE)}
    if schema is not None:
        response["content"] = {"application/json": {"schema": schema}}
    return response


def _as_json(operation: Operation, parameters: list[Json], site: Site) -> Json:
    """Give the Operation Object."""
    found: Json = {
        "summary": operation.summary,
        "tags": [TAG],
        "security": [],
        "responses": {},
    }
    if parameters:
        found["parameters"] = parameters
    if operation.kind is not None:
        found["security"] = _security(
            operation.kind,
            site,
            asks_csrf=operation.asks_csrf,
            is_optional=operation.is_token_optional,
        )
    if operation.fields:
        schema: Json = {"type": "object", "properties": operation.fields}
        if operation.required:
            schema["required"] = list(operation.required)
        content = {kind: {"schema": schema} for kind in _FORMS}
        found["requestBody"] = {"content": content, "required": bool(operation.required)}
    for status, reply in operation.replies.items():
        found["responses"][str(status)] = _good_reply(operation, reply, site)
    for status, codes in sorted(_by_status(operation.codes).items()):
        found["responses"][str(status)] = _refusal(status, codes)
    return found


def _good_reply(operation: Operation, reply: Any, site: Site) -> Json:
    if isinstance(reply, dict) and "description" in reply:
        return reply
    if isinstance(reply, list):
        reply = reply[0] if len(reply) == 1 else {"anyOf": reply}
    response = _response("Done." if reply is not None else "Done; there is no body.", reply)
    if operation.sets_cookies and site.in_cookies and reply is not None:
        names = {*site.cookies("refresh"), *site.cookies("access")}
        if "TWO-COOKIES" in site.in_cookies:
            names.add(site.prefix + PAYLOAD_COOKIE)
        listed = ", ".join(f"`{one}`" for one in sorted(names))
        response["headers"]["Set-Cookie"] = _header(
            f"In cookie modes. {operation.sets_cookies}: {listed}."
        )
    return response


def _by_status(codes: Sequence[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in CODES.values():  # in the order of the list
        if code.slug in codes:
            found.setdefault(code.status, []).append(code.slug)
    return found


def _refusal(status: int, codes: list[str]) -> Json:
    """Describe `{error, code}` with the codes that come with this status."""
    body = _object(error=_TEXT, code={**_TEXT, "enum": codes})
    if "credentials_invalid" in codes or "login_denied" in codes:
        entry = _object(message=_TEXT, code=_TEXT)
        body["properties"]["errors"] = {
            "type": "object",
            "description": "The sentences of Django's form, by field.",
            "additionalProperties": {"type": "array", "items": entry},
        }
    sentences = "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in codes)
    response = _response(sentences, body)
    if status == 401:
        response["headers"]["WWW-Authenticate"] = _header("The challenge (RFC 6750 §3).")
    if status in (429, 503):
        about = "When to try again, in seconds."
        response["headers"]["Retry-After"] = _header(about, {"type": "integer"})
    if status == 404:
        # What is no UUID matches no URL, and Django's own page answers.
        response["content"]["text/html"] = {"schema": _TEXT}
        del response["headers"][_core.NO_STORE[0]]
    return response


def _scheme_of_cookie(name: str, number: int) -> str:
    return f"{name}{_COOKIE}{number + 1 if number else ''}"


def _csrf_header() -> str:
    name = str(settings.CSRF_HEADER_NAME).removeprefix("HTTP_").replace("_", "-").title()
    return name.replace("-Csrf", "-CSRF").replace("token", "Token")


def _public_prefix() -> str:
    """Give the path under which browsers see Django's URLs."""
    script = get_script_prefix().strip("/")
    public = str(conf.valid("PUBLIC_PATH")).strip("/")
    return "/" + "/".join(part for part in (public, script) if part)
