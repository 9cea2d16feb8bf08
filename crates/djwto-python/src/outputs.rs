//! What an engine hands out: frozen, and without rules.

use djwto_core::SessionId;
use djwto_core::engine;
use djwto_core::http::{self, SameSite};
use djwto_core::policy::Audience;
use djwto_core::token::issue::RegisteredClaims;
use djwto_core::token::{cache, issue};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

/// A request's token, verified.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Authenticated {
    #[pyo3(get)]
    pub(crate) claims: Py<PyDict>,
    pub(crate) session: SessionId,
    #[pyo3(get)]
    pub(crate) token: Py<PyString>,
    #[pyo3(get)]
    pub(crate) mode: &'static str,
}

impl Authenticated {
    pub(crate) fn of<'py>(
        py: Python<'py>,
        seen: engine::Authenticated<'_, PyResult<Bound<'py, PyDict>>>,
    ) -> PyResult<Self> {
        // A token is ASCII, as it verified.
        let token = PyString::from_bytes(py, seen.found.token)?.unbind();
        let (claims, mode) = (seen.claims?.unbind(), seen.found.mode.name());
        Ok(Self { claims, session: seen.session, token, mode })
    }
}

#[pymethods]
impl Authenticated {
    /// By name when it is asked for: most views do not ask.
    #[getter]
    fn session(&self) -> String {
        self.session.to_string()
    }
}

/// A signed token.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Token(pub(crate) issue::Token);

#[pymethods]
impl Token {
    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    #[getter]
    fn payload(&self) -> &str {
        self.0.payload()
    }
}

/// One cookie to set or to clear.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct SetCookie(pub(crate) http::SetCookie);

#[pymethods]
impl SetCookie {
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn value(&self) -> &str {
        &self.0.value
    }

    #[getter]
    fn max_age(&self) -> Option<u64> {
        self.0.max_age
    }

    #[getter]
    fn path(&self) -> &str {
        &self.0.path
    }

    #[getter]
    fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    #[getter]
    fn http_only(&self) -> bool {
        self.0.http_only
    }

    #[getter]
    fn expires(&self) -> Option<&'static str> {
        self.0.expires
    }

    #[getter]
    fn same_site(&self) -> Option<&'static str> {
        self.0.same_site.map(SameSite::name)
    }
}

/// What the cache holds, and how it fares.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct CacheInfo(pub(crate) cache::CacheInfo);

#[pymethods]
impl CacheInfo {
    #[getter]
    fn entries(&self) -> usize {
        self.0.entries
    }

    #[getter]
    fn bytes(&self) -> usize {
        self.0.bytes
    }

    #[getter]
    fn hits(&self) -> u64 {
        self.0.hits
    }

    #[getter]
    fn misses(&self) -> u64 {
        self.0.misses
    }
}

/// The registered claims of a new token, as Python has them.
pub(crate) fn registered_dict<'py>(
    py: Python<'py>,
    claims: &RegisteredClaims,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    // Interned, so that the names of one token are those of the next, which `write_claims` looks for.
    let text = |name: &Bound<'py, PyString>, value: &Option<String>| match value {
        Some(value) => dict.set_item(name, value),
        None => Ok(()),
    };
    text(intern!(py, "iss"), &claims.issuer)?;
    text(intern!(py, "sub"), &claims.subject)?;
    text(intern!(py, "jti"), &claims.id)?;
    text(intern!(py, "tenant"), &claims.tenant)?;
    match &claims.audience {
        Some(Audience::One(one)) => dict.set_item(intern!(py, "aud"), one)?,
        Some(Audience::Several(several)) => dict.set_item(intern!(py, "aud"), several)?,
        None => {}
    }
    for (name, time) in [
        (intern!(py, "iat"), claims.issued_at),
        (intern!(py, "nbf"), claims.not_before),
        (intern!(py, "exp"), claims.expires),
        (intern!(py, "refresh_iat"), claims.refresh_issued_at),
    ] {
        if let Some(time) = time {
            dict.set_item(name, time)?;
        }
    }
    dict.set_item(intern!(py, "sid"), &claims.session)?;
    if let Some(generation) = claims.generation {
        dict.set_item(intern!(py, "gen"), generation)?;
    }
    dict.set_item(intern!(py, "type"), claims.kind.name())?;
    Ok(dict)
}
