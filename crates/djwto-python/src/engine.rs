//! `djwto._core.Engine` and what it hands out.

use std::sync::Arc;
use std::time::Duration;

use djwto_core::engine::Revoked;
use djwto_core::http::{Delivery, Pair, SameSite, TransportOptions};
use djwto_core::policy::{Audience, PolicyOptions, Subject};
use djwto_core::session::login::GivenClaims;
use djwto_core::session::messages;
use djwto_core::session::rotation::Rotation;
use djwto_core::token::issue::{self, RefreshLink, RegisteredClaims};
use djwto_core::{Mode, Policy, SessionId, Transport, Wanted};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::convert::{
    failure, header_bytes, kind, mode, not_issued, not_verified, refused, setting_error, unix_time,
};
use crate::feed::HeardMessage;
use crate::keys::KeyRing;
use crate::outputs::{Authenticated, CacheInfo, SetCookie, Token, registered_dict};
use crate::read_claims::{LastStrings, PythonFace, Template};
use crate::renewals::{self, OpenedSession};
use crate::revocations::Revocations;
use crate::write_claims::{LastNames, write_claims};

/// Keys, policy and transport, checked and parsed once; and the tokens verified by them.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Engine {
    pub(crate) core: djwto_core::Engine<Template>,
    /// Whether a signature takes longer than to hand over the interpreter's lock.
    detaches: bool,
    last_strings: LastStrings,
    last_names: LastNames,
}

const ONE_SUBJECT: &str = "expected False where all tokens have one subject";
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

