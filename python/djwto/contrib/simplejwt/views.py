"""Simplejwt's endpoints with djwto's sessions: the same bodies and the same errors."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.utils.datastructures import MultiValueDict
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from djwto import (
    _core,
    conf,
    logouts,
    renewal,
    request_body,
    sessions,
    signals,
    stores,
    tenants,
    views,
)
from djwto.contrib.simplejwt import config, old_tokens, refusals, serializers
from djwto.exceptions import JWTError, JWTIssueError, JWTValidationError
from djwto.formats import OtherToken
from djwto.models import JWTBlacklist

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

_log = logging.getLogger("djwto")


class Fields:
    """The fields of a body. Its `repr` shows no value, because error trackers show variables."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __repr__(self) -> str:
        return "Fields(…)"


@method_decorator(sensitive_post_parameters(), name="dispatch")
class TokenViewBase(GenericAPIView[Any]):
    """The base class of the four views."""

    www_authenticate_realm = "api"
    permission_classes = ()
    authentication_classes = ()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, without a transaction around it: a refusal may end a session."""
        view = super().as_view(**initkwargs)
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(view)
        return view

    def get_authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Return the challenge of a 401."""
        return refusals.challenge(self.www_authenticate_realm)

    def handle_exception(self, exc: Exception) -> Response:
        """Return the reply of simplejwt; 503 while the database is down."""
        if isinstance(exc, JWTError):
            exc = refusals.at_endpoint(exc)
        elif stores.is_gone(exc):
            _log.exception("The database failed at %s.%s", self.request.path, stores.advice(exc))
            stores.let_go(exc)
            exc = refusals.other(JWTError.of("store_unavailable"))
        return super().handle_exception(exc)

    def fields(self, request: Request) -> Fields:
        """Read the body. Raises REST framework's `ValidationError` and `ParseError`."""
        try:
            serializer = self.get_serializer(data=request.data)
        except RecursionError:
            raise ParseError from None
        serializer.is_valid(raise_exception=True)
        return Fields(serializer.validated_data)


class TokenObtainPairView(TokenViewBase):
    """Takes the credentials of a user, and returns an access and a refresh token."""

    serializer_class = serializers.TokenObtainPairSerializer

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Log in, in JSON mode."""
        inner = _inner(request)
        _fill(inner, self.fields(request))
        try:
            return _reply(views.log_in(inner, "JSON", anew=True))
        except JWTError as error:
            if error.code != "credentials_invalid":
                raise refusals.other(error) from None
        raise refusals.no_account()


class TokenRefreshView(TokenViewBase):
    """Takes a refresh token, and returns a new access token."""

    serializer_class = serializers.TokenRefreshSerializer

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Renew; with `ROTATE_REFRESH_TOKENS` the refresh token too."""
        inner, rotates = _inner(request), config.rotates()
        seen = _of_refresh(inner, self.fields(request))
        is_old = isinstance(seen, OtherToken)
        try:
            issued = renewal.renew(
                inner,
                seen,
                sender="UpdateRefreshView" if rotates else "RefreshAccessView",
                extends_refresh=rotates,
                keeps_presented=is_old and not config.value("BLACKLIST_AFTER_ROTATION"),
            )
        except JWTIssueError:
            if not is_old:
                raise
            # Its other claims, which are copied, make tokens that djwto does not issue.
            _log.exception("Cannot renew a refresh token of simplejwt.")
            raise JWTError.of("token_malformed") from None
        signal = signals.jwt_refresh_updated if rotates else signals.jwt_access_refreshed
        signal.send(
            sender="UpdateRefreshView" if rotates else "RefreshAccessView",
            request=inner,
            refresh_claims=issued.refresh_claims,
            access_claims=issued.access_claims,
        )
        if rotates:
            return Response(
                {"access": issued.access.text, "refresh": issued.refresh_text}, headers=_NO_STORE
            )
        return Response({"access": issued.access.text}, headers=_NO_STORE)


class TokenVerifyView(TokenViewBase):
    """Takes a token, and says whether it is good."""

    serializer_class = serializers.TokenVerifySerializer

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """Verify a token of either kind, and that its session goes on."""
        fields = self.fields(request)
        try:
            _check_either(_inner(request), fields)
        except JWTError as error:
            if error.code not in _ENDED or isinstance(error, old_tokens.OldTokenError):
                raise
            raise ValidationError({"non_field_errors": [_("Token is blacklisted")]}) from None
        return Response({})


