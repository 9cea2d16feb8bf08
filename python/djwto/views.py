"""The endpoints. Each view reads as the sentence of what it does; failures become JSON once."""

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
    "SessionView",
    "SessionsView",
    "UpdateRefreshView",
    "ValidateTokensView",
    "build_tokens_response",
]

_MOST_SESSIONS = 100
"""The longest list. A program that logs in again and again would make it endless."""

_DJANGO_AUTH = "django.contrib.auth"
"""The sender of `user_login_failed`, as where Django sends it."""
_CLEANSED = "*" * 20
"""What Django's `user_login_failed` has in the place of a password."""
_NEW_PASSWORD = frozenset(("new_password1", "new_password2"))
"""The fields of a change of password in which an error is no wrong guess at the old one."""

_log = logging.getLogger("djwto")


# Refusals must be JSON, so the views check CSRF themselves.
@method_decorator(
    [csrf_exempt, login_not_required, sensitive_post_parameters()],
    name="dispatch",
)
class Endpoint(View):
    """What the endpoints share: reading the body, and failures as JSON."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Make the view. No database of the settings opens a transaction around it.

        With `ATOMIC_REQUESTS`, Django would answer with an HTML page while the database is gone.
        """
        view: Any = super().as_view(**initkwargs)
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(view)
        view.djwto_endpoint = True  # `JWTMiddleware` leaves it alone
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer, after an exception too. No cache keeps the reply unless the view allows it."""
        # An endpoint decides by itself, whatever `JWTMiddleware` has found.
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
                # What looks at the reply must not take the request for one of the token's user.
                access.make_anonymous(request)
            return responses.refusal(error)

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """Answer 405 as JSON, with `Allow`."""
        response = responses.refusal(JWTError.of("method_not_allowed", str(request.method)[:32]))
        response["Allow"] = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        return response


class GetTokensView(Endpoint):
    """`login/`: credentials become tokens."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Log in, in the mode that the field `mode` asks for."""
        request_body.unify_name(request)
        mode = conf.engine().offered_mode(request.POST.get("mode"))
        if mode != "JSON" and conf.current().csrf:
            csrf.check_login(request)
        return log_in(request, mode)


class ValidateTokensView(Endpoint):
    """`validate_access/` and `validate_refresh/`: is this token good, and its session live?"""

    kind = "access"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Validate the token of this view's kind."""
        try:
            admission.authenticate_live(request, self.kind)
        except JWTError as error:
            # Nothing is renewed here, so there is nothing that is in conflict.
            is_conflict = error.code == "refresh_superseded"
            raise (JWTError.of("refresh_reused") if is_conflict else error) from None
        signals.jwt_token_validated.send(sender="ValidateTokensView", request=request)
        return JsonResponse({"msg": "Token is valid"})


class RefreshAccessView(Endpoint):
    """`refresh_access/`: a refresh token buys an access token; its own times stay as they are."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue an access token for the user as they are now."""
        seen = admission.authenticate_form(request, "refresh")
        sender = "RefreshAccessView"
        issued = renewal.renew(request, seen, sender=sender, extends_refresh=False)
        _tell(signals.jwt_access_refreshed, sender, request, issued)
        message = "Access token successfully refreshed."
        return build_tokens_response(request, issued, seen.mode, message)


class UpdateRefreshView(Endpoint):
    """`update_refresh/`: a refresh token buys a new pair, with a new lifetime."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Issue both tokens of the same session anew."""
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
    """`sessions/`: where the user of a refresh token is logged in."""

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
    """`sessions/<id>/`: one of them."""

    def delete(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End it, if it is the user's own; the present one too."""
        seen = _of_session(request)
        is_own = _own(seen).filter(pk=pk).exists()
        if not is_own or not sessions.end(pk, reason=ENDED_BY_USER):
            raise JWTError.of("session_not_found")
        response = JsonResponse({"msg": "Session successfully ended."})
        is_present = pk == UUID(seen.session)
        return _forgotten(request, response, seen.mode) if is_present else response


class LogoutAllView(Endpoint):
    """`logout_all/`: ends the sessions of a user, all or all others."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End them; with the field `others` the present one goes on."""
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
    """A new password for the user of an access token; their other sessions end.

    In no list of URLs: `path("password/", PasswordChangeView.as_view())` puts it where it fits.
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
        # In one database the password and what it means for sessions are seen together, or not at
        # all. In two, a session that is left over ends at its next renewal.
        with throttle.hashing(), transaction.atomic(using=Session.rows().db):
            form.save()
        return JsonResponse({"msg": "Password successfully changed."})


class SessionView(Endpoint):
    """`session/`: who is logged in, for a page that cannot read the cookies."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the claims of the present access token, if its session is live."""
        return JsonResponse({"claims": admission.authenticate_live(request, "access").claims})


class CsrfTokenView(Endpoint):
    """`csrf/`: the CSRF token, for a page on another origin."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the token in the body, and set its cookie."""
        return csrf.set_cookie(request, JsonResponse({"csrf_token": csrf.current_token(request)}))


class JwksView(Endpoint):
    """`.well-known/jwks.json`: the public keys, for programs that verify our tokens themselves."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Return the JWK Set (RFC 7517 §5), or 304 if the client has it."""
        text = conf.current().keys.public_jwks()
        response = HttpResponse(text, content_type="application/jwk-set+json")
        response["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
        response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest())
        return get_conditional_response(request, response["ETag"], response=response) or response


def log_in(request: HttpRequest, mode: str, *, anew: bool = False) -> JsonResponse:
    """Log in by the credentials of a form that was read. Raises `JWTError`.

    `anew` issues tokens to a user who is logged in already, too.
    """
    try:
        return _log_in(request, mode, anew=anew)
    except JWTError as error:
        if error.code != "user_changed":
            raise
    # Once more: the new password decides, or the same one where it was only hashed anew.
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
    """Give the user whose credentials the form holds. Raises `JWTError` for a failed login."""
    with receivers.authenticating() as attempt:
        failure: JWTError | None = None
        try:
            with throttle.counted(request):
                return _checked_credentials(request)
        except JWTError as error:
            if error.errors is None:
                raise  # too many failed before: the credentials were not looked at
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
        # As Django's `authenticate` says it, which a hook may just return.
        failure = exceptions.failed_login(LoginForm(request).get_invalid_login_error())
    raise failure


def _password_refused(form: PasswordChangeForm) -> JWTError:
    error = ValidationError(form.errors.as_data())
    return JWTError.of("password_refused", exceptions.form_errors(error))


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer 503 where the database may be back later, else 500."""
    if stores.is_gone(error):
        _log.exception("The database failed at %s.%s", request.path, stores.advice(error))
        stores.let_go(error)
        return responses.refusal(JWTError.of("store_unavailable"))
    _log.exception("Failed to process the request to %s.%s", request.path, stores.advice(error))
    return responses.refusal(JWTError.of("processing_failed"))


def _forgotten(request: HttpRequest, response: JsonResponse, mode: str) -> JsonResponse:
    """Let a browser forget the tokens that it has shown."""
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


def _tell(signal: Signal, sender: str, request: HttpRequest, issued: tokens.Issued) -> None:
    signal.send(
        sender=sender,
        request=request,
        refresh_claims=issued.refresh_claims,
        access_claims=issued.access_claims,
    )
