"""What opens a view, in the words of OpenAPI. It needs no tables, so verifiers have it too."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from djwto import conf

Json = dict[str, Any]

ACCESS, REFRESH, CSRF = "jwtAccess", "jwtRefresh", "jwtCsrf"
_COOKIE = "Cookie"

COOKIES = {
    "ONE-COOKIE": {"access": "jwt_access", "refresh": "jwt_refresh"},
    "TWO-COOKIES": {"access": "jwt_access_token", "refresh": "jwt_refresh"},
}
"""The cookies that carry the tokens, without `DJWTO_COOKIE_PREFIX`."""


@dataclass(frozen=True)
class Site:
    """What the settings of the project decide."""

    modes: tuple[str, ...]
    prefix: str
    """Of the names of cookies."""
    csrf: bool
    has_tenants: bool
    is_31: bool
    """Whether the document is of OpenAPI 3.1; else it is of 3.0."""

    @classmethod
    def present(cls, *, is_31: bool = True) -> "Site":
        """Read the settings. Raises `ImproperlyConfigured`."""
        return cls(
            modes=tuple(conf.engine().modes),
            prefix=str(conf.valid("COOKIE_PREFIX")),
            csrf=conf.current().csrf,
            has_tenants=conf.tenant_function() is not None,
            is_31=is_31,
        )

    @property
    def in_cookies(self) -> tuple[str, ...]:
        """The modes whose tokens come in cookies."""
        return tuple(mode for mode in self.modes if mode != "JSON")

    @property
    def in_json(self) -> bool:
        """Whether tokens come as `Bearer` tokens."""
        return "JSON" in self.modes

    def cookies(self, kind: str) -> list[str]:
        """Return the names of the cookies that carry a token of this kind."""
        return sorted({self.prefix + COOKIES[mode][kind] for mode in self.in_cookies})

    def nullable(self, schema: Json) -> Json:
        """Let a value be null too, in the way of the document's version."""
        if self.is_31:
            return {"anyOf": [schema, {"type": "null"}]}
        return {**schema, "nullable": True}


def schemes() -> Json:
    """Return the Security Scheme Objects, by their names. Raises `ImproperlyConfigured`."""
    site = Site.present()
    found: Json = {}
    for name, kind in _kinds():
        if site.in_json:
            found[name] = {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": f"The {kind} token.",
            }
        for number, cookie in enumerate(site.cookies(kind)):
            found[_scheme_of_cookie(name, number)] = {
                "type": "apiKey",
                "in": "cookie",
                "name": cookie,
                "description": f"The {kind} token, in the cookie that a login sets.",
            }
    if site.in_cookies and site.csrf:
        found[CSRF] = {
            "type": "apiKey",
            "in": "header",
            "name": csrf_header(),
            "description": "Django's CSRF token, beside its cookie and an `Origin` or `Referer` of "
            "this site. `login/` and `csrf/` give it.",
        }
    return found


def needs(
    kind: str, *, asks_csrf: bool, is_optional: bool = False, in_header: bool = True
) -> list[dict[str, list[str]]]:
    """Return the Security Requirement Objects of what takes a token of this kind, one of a list.

    Raises `ImproperlyConfigured`.
    """
    site = Site.present()
    name = ACCESS if kind == "access" else REFRESH
    csrf: dict[str, list[str]] = {CSRF: []} if asks_csrf and site.csrf and site.in_cookies else {}
    found: list[dict[str, list[str]]] = [{name: []}] if site.in_json and in_header else []
    found += [
        {_scheme_of_cookie(name, number): [], **csrf} for number, _ in enumerate(site.cookies(kind))
    ]
    if is_optional:
        found.append(csrf)
        if csrf and site.modes[0] == "JSON":  # what a request without any token is answered as
            found.append({})
    return found


def csrf_header() -> str:
    """Return the name of the header that carries Django's CSRF token."""
    name = str(settings.CSRF_HEADER_NAME).removeprefix("HTTP_").replace("_", "-").title()
    return name.replace("-Csrf", "-CSRF").replace("token", "Token")


def _kinds() -> list[tuple[str, str]]:
    access, refresh = (ACCESS, "access"), (REFRESH, "refresh")
    # A refresh token opens nothing where tokens are only verified.
    return [access] if conf.is_verifier() else [access, refresh]


def _scheme_of_cookie(name: str, number: int) -> str:
    return f"{name}{_COOKIE}{number + 1 if number else ''}"