#[derive(FromPyObject)]
enum AudienceArgument {
    One(String),
    Several(Vec<String>),
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, keys, issuer, subject, audience,
        issued_at, jti, access_lifetime, refresh_lifetime, not_before, modes, refresh_path,
        same_site, domain, cache_entries, cache_bytes, accept_legacy = true,
        rotation = "cookies", refresh_grace = DEFAULT_GRACE, revocations = None,
        user_as_subject = false, cookie_prefix = "", public_path = "", session_lifetime = None,
        schemes = Vec::new()))]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "keyword arguments, one for each setting"
    )]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
    fn new(
        keys: &KeyRing,
        issuer: Option<String>,
        subject: Option<String>,
        audience: Option<AudienceArgument>,
        issued_at: bool,
        jti: bool,
        access_lifetime: Option<Duration>,
        refresh_lifetime: Option<Duration>,
        not_before: Duration,
        modes: Vec<String>,
        refresh_path: String,
        same_site: Option<&str>,
        domain: Option<String>,
        cache_entries: usize,
        cache_bytes: usize,
        accept_legacy: bool,
        rotation: &str,
        refresh_grace: Duration,
        revocations: Option<&Revocations>,
        user_as_subject: bool,
        cookie_prefix: &str,
        public_path: &str,
        session_lifetime: Option<Duration>,
        schemes: Vec<String>,
    ) -> PyResult<Self> {
        let subject = match (subject, user_as_subject) {
            (Some(_), true) => return Err(setting_error("user_as_subject", &ONE_SUBJECT)),
            (None, true) => Some(Subject::User),
            (text, false) => text.map(Subject::Text),
        };
        let policy = Policy::new(PolicyOptions {
            issuer,
            subject,
            audience: audience.map(|audience| match audience {
                AudienceArgument::One(one) => Audience::One(one),
                AudienceArgument::Several(several) => Audience::Several(several),
            }),
            issued_at,
            id: jti,
            access_lifetime,
            refresh_lifetime,
            session_lifetime,
            not_before,
            leeway: Duration::ZERO,
            accept_legacy,
            rotation: rotation_argument(rotation)?,
            refresh_grace,
        })
        .map_err(|error| setting_error(error.field(), &error))?;
        let transport = Transport::new(TransportOptions {
            modes: modes.iter().map(|name| mode(name)).collect::<PyResult<_>>()?,
            refresh_path,
            same_site: same_site.map(same_site_argument).transpose()?,
            domain,
            cookie_prefix: cookie_prefix.to_owned(),
            public_path: public_path.to_owned(),
            schemes,
        })
        .map_err(|error| setting_error(error.field(), &error))?;
        let revocations = revocations.map(|set| Arc::clone(&set.0)).unwrap_or_default();
        Ok(Self {
            core: djwto_core::Engine::new(Arc::clone(&keys.ring), policy, transport)
                .with_revocations(revocations)
                .with_cache(cache_entries, cache_bytes),
            detaches: keys.ring.has_key_pairs(),
            last_strings: LastStrings::default(),
            last_names: LastNames::default(),
        })
    }

    #[getter]
    fn modes(&self) -> Vec<&'static str> {
        self.core.transport().modes().iter().map(|mode| mode.name()).collect()
    }

    #[pyo3(signature = (name = None))]
    fn offered_mode(&self, name: Option<&Bound<'_, PyString>>) -> PyResult<&'static str> {
        let name = name.map(|name| name.to_string_lossy());
        let offered = self.core.transport().offered(name.as_deref());
        offered.map(Mode::name).map_err(|error| failure(&error))
    }

    #[getter]
    fn can_sign(&self) -> bool {
        self.core.keys().can_sign()
    }

    fn cache_info(&self) -> CacheInfo {
        CacheInfo(self.core.cache_info())
    }

    #[pyo3(signature = (authorization, cookie, kind, now, *, tenant = None, allow_revoked = false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, one for each requirement")]
    fn authenticate(
        &self,
        py: Python<'_>,
        authorization: Option<&Bound<'_, PyString>>,
        cookie: Option<&Bound<'_, PyString>>,
        kind: &str,
        now: f64,
        tenant: Option<&str>,
        allow_revoked: bool,
    ) -> PyResult<Authenticated> {
        let wanted = Wanted::from(self::kind(kind)?).of_tenant(tenant);
        let now = unix_time(now)?;
        let authorization = authorization.map(header_bytes);
        let cookie = cookie.map(header_bytes);
        let revoked = if allow_revoked { Revoked::Allow } else { Revoked::Refuse };
        let (authorization, cookie) = (authorization.as_deref(), cookie.as_deref());
        let seen = self
            .core
            .authenticate_by(authorization, cookie, wanted, now, revoked, &mut self.face(py))
            .map_err(|error| refused(&error))?;
        Authenticated::of(py, seen)
    }

    #[pyo3(signature = (cookie, kind, now, *, tenant = None))]
    fn authenticate_each(
        &self,
        py: Python<'_>,
        cookie: Option<&Bound<'_, PyString>>,
        kind: &str,
        now: f64,
        tenant: Option<&str>,
    ) -> PyResult<Vec<Authenticated>> {
        let wanted = Wanted::from(self::kind(kind)?).of_tenant(tenant);
        let (cookie, now) = (cookie.map(header_bytes), unix_time(now)?);
        let face = &mut self.face(py);
        let each = self.core.authenticate_each_by(cookie.as_deref(), wanted, now, face);
        each.into_iter().map(|seen| Authenticated::of(py, seen)).collect()
    }

    fn find(
        &self,
        authorization: Option<&Bound<'_, PyString>>,
        cookie: Option<&Bound<'_, PyString>>,
        kind: &str,
    ) -> PyResult<(String, &'static str)> {
        let authorization = authorization.map(header_bytes);
        let cookie = cookie.map(header_bytes);
        let found = self
            .core
            .transport()
            .read(authorization.as_deref(), cookie.as_deref(), self::kind(kind)?)
            .map_err(|error| refused(&error.into()))?;
        Ok((String::from_utf8_lossy(found.token).into_owned(), found.mode.name()))
    }

    fn answering_mode(
        &self,
        authorization: Option<&Bound<'_, PyString>>,
        cookie: Option<&Bound<'_, PyString>>,
    ) -> &'static str {
        let authorization = authorization.map(header_bytes);
        let cookie = cookie.map(header_bytes);
        self.core.transport().answering_mode(authorization.as_deref(), cookie.as_deref()).name()
    }

    #[pyo3(signature = (token, kind, now, *, tenant = None))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyString>,
        kind: Option<&str>,
        now: f64,
        tenant: Option<&str>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let wanted = Wanted::from(kind.map(self::kind).transpose()?).of_tenant(tenant);
        let (token, now) = (header_bytes(token), unix_time(now)?);
        self.core.verify_by(&token, wanted, now, &mut self.face(py)).map_err(not_verified)?
    }

    #[pyo3(signature = (now, *, tenant = None))]
    fn login_claims<'py>(
        &self,
        py: Python<'py>,
        now: f64,
        tenant: Option<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let registered = RegisteredClaims::login(self.core.policy(), unix_time(now)?);
        let mut registered = registered.map_err(not_issued)?;
        registered.tenant = tenant;
        registered_dict(py, &registered)
    }

    #[pyo3(signature = (now, *, session = None, generation = None, refresh_iat = None,
        refresh_exp = None, ends = None, tenant = None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, one for each claim")]
    fn access_claims<'py>(
        &self,
        py: Python<'py>,
        now: f64,
        session: Option<&str>,
        generation: Option<u64>,
        refresh_iat: Option<f64>,
        refresh_exp: Option<f64>,
        ends: Option<f64>,
        tenant: Option<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let link = RefreshLink {
            session,
            generation,
            issued_at: refresh_iat.map(whole).transpose()?,
            expires: refresh_exp.map(whole).transpose()?,
            ends: ends.map(whole).transpose()?,
        };
        let registered = RegisteredClaims::access(self.core.policy(), &link, unix_time(now)?);
        let mut registered = registered.map_err(not_issued)?;
        registered.tenant = tenant;
        registered_dict(py, &registered)
    }

    #[pyo3(signature = (mode, lifetime, *, sid, iat, exp, now, tenant = None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, one for each claim")]
    fn open_session(
        &self,
        py: Python<'_>,
        mode: &str,
        lifetime: Option<Duration>,
        sid: Option<&str>,
        iat: Option<f64>,
        exp: Option<f64>,
        now: f64,
        tenant: Option<&str>,
    ) -> PyResult<OpenedSession> {
        let given = GivenClaims {
            session: sid,
            issued_at: iat.map(unix_time).transpose()?,
            expires: exp.map(unix_time).transpose()?,
            tenant,
        };
        renewals::opened(py, self, mode, lifetime, &given, now)
    }

    #[staticmethod]
    fn legacy_session(jti: &str) -> String {
        SessionId::of_legacy(jti).to_string()
    }

    fn encode(&self, py: Python<'_>, claims: &Bound<'_, PyDict>) -> PyResult<Option<String>> {
        Ok(self.signed(py, claims)?.map(issue::Token::into_text))
    }

    fn issue(&self, py: Python<'_>, claims: &Bound<'_, PyDict>) -> PyResult<Option<Token>> {
        Ok(self.signed(py, claims)?.map(Token))
    }

    fn sign(&self, py: Python<'_>, claims: String) -> PyResult<Token> {
        self.released(py, || self.core.sign(claims)).map(Token).map_err(not_issued)
    }

    // The set is extended under the interpreter's lock, as in `Revocations`.
    fn hear_ended(&self, py: Python<'_>, message: &[u8], now: f64) -> PyResult<HeardMessage> {
        let now = unix_time(now)?;
        let read = self.released(py, || messages::read(self.core.keys(), message, now));
        Ok(messages::hear(read, self.core.revocations()).into())
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
    fn sign_ended(
        &self,
        py: Python<'_>,
        ended: Vec<([u8; 16], i64)>,
        now: f64,
    ) -> PyResult<Vec<String>> {
        let now = unix_time(now)?;
        let entries: Vec<_> =
            ended.iter().map(|(id, until)| (SessionId::from_bytes(*id), *until)).collect();
        Ok(self.released(py, || messages::publish(self.core.keys(), &entries, now)))
    }

    fn bytes_over_limit(
        &self,
        mode: &str,
        refresh_bytes: usize,
        access: Option<&Token>,
    ) -> PyResult<usize> {
        let access = access.map(|token| &token.0);
        let fits = self.core.transport().fits(self::mode(mode)?, refresh_bytes, access);
        Ok(fits.map_or_else(|error| error.size.saturating_sub(error.limit), |()| 0))
    }

    fn deliver(
        &self,
        mode: &str,
        refresh: Option<&Token>,
        access: &Token,
        cookie: Option<&Bound<'_, PyString>>,
        script_prefix: &Bound<'_, PyString>,
        now: f64,
    ) -> PyResult<Vec<SetCookie>> {
        let pair = Pair { refresh: refresh.map(|token| &token.0), access: &access.0 };
        let cookie = cookie.map(header_bytes);
        let (mode, now) = (self::mode(mode)?, unix_time(now)?);
        let (transport, script_prefix) = (&self.core.transport(), script_prefix.to_string_lossy());
        Ok(match transport.deliver(mode, &pair, cookie.as_deref(), &script_prefix, now) {
            Delivery::Body => Vec::new(),
            Delivery::Cookies(cookies) => cookies.into_iter().map(SetCookie).collect(),
        })
    }

    fn clear(
        &self,
        cookie: Option<&Bound<'_, PyString>>,
        script_prefix: &Bound<'_, PyString>,
    ) -> Vec<SetCookie> {
        let cookie = cookie.map(header_bytes);
        let script_prefix = script_prefix.to_string_lossy();
        let cleared = self.core.transport().clear(cookie.as_deref(), &script_prefix);
        cleared.into_iter().map(SetCookie).collect()
    }

    fn clear_doubled(
        &self,
        cookie: Option<&Bound<'_, PyString>>,
        host: &Bound<'_, PyString>,
        path: &Bound<'_, PyString>,
        turn: u64,
    ) -> Vec<SetCookie> {
        let cookie = cookie.map(header_bytes);
        let (host, path) = (host.to_string_lossy(), path.to_string_lossy());
        let cleared = self.core.transport().clear_doubled(cookie.as_deref(), &host, &path, turn);
        cleared.into_iter().map(SetCookie).collect()
    }
}

