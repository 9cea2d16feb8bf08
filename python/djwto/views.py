"""The endpoints. Each view reads as the sentence of what it does; failures become JSON once."""

import hashlib
import logging
from typing import Any, cast

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.utils.http import quote_etag
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from djwto import (
    authentication,
    bodies,
    conf,
    csrf,
    exceptions,
    keyfiles,
    replies,
    sessions,
    signals,
    throttle,
    tokens,
)
from djwto.authentication import STORE_GONE, THttpRequest
from djwto.exceptions import JWTError
from djwto.models import JWTBlacklist
from djwto.replies import build_tokens_response

__all__ = [
    "BlackListTokenView",
    "CsrfTokenView",
    "GetTokensView",
    "JwksView",
    "RefreshAccessView",
    "UpdateRefreshView",
    "ValidateTokensView",
    "build_tokens_response",
]

_log = logging.getLogger("djwto")


def _never_atomic(view: Any) -> Any:
    """Exempt a view from `ATOMIC_REQUESTS` of every database that the settings name."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


# Refusals must be JSON, so the views check CSRF themselves; and the answer of a view whose
# database is gone must be ours, so no transaction is opened around it.
@method_decorator(
    [csrf_exempt, login_not_required, _never_atomic, sensitive_post_parameters()],
    name="dispatch",
)
class Endpoint(View):
    """What the endpoints share: reading the body, and failures as JSON."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, whatever happens, and let no cache keep it unless the view said so."""
        try:
            if request.method == "POST" and hasattr(self, "post"):
                bodies.read(request)
            response = super().dispatch(request, *args, **kwargs)
        except JWTError as error:
            response = replies.refusal(error)
        except STORE_GONE:
            _log.exception("the database failed at %s", request.path)
            response = replies.refusal(JWTError.of("store_unavailable"))
        except Exception:  # noqa: BLE001 (a client must see JSON, and no reason)
            _log.exception("failed to process %s", request.path)
            response = replies.refusal(JWTError.of("processing_failed"))
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """Answer 405 as JSON, with `Allow`."""
        response = replies.refusal(JWTError.of("method_not_allowed", str(request.method)[:32]))
        response["Allow"] = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return response


class GetTokensView(Endpoint):
    """`login/`: credentials become tokens."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log in, in the mode that the field `mode` asks for."""
        mode = sessions.offered_mode(request.POST.get("mode"))
        if mode != "JSON" and conf.current().csrf:
            csrf.check_login(request)
        try:
            with throttle.counted(request):
                user = authentication.user_authenticate(request)
        except PermissionDenied as error:
            raise JWTError.of("login_denied") from error
        except ValidationError as error:
            text = exceptions.form_errors(error)
            signals.jwt_login_fail.send(sender="GetTokensView", request=request, error=text)
            raise JWTError.of("credentials_invalid", text) from None
        if sessions.is_logged_in(request, user, mode):
            extra = csrf.login_extra(request, mode, rotate=False)
            reply = JsonResponse({"msg": "User already authenticated.", **extra})
            return csrf.set_cookie(request, reply)
        return sessions.login(request, user, mode=mode)


class ValidateTokensView(Endpoint):
    """`validate_access/` and `validate_refresh/`: is this token good, and its login not ended?"""

    kind = "access"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Validate the token of this view's kind."""
        _live(request, self.kind)
        signals.jwt_token_validated.send(sender="ValidateTokensView", request=request)
        return JsonResponse({"msg": "Token is valid"})


class RefreshAccessView(Endpoint):
    """`refresh_access/`: a refresh token buys an access token, and stays as it is."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue an access token for the user as he is now."""
        live = _live(request, "refresh")
        refresh_claims = live.payload
        user = authentication.find_user(refresh_claims["user"]["id"])
        if user is None:
            raise JWTError.of("access_refresh_failed")
        access_claims = tokens.access_claims_of(user, refresh_claims)
        return _renewed(
            live,
            tokens.issue(refresh_claims, access_claims, live.jwt_mode, refresh_text=live.token),
            signals.jwt_access_refreshed,
            "RefreshAccessView",
            "Access token successfully refreshed.",
        )


