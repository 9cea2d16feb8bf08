"""The endpoints. A failure in any of them becomes JSON in one place."""

import hashlib
import logging
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.utils.http import quote_etag
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from djwto import (
    _core,
    access,
    admission,
    authentication,
    conf,
    csrf,
    exceptions,
    logouts,
    receivers,
    renewal,
    request_body,
    responses,
    returns,
    sessions,
    signals,
    state,
    stores,
    tenants,
    throttle,
    times,
    tokens,
    user_rows,
)
from djwto.exceptions import JWTError
from djwto.formats import OtherToken
from djwto.forms import LoginForm
from djwto.keys.files import JWKS_SECONDS
from djwto.models import ENDED_BY_USER, LOGOUT, Session
from djwto.responses import build_tokens_response

__all__ = [
    "BlackListTokenView",
    "CsrfTokenView",
    "EndSessionView",
    "GetTokensView",
    "JwksView",
    "LogoutAllView",
    "PasswordChangeView",
    "RefreshAccessView",
    "ReturnView",
    "SessionView",
    "SessionsView",
    "UpdateRefreshView",
    "ValidateTokensView",
    "build_tokens_response",
]

_MOST_SESSIONS = 100
"""The most sessions in a list. A program may open any number of them."""

_DJANGO_AUTH = "django.contrib.auth"
"""The sender of `user_login_failed`, as in Django."""
_CLEANSED = "*" * 20
"""The value that Django's `user_login_failed` has instead of a password."""
_NEW_PASSWORD = frozenset(("new_password1", "new_password2"))
"""The fields of a password change whose errors are not wrong guesses at the old password."""

_log = logging.getLogger("djwto")


# Refusals must be JSON, so the views check CSRF themselves.
@method_decorator(
    [csrf_exempt, login_not_required, sensitive_post_parameters()],
    name="dispatch",
)
class Endpoint(View):
    """The base class of the endpoints: it reads the body, and answers failures as JSON."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view, without a transaction around it.

        With `ATOMIC_REQUESTS`, Django would answer with an HTML page while the database is down.
        """
        view: Any = super().as_view(**initkwargs)
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(view)
        view.djwto_endpoint = True  # `JWTMiddleware` leaves it alone
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the reply, also for an exception. No cache keeps it unless the view allows it."""
        # An endpoint verifies the token by itself, after `JWTMiddleware` too.
        csrf.ask_again(request)
        state.of(request).settle()
        try:
            response = self._answer(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 (a client must see JSON, and no reason)
            response = _failed(request, error)
        response.headers.setdefault(*_core.NO_STORE)
        return response

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method == "POST" and hasattr(self, "post"):
                request_body.read(request)
            return super().dispatch(request, *args, **kwargs)
        except JWTError as error:
            if error.code == "csrf_failed":
                # Code that sees the reply must not take the request for one of the token's user.
                access.make_anonymous(request)
            return responses.refusal(error)

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """Return 405 as JSON, with the header `Allow`."""
        response = responses.refusal(JWTError.of("method_not_allowed", str(request.method)[:32]))
        response["Allow"] = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return response


class GetTokensView(Endpoint):
    """`login/`: checks credentials, and returns tokens."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log in, in the mode that the field `mode` asks for."""
        request_body.unify_name(request)
        mode = conf.engine().offered_mode(request.POST.get("mode"))
        if mode != "JSON" and conf.current().csrf:
            csrf.check_login(request)
        return log_in(request, mode)


class ValidateTokensView(Endpoint):
    """`validate_access/` and `validate_refresh/`: says whether a token is good.

    Its session must be live too, by the database.
    """

    kind = "access"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Validate the token of this view's kind."""
        try:
            admission.authenticate_live(request, self.kind)
        except JWTError as error:
            # Nothing is renewed here, so a conflict (409) would mislead.
            is_conflict = error.code == "refresh_superseded"
            raise (JWTError.of("refresh_reused") if is_conflict else error) from None
        signals.jwt_token_validated.send(sender="ValidateTokensView", request=request)
        return JsonResponse({"msg": "Token is valid"})


