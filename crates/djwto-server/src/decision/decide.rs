//! The decision, step by step.

use djwto_core::engine::Revoked;
use djwto_core::error::Failure;
use djwto_core::http::csrf::{self, Csrf};
use djwto_core::http::{Found, Lines};
use djwto_core::token::assertion::{Facts, SignError};
use djwto_core::token::permissions::{self, Carried, Verdict};
use djwto_core::{Code, Mode, UnixTime};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, ORIGIN, REFERER};

use super::{Asked, Decision, Ended, HeaderLines, Keys, Known, Pass, Refused, Step, upstream};
use crate::claims::{AccessClaims, authenticate};
use crate::forwarded::Forwarded;
use crate::guard::{Guard, GuardedHost};
use crate::redirect::{is_cured_by_renewal, is_navigation, may_leave, return_url};
use crate::rules::{Access, Method, Refusal, Scheme};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SOCKET_VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");

/// Decides, or says what has to be known first.
pub fn decide<'g>(guard: &'g Guard, asked: &Asked<'_>, known: &Known, now: UnixTime) -> Step<'g> {
    let early = |refused: Refused| Step::Done(Decision::early(refused));
    let forwarded = match &asked.forwarded {
        Ok(forwarded) => forwarded,
        Err(invalid) => {
            let failure = Failure::new(Code::ForwardedInvalid, invalid.0);
            return early(Refused::new(failure));
        }
    };
    let (scheme, method, host) = match start(guard, forwarded) {
        Ok(start) => start,
        Err(refusal) => return early(Refused::new(failure(refusal))),
    };
    let host_rules = host.rules();
    let request = Request { guard, host, scheme, method, forwarded, headers: asked.headers };
    let (method, host) = (Some(method.name()), Some(host.name()));
    let (access, rule) = match host_rules.decide_numbered(request.method, forwarded.uri) {
        Ok((access, number)) => (Ok(access), Some(number)),
        Err(refusal) => (Err(failure(refusal)), None),
    };
    let outcome = match access.and_then(|access| request.decide(access, known, now)) {
        Ok(Next::Pass(pass)) => Ok(pass),
        Ok(Next::Fetch) => return Step::Fetch,
        Ok(Next::Wait) => return Step::Wait,
        Ok(Next::Ask(user)) => return Step::Ask(user),
        Err(failure) => Err(request.refused(failure)),
    };
    Step::Done(Decision { method, host, rule, outcome })
}

/// Scheme, method and host of the request.
fn start<'g>(
    guard: &'g Guard,
    forwarded: &Forwarded<'_>,
) -> Result<(Scheme, Method, GuardedHost<'g>), Refusal> {
    let scheme = Scheme::parse(forwarded.scheme)?;
    let method = Method::parse(forwarded.method)?;
    Ok((scheme, method, guard.find(scheme, forwarded.host)?))
}

/// A refusal of the rules, with the published code.
pub(super) fn failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::SchemeInvalid => Failure::new(Code::ForwardedInvalid, "X-Forwarded-Proto"),
        Refusal::MethodInvalid => Failure::new(Code::ForwardedInvalid, "X-Forwarded-Method"),
        // A refusal without a code of the list is still one.
        other => Code::from_slug(other.slug()).unwrap_or(Code::RuleMissing).into(),
    }
}

/// A request of a known host.
struct Request<'r> {
    guard: &'r Guard,
    host: GuardedHost<'r>,
    scheme: Scheme,
    method: Method,
    forwarded: &'r Forwarded<'r>,
    headers: &'r HeaderMap,
}

