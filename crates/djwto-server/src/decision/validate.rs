//! Whether the token of a request to `/validate_access/` is good, as far as the request says. Django's endpoint
//! has the same order of checks: the form, the token, CSRF.

use std::sync::Arc;

use djwto_core::engine::Revoked;
use djwto_core::error::Failure;
use djwto_core::http::form::check_jwt_type;
use djwto_core::token::session_id::SessionId;
use djwto_core::{Code, Kind, Mode, UnixTime};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE};

use super::HeaderLines;
use super::decide::{Unsafe, authenticate_failure, failure};
use crate::claims::{AccessClaims, authenticate};
use crate::forwarded::{Forwarded, Invalid};
use crate::guard::{EndpointCsrf, Guard, Place};
use crate::rules::Scheme;

/// A request that was posted to an endpoint of this server, at a place that it has.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'r> {
    place: Place<'r>,
    scheme: Scheme,
    headers: &'r HeaderMap,
}

impl<'r> Posted<'r> {
    /// Finds the place of a request.
    ///
    /// # Errors
    ///
    /// [`Code::ForwardedInvalid`] and [`Code::HostUnknown`].
    pub fn new(
        guard: &'r Guard,
        forwarded: Result<Forwarded<'r>, Invalid>,
        headers: &'r HeaderMap,
    ) -> Result<Self, Failure> {
        let invalid = |invalid: Invalid| Failure::new(Code::ForwardedInvalid, invalid.0);
        let forwarded = forwarded.map_err(invalid)?;
        let scheme = Scheme::parse(forwarded.scheme).map_err(failure)?;
        let place = guard.place(scheme, forwarded.host).map_err(failure)?;
        Ok(Self { place, scheme, headers })
    }

    /// The host, as a browser names it.
    pub fn host(&self) -> &'r str {
        self.place.host
    }
}

/// A token that is good, unless its session has ended.
#[derive(Debug)]
pub struct Seen {
    /// Its session.
    pub session: SessionId,
    /// Its claims.
    pub claims: Arc<AccessClaims>,
}

/// Checks the token of a request, and CSRF. `form` has the fields of its body.
///
/// # Errors
///
/// The code of the first check that fails.
pub fn validate(
    guard: &Guard,
    posted: &Posted<'_>,
    form: &[(String, String)],
    now: UnixTime,
) -> Result<Seen, Failure> {
    let Posted { place, scheme, headers } = *posted;
    let (authorization, cookie) =
        (HeaderLines::of(headers, AUTHORIZATION), HeaderLines::of(headers, COOKIE));
    let (authorization, cookie) = (authorization.lines(), cookie.lines());
    let field = |name: &str| {
        let found = form.iter().rev().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    };
    let engine = guard.engine();
    if engine.transport().answering_mode(authorization, cookie) != Mode::Json {
        check_jwt_type(field("jwt_type"), Kind::Access)?;
    }
    // Of ended sessions the database says more than the set, and a refusal of CSRF comes first.
    let seen = authenticate(engine, authorization, cookie, place.tenant, now, Revoked::Allow)
        .map_err(|error| authenticate_failure(&error))?;
    if seen.found.mode != Mode::Json {
        match guard.endpoint_csrf() {
            EndpointCsrf::Off => {}
            EndpointCsrf::Unavailable => return Err(Code::CsrfUnavailable.into()),
            EndpointCsrf::Checked(rule) => {
                let form_token = field("csrfmiddlewaretoken");
                let request = Unsafe {
                    method: "POST",
                    scheme,
                    host: place.host,
                    is_socket: false,
                    form_token,
                };
                request.check(rule, guard, headers)?;
            }
        }
    }
    Ok(Seen { session: seen.session, claims: seen.claims })
}