class RefreshAccessView(Endpoint):
    """`refresh_access/`: renews a refresh token into an access token.

    The `iat` and `exp` of the refresh token stay.
    """

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue an access token, with the present data of the user."""
        seen = admission.authenticate_form(request, "refresh")
        issued = _renewed_access(request, seen)
        message = "Access token successfully refreshed."
        return build_tokens_response(request, issued, seen.mode, message)


class ReturnView(Endpoint):
    """`return/`: renews the session of a browser that a guard sent here, and sends it back.

    A guard on another host, such as djwto-server, never gets the refresh cookie. So it redirects a
    browser whose access token has expired to this address.

    No CSRF token is asked for, because a navigation cannot carry one. A page of another site can
    open this address too. It then reads neither the cookies nor the next address, and a renewal
    changes nothing for the user.
    """

    # No HEAD: only a browser that shows the next page has a use for a renewal.
    http_method_names = ["get", "options"]  # noqa: RUF012 (as in Django)

    def get(self, request: HttpRequest) -> HttpResponse:
        """Renew the tokens and redirect to `next`, or to the login page without a session."""
        returns.check_navigation(request)
        target = returns.target(request)
        if access.answering_mode(request) == "JSON":
            return returns.to_login(target)  # no cookie to renew
        try:
            seen = access.authenticate(request, "refresh", allow_revoked=True)
            issued = _renewed_access(request, seen)
        except JWTError as error:
            return returns.unrenewed(error, target)
        return responses.set_tokens(request, returns.to(target), issued, seen.mode)


class UpdateRefreshView(Endpoint):
    """`update_refresh/`: renews a refresh token into both tokens, with a new lifetime."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue both tokens of the session anew."""
        seen = admission.authenticate_form(request, "refresh")
        sender = "UpdateRefreshView"
        issued = renewal.renew(request, seen, sender=sender, extends_refresh=True)
        _tell(signals.jwt_refresh_updated, sender, request, issued)
        message = "Refresh token successfully updated."
        return build_tokens_response(request, issued, seen.mode, message)


class BlackListTokenView(Endpoint):
    """`logout/`: POST ends the session of a refresh token; DELETE also clears the cookies."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Blacklist the refresh token."""
        seen = admission.authenticate_form(request, "refresh")
        if "jti" not in seen.claims:
            raise JWTError.of("jti_missing")
        if not logouts.log_out(request, seen.claims, seen.mode):
            raise JWTError.of("already_blacklisted")
        return JsonResponse({"msg": "Token successfully blacklisted."})

    def delete(self, request: HttpRequest) -> HttpResponse:
        """Clear the cookies, and end the session if a good token names one."""
        named, mode = logouts.named(request)
        if csrf.is_needed(request, mode):
            csrf.check(request)
        for seen in named:
            is_of_djwto = not isinstance(seen, OtherToken)
            logouts.log_out(request, seen.claims, mode, is_of_djwto=is_of_djwto)
        if mode == "JSON":
            return HttpResponse(status=204)
        response = JsonResponse({"msg": "Tokens successfully deleted."})
        return responses.clear_cookies(request, response)


class SessionsView(Endpoint):
    """`sessions/`: lists the sessions of the user of a refresh token."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the user's sessions, the latest first."""
        seen = _of_session(request)
        current = UUID(seen.session)
        rows = [
            {
                "id": str(row.pk),
                "device": row.device,
                "address": row.address,
                "created_at": times.as_datetime(row.created_at),
                "last_used_at": times.as_datetime(row.renewed_at),
                "current": row.pk == current,
                "renewed_elsewhere_at": times.as_datetime(row.renewed_elsewhere_at),
            }
            for row in _own(seen)[:_MOST_SESSIONS]
        ]
        return JsonResponse({"sessions": rows})