class TokenBlacklistView(TokenViewBase):
    """Takes a refresh token, and ends its session."""

    serializer_class = serializers.TokenBlacklistSerializer

    def post(self, request: Request, *_args: Any, **_kwargs: Any) -> Response:
        """End the session of a refresh token."""
        inner, fields = _inner(request), self.fields(request)
        try:
            claims = _own(inner, fields, "refresh").claims
        except JWTValidationError as error:
            settings, found = _old(fields, "refresh", "refresh", error)
            is_ended = _end_old(inner, settings, found)
        else:
            is_ended = logouts.log_out(inner, claims, "JSON")
        if not is_ended:
            raise JWTError.of("token_blacklisted")
        return Response({})


def _end_old(request: HttpRequest, settings: config.Config, found: dict[str, Any]) -> bool:
    """End the session of an old refresh token. Returns False if it had ended before."""
    jti = found[settings.jti_claim]
    user = old_tokens.find_any(settings, found, fresh=True)
    if user is None:
        JWTBlacklist.add({"jti": jti, "exp": found["exp"]})
        is_ended = True
    else:
        claims = old_tokens.as_claims(settings, found, user, "refresh")
        is_ended = logouts.log_out(request, claims, "JSON")
    # Last: once it is there, a client that sends the token again is refused.
    old_tokens.blacklist_there(jti)
    return is_ended


def _inner(request: Request) -> HttpRequest:
    return request._request  # noqa: SLF001


def _fill(request: HttpRequest, fields: Fields) -> None:
    """Put the credentials where djwto's hooks and its throttle read them."""
    name = get_user_model().USERNAME_FIELD
    form = {"username": [fields[name]], name: [fields[name]], "password": [fields["password"]]}
    request_body.fill(request, form)
    request._files = MultiValueDict()  # type: ignore[attr-defined]  # noqa: SLF001


def _reply(response: Any) -> Response:
    return Response(json.loads(response.content), headers=_NO_STORE)


def _own(request: HttpRequest, fields: Fields, name: str) -> _core.Authenticated:
    """Verify a refresh token of djwto. Raises `JWTValidationError`.

    The database says later whether its session was ended.
    """
    tenant = tenants.of(request) or None
    return conf.engine().authenticate(
        f"Bearer {fields[name]}", None, "refresh", time.time(), tenant=tenant, allow_revoked=True
    )


def _old(
    fields: Fields, name: str, kind: str | None, refused: JWTValidationError
) -> tuple[config.Config, dict[str, Any]]:
    """Verify a token of simplejwt that djwto has refused.

    Raises `JWTError`; it raises `refused` again if the token is not simplejwt's.
    """
    settings = config.current()
    claims = None
    if settings is not None and config.is_on():
        with suppress(JWTValidationError):
            payload = settings.keys.payload_of(fields[name])
            claims = old_tokens.parsed(settings, payload)
    if settings is None or claims is None:
        raise refused.with_traceback(None) from None
    old_tokens.check(settings, claims, kind)
    return settings, claims


def _of_refresh(request: HttpRequest, fields: Fields) -> Any:
    """Verify the refresh token of a body: djwto's, or one of simplejwt's. Raises `JWTError`."""
    try:
        return _own(request, fields, "refresh")
    except JWTValidationError as error:
        settings, found = _old(fields, "refresh", "refresh", error)
        user = old_tokens.find(settings, found, fresh=True)
        claims = old_tokens.as_claims(settings, found, user, "refresh")
        return OtherToken(claims, str(sessions.session_id_of(claims)), fields["refresh"], user)


def _check_either(request: HttpRequest, fields: Fields) -> None:
    """Verify a token of either kind, whose session goes on. Raises `JWTError`."""
    try:
        tenant = tenants.of(request) or None
        claims = conf.engine().decode(fields["token"], None, time.time(), tenant=tenant)
    except JWTValidationError as error:
        if error.code == "token_blacklisted":
            raise
        settings, found = _old(fields, "token", None, error)
        # As simplejwt does it, without a look at the user.
        claims = {"jti": found[settings.jti_claim]}
        if JWTBlacklist.is_blacklisted(claims["jti"]) or old_tokens.is_blacklisted_there(claims):
            raise JWTError.of("token_blacklisted") from None
    if claims.get("type") == "refresh":
        renewal.check(_own(request, fields, "token"))
    elif not sessions.is_live(claims):
        raise JWTError.of("token_blacklisted")


_ENDED = ("token_blacklisted", "refresh_reused", "refresh_superseded", "session_unknown")
_NO_STORE = dict([_core.NO_STORE])