class UpdateRefreshView(Endpoint):
    """`update_refresh/`: a refresh token buys a new pair, with a new lifetime."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue both tokens of the same login anew."""
        live = _live(request, "refresh")
        old_claims = live.payload
        user = authentication.find_user(old_claims["user"]["id"], active=False)
        if user is None:
            raise JWTError.of("refresh_update_failed")
        if not user.is_active:
            raise JWTError.of("user_inactive")
        refresh_claims = tokens.renewed_refresh_claims(user, old_claims)
        access_claims = tokens.access_claims_of(user, refresh_claims)
        response = _renewed(
            live,
            tokens.issue(refresh_claims, access_claims, live.jwt_mode),
            signals.jwt_refresh_updated,
            "UpdateRefreshView",
            "Refresh token successfully updated.",
        )
        # Last, so that a renewal that fails leaves the old token as it was.
        JWTBlacklist.retire(old_claims, refresh_claims)
        return response


class BlackListTokenView(Endpoint):
    """`logout/`: POST ends the login of a refresh token; DELETE also makes the browser forget."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Blacklist the refresh token."""
        claims = authentication.authenticate_form(request, "refresh")
        if "jti" not in claims:
            raise JWTError.of("jti_missing")
        if not _end(request, claims):
            raise JWTError.of("already_blacklisted")
        return JsonResponse({"msg": "Token successfully blacklisted."})

    def delete(self, request: HttpRequest) -> HttpResponse:
        """Clear the cookies, and end the login if a good token names one."""
        engine = conf.engine()
        cookie = request.META.get("HTTP_COOKIE")
        claims, mode = _ending_login(request)
        if mode != "JSON" and conf.current().csrf:
            csrf.check(request)
        if claims is not None and "jti" in claims:
            _end(request, claims)
        if mode == "JSON":
            return HttpResponse(status=204)
        response = JsonResponse({"msg": "Tokens successfully deleted."})
        replies.set_cookies(response, engine.clear(cookie))
        return response


class CsrfTokenView(Endpoint):
    """`csrf/`: the CSRF token, for a page on another origin."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the token in the body, and set its cookie."""
        return csrf.set_cookie(request, JsonResponse({"csrf_token": csrf.current_token(request)}))


class JwksView(Endpoint):
    """`.well-known/jwks.json`: the public keys, for those who verify our tokens themselves."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Give the JWK Set (RFC 7517 §5), or 304 to whoever has it."""
        text = conf.current().keys.public_jwks()
        response = HttpResponse(text, content_type="application/jwk-set+json")
        response["Cache-Control"] = f"public, max-age={keyfiles.JWKS_SECONDS}"
        response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest())
        return get_conditional_response(request, response["ETag"], response=response) or response


def _live(request: HttpRequest, kind: str) -> THttpRequest:
    """The request with its claims, whose login was not ended."""
    authentication.live_claims(request, kind)
    return cast("THttpRequest", request)


def _renewed(
    request: THttpRequest, issued: tokens.Issued, signal: Any, sender: str, msg: str
) -> HttpResponse:
    signal.send(
        sender=sender,
        request=request,
        refresh_claims=issued.refresh_claims,
        access_claims=issued.access_claims,
    )
    return build_tokens_response(request, issued, request.jwt_mode, msg)


def _end(request: HttpRequest, claims: tokens.Claims) -> bool:
    if not JWTBlacklist.end(claims):
        return False
    signals.jwt_blacklisted.send(sender="BlackListTokenView", request=request, jti=claims["jti"])
    user = authentication.find_user(claims["user"]["id"], active=False)
    user_logged_out.send(sender=user.__class__, request=request, user=user)
    return True


def _ending_login(request: HttpRequest) -> tuple[tokens.Claims | None, str]:
    """The claims of whichever token is good, and the mode of the reply."""
    for kind in ("refresh", "access"):
        try:
            claims = authentication.jwt_authenticate(request, kind)
        except JWTError:
            continue
        return claims, cast("THttpRequest", request).jwt_mode
    return None, authentication.answering_mode(request)