enum Next {
    Pass(Pass),
    Fetch,
    Wait,
    Ask(djwto_core::types::UserId<'static>),
}

impl Request<'_> {
    fn decide(&self, access: &Access, known: &Known, now: UnixTime) -> Result<Next, Failure> {
        let cookie = HeaderLines::of(self.headers, COOKIE);
        let authorization = HeaderLines::of(self.headers, AUTHORIZATION);
        let (cookie, authorization) = (cookie.lines(), authorization.lines());
        let required = match access {
            Access::Public => return Ok(Next::Pass(self.pass(cookie, authorization, true))),
            Access::Login => &[][..],
            Access::Permissions(required) => required,
        };
        let (engine, tenant) = (self.guard.engine(), self.host.rules().tenant());
        let seen = authenticate(engine, authorization, cookie, tenant, now, Revoked::Refuse);
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                return match (self.guard.may_miss_key(error.code()), known.keys) {
                    (true, Keys::MayChange) => Ok(Next::Fetch),
                    (true, Keys::Settled) if self.guard.lacks_keys() => {
                        Err(Code::StoreUnavailable.into())
                    }
                    _ => Err(authenticate_failure(&error)),
                };
            }
        };
        match known.ended {
            Ended::Fresh => {}
            Ended::Old => return Ok(Next::Wait),
            Ended::Unknown => return Err(Code::StoreUnavailable.into()),
        }
        self.check_csrf(seen.found)?;
        if let Some(user) = self.check_permissions(required, &seen.claims, known)? {
            return Ok(Next::Ask(user));
        }
        let mut pass = self.pass(cookie, authorization, false);
        if let Some(issuer) = self.guard.assertions() {
            let facts = Facts {
                issuer: issuer.name(),
                audience: self.host.rules().audience(),
                user: &seen.claims.user.to_text(),
                session: seen.session,
                access_expires: seen.claims.expires,
            };
            let place = self.host.place();
            let made = issuer.assertion(&seen.claims.assertions, place, &facts, now);
            let (assertion, is_signed) = made.map_err(SignError::code)?;
            (pass.assertion, pass.is_signed) = (Some(assertion), is_signed);
        }
        Ok(Next::Pass(pass))
    }

    /// The refusal as a page and with a redirect, where a browser shows it.
    fn refused(&self, failure: Failure) -> Refused {
        let is_navigation = is_navigation(self.method, self.headers);
        let may_help = is_navigation && is_cured_by_renewal(failure.code);
        let page = self.host.return_page().filter(|_| may_help && may_leave(self.headers));
        let redirect =
            page.map(|page| return_url(page, self.scheme, self.host.name(), self.forwarded));
        Refused { failure, is_navigation, redirect }
    }

    fn pass(&self, cookie: Lines<'_>, authorization: Lines<'_>, is_public: bool) -> Pass {
        let engine = self.guard.engine();
        let (transport, keys) = (engine.transport(), engine.keys());
        Pass {
            cookie: upstream::cookie(transport, keys, cookie),
            authorization: upstream::authorization(transport, keys, authorization, is_public),
            ..Pass::default()
        }
    }

    /// Only what a cookie has opened needs the check.
    fn check_csrf(&self, found: Found<'_>) -> Result<(), Failure> {
        if found.mode == Mode::Json {
            return Ok(());
        }
        // Over HTTP/2 a socket has no key (RFC 8441 §5).
        let is_socket =
            self.headers.contains_key(SOCKET_KEY) || self.headers.contains_key(SOCKET_VERSION);
        if !is_socket && self.method.is_safe() {
            return Ok(());
        }
        let unsafe_request = Unsafe {
            method: self.method.name(),
            scheme: self.scheme,
            host: self.host.name(),
            is_socket,
            form_token: None,
        };
        unsafe_request.check(self.host.csrf(), self.guard, self.headers)
    }

    /// The user to ask the store about, if the token does not answer.
    fn check_permissions(
        &self,
        required: &[String],
        claims: &AccessClaims,
        known: &Known,
    ) -> Result<Option<djwto_core::types::UserId<'static>>, Failure> {
        if required.is_empty() {
            return Ok(None);
        }
        match permissions::check(required, claims.permissions())? {
            Verdict::Granted => return Ok(None),
            Verdict::AskStore => {}
        }
        if !self.guard.reads_permissions() {
            return Err(Code::PermissionsUnavailable.into());
        }
        match &known.permissions {
            None => Ok(Some(claims.user.clone())),
            Some(Err(super::Unavailable)) => Err(Code::StoreUnavailable.into()),
            Some(Ok(None)) => Err(Code::PermissionsInsufficient.into()),
            Some(Ok(Some(list))) => match permissions::check(required, Carried::List(list))? {
                Verdict::Granted => Ok(None),
                Verdict::AskStore => Err(Code::PermissionsInsufficient.into()),
            },
        }
    }
}

/// A request whose token came in a cookie.
pub(super) struct Unsafe<'r> {
    pub(super) method: &'r str,
    pub(super) scheme: Scheme,
    pub(super) host: &'r str,
    pub(super) is_socket: bool,
    /// The CSRF token in a form.
    pub(super) form_token: Option<&'r str>,
}

impl Unsafe<'_> {
    pub(super) fn check(
        &self,
        rule: &Csrf,
        guard: &Guard,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let (origin, fetch_site, referer, cookie, token) = (
            HeaderLines::of(headers, ORIGIN),
            HeaderLines::of(headers, FETCH_SITE),
            HeaderLines::of(headers, REFERER),
            HeaderLines::of(headers, COOKIE),
            HeaderLines::of(headers, guard.csrf_header()),
        );
        let request = csrf::Request {
            method: self.method,
            scheme: self.scheme.name(),
            host: self.host,
            is_socket: self.is_socket,
            origin: origin.lines(),
            fetch_site: fetch_site.lines(),
            referer: referer.lines(),
            cookie: cookie.lines(),
            token: token.lines(),
            form_token: self.form_token,
        };
        Ok(rule.check(&request)?)
    }
}

/// The failure with its detail. The sentences of the core's errors are filled already, so the detail is
/// taken from the error.
pub(super) fn authenticate_failure(error: &djwto_core::engine::AuthenticateError) -> Failure {
    let code = error.code();
    let (before, after) = code.sentence().split_once("{}").unwrap_or((code.sentence(), ""));
    let sentence = error.to_string();
    let detail = sentence.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    Failure::new(code, detail.unwrap_or_default())
}