class EndSessionView(Endpoint):
    """`sessions/<id>/`: ends one session of the user."""

    def delete(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End the session, which may be the present one. 404 if it is not the user's own."""
        seen = _of_session(request)
        is_own = _own(seen).filter(pk=pk).exists()
        if not is_own or not sessions.end(pk, reason=ENDED_BY_USER):
            raise JWTError.of("session_not_found")
        response = JsonResponse({"msg": "Session successfully ended."})
        is_present = pk == UUID(seen.session)
        return _forgotten(request, response, seen.mode) if is_present else response


class LogoutAllView(Endpoint):
    """`logout_all/`: ends all sessions of the user, or all others."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the sessions. With the field `others`, the present one goes on."""
        seen = admission.authenticate_live(request, "refresh")
        user = user_rows.find_user(seen.claims["user"]["id"], active=False, fresh=True)
        if user is None:
            raise JWTError.of("user_inactive")
        others = request.POST.get("others", "").lower() in ("true", "1", "on")
        if not others and "sid" not in seen.claims:
            logouts.end_session(seen.claims, seen.mode)
        kept, tenant = UUID(seen.session) if others else None, tenants.of_claims(seen.claims)
        ended = sessions.end_others(user, tenant, kept, LOGOUT)
        response = JsonResponse({"msg": "Sessions successfully ended.", "ended": ended})
        if not others:
            user_logged_out.send(sender=user.__class__, request=request, user=user)
            _forgotten(request, response, seen.mode)
        return response


class PasswordChangeView(Endpoint):
    """Changes the password of the user of an access token, and ends the user's other sessions.

    `djwto.urls` does not have it. Add it: `path("password/", PasswordChangeView.as_view())`.
    """

    form_class = PasswordChangeForm

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take `old_password`, `new_password1` and `new_password2`."""
        seen = admission.authenticate_live(request, "access")
        user = user_rows.find_user(seen.claims["user"]["id"], fresh=True)
        if user is None:
            raise JWTError.of("user_inactive")
        form = self.form_class(user, request.POST)
        with throttle.counted(request, user_rows.name_of(user)):
            if form.errors.keys() - _NEW_PASSWORD:
                raise _password_refused(form)
        if not form.is_valid():
            raise _password_refused(form)
        receivers.keep_session(user, UUID(seen.session))
        # In one database, the password and the ends of sessions commit together. In two, a session
        # that is left over ends at its next renewal.
        with throttle.hashing(), transaction.atomic(using=Session.rows().db):
            form.save()
        return JsonResponse({"msg": "Password successfully changed."})


class SessionView(Endpoint):
    """`session/`: returns the claims of the user, for a page that cannot read the cookies."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the claims of the present access token, if its session is live."""
        return JsonResponse({"claims": admission.authenticate_live(request, "access").claims})


class CsrfTokenView(Endpoint):
    """`csrf/`: returns the CSRF token, for a page on another origin."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Return the token in the body, and set its cookie."""
        return csrf.set_cookie(request, JsonResponse({"csrf_token": csrf.current_token(request)}))


class JwksView(Endpoint):
    """`.well-known/jwks.json`: returns the public keys, for services that verify tokens."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Return the JWK Set (RFC 7517 §5), or 304 if the client has it."""
        text = conf.current().keys.public_jwks()
        response = HttpResponse(text, content_type="application/jwk-set+json")
        response["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
        response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest())
        return get_conditional_response(request, response["ETag"], response=response) or response


def log_in(request: HttpRequest, mode: str, *, anew: bool = False) -> JsonResponse:
    """Log in with the credentials of the form, and return the reply. Raises `JWTError`.

    `anew` also issues new tokens to a user who is logged in already.
    """
    try:
        return _log_in(request, mode, anew=anew)
    except JWTError as error:
        if error.code != "user_changed":
            raise
    # Try once more with the new password, or with the same one if it was only hashed anew.
    return _log_in(request, mode, anew=anew)


def _log_in(request: HttpRequest, mode: str, *, anew: bool) -> JsonResponse:
    user = _authenticated(request)
    claims = None if anew else sessions.logged_in_claims(request, user, mode)
    if claims is not None:
        sessions.flush_other_user(request, user.pk)
        body: dict[str, Any] = {"msg": "User already authenticated."}
        if mode != "JSON":
            body |= {**csrf.login_extra(request, mode, rotate=False), "claims": claims}
        return csrf.set_cookie(request, JsonResponse(body))
    return sessions.login(request, user, mode=mode, amr=("pwd",))


def _authenticated(request: HttpRequest) -> Any:
    """Return the user whose credentials the form holds. Raises `JWTError` for a failed login."""
    with receivers.authenticating() as attempt:
        failure: JWTError | None = None
        try:
            with throttle.counted(request):
                return _checked_credentials(request)
        except JWTError as error:
            if error.errors is None:
                raise  # too many failed before: the credentials were not checked
            failure = error.with_traceback(None)
    # After the count: an attempt stays counted although a receiver may raise.
    if not attempt.is_announced:
        account = {"username": authentication.user_account(request), "password": _CLEANSED}
        user_login_failed.send(sender=_DJANGO_AUTH, credentials=account, request=request)
    signals.jwt_login_fail.send(sender="GetTokensView", request=request, error=str(failure))
    raise failure


def _checked_credentials(request: HttpRequest) -> Any:
    try:
        user = authentication.user_authenticate(request)
    except Exception as error:
        if not exceptions.is_failed_login(error):
            raise
        failure = exceptions.failed_login(error)
    else:
        if user is not None:
            return user
        # None means wrong credentials, as in Django's `authenticate`.
        failure = exceptions.failed_login(LoginForm(request).get_invalid_login_error())
    raise failure


def _password_refused(form: PasswordChangeForm) -> JWTError:
    error = ValidationError(form.errors.as_data())
    return JWTError.of("password_refused", exceptions.form_errors(error))


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return 503 if the database may be back later, else 500."""
    if stores.is_gone(error):
        _log.exception("The database failed at %s.%s", request.path, stores.advice(error))
        stores.let_go(error)
        return responses.refusal(JWTError.of("store_unavailable"))
    _log.exception("Failed to process the request to %s.%s", request.path, stores.advice(error))
    return responses.refusal(JWTError.of("processing_failed"))


def _forgotten(request: HttpRequest, response: JsonResponse, mode: str) -> JsonResponse:
    """Clear the token cookies that the request holds, except in JSON mode."""
    return response if mode == "JSON" else responses.clear_cookies(request, response)


def _of_session(request: HttpRequest) -> _core.Authenticated:
    """Verify the latest refresh token of a live session; there is no `jwt_type`."""
    seen = access.authenticate(request, "refresh")
    if csrf.is_needed(request, seen.mode):
        csrf.check(request)
    renewal.check(seen)
    return seen


def _own(seen: _core.Authenticated) -> QuerySet[Session]:
    return sessions.own(seen.claims["user"]["id"], tenants.of_claims(seen.claims))


def _renewed_access(request: HttpRequest, seen: _core.Authenticated) -> tokens.Issued:
    """Renew the access token, and tell receivers. Raises `JWTError`."""
    sender = "RefreshAccessView"
    issued = renewal.renew(request, seen, sender=sender, extends_refresh=False)
    _tell(signals.jwt_access_refreshed, sender, request, issued)
    return issued


def _tell(signal: Signal, sender: str, request: HttpRequest, issued: tokens.Issued) -> None:
    signal.send(
        sender=sender,
        request=request,
        refresh_claims=issued.refresh_claims,
        access_claims=issued.access_claims,
    )