impl Engine {
    fn face<'py>(&self, py: Python<'py>) -> PythonFace<'py, '_> {
        PythonFace { py, last_strings: &self.last_strings, detaches: self.detaches, builder: None }
    }

    fn signed(&self, py: Python<'_>, claims: &Bound<'_, PyDict>) -> PyResult<Option<issue::Token>> {
        let Some(json) = write_claims(claims, &self.last_names) else { return Ok(None) };
        self.released(py, || self.core.sign_claims(json)).map(Some).map_err(not_issued)
    }

    /// Runs without the interpreter's lock where the work takes longer than handing it over.
    fn released<T: Send>(&self, py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
        if self.detaches { py.detach(work) } else { work() }
    }
}

fn rotation_argument(name: &str) -> PyResult<Rotation> {
    Rotation::from_name(name)
        .ok_or_else(|| setting_error("rotation", &"expected \"cookies\", True or False"))
}

fn same_site_argument(name: &str) -> PyResult<SameSite> {
    SameSite::from_name(name).ok_or_else(|| {
        setting_error("same_site", &"expected \"Lax\", \"Strict\", \"None\" or None")
    })
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and fractions are cut")]
fn whole(seconds: f64) -> PyResult<i64> {
    Ok(unix_time(seconds)?.seconds() as i64)
}
