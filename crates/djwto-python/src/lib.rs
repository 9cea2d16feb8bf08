//! The Python binding of `djwto-core`: conversion. `_core.pyi` describes it.

mod convert;
mod engine;
mod feed;
mod http;
mod keys;
mod outputs;
mod password;
mod permissions;
mod read_claims;
mod renewals;
mod revocations;
mod throttle;
mod write_claims;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use djwto_core::session::end::EndReason;
use djwto_core::{Algorithm, Code, Mode};

/// The Rust engine of djwto.
#[pymodule]
mod _core {
    #[pymodule_export]
    const MARGIN_SECONDS: i64 = djwto_core::session::feed::MARGIN_SECONDS;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::feed::{EndedReader, Freshness, HeardMessage};
    #[pymodule_export]
    use crate::http::{
        Proxies, account_name, check_charset, check_fields, check_jwt_type, check_login, device,
        is_foreign, is_script_name, jwt_type, network, read_fields, read_parts, read_urlencoded,
        refusal, status_of,
    };
    #[pymodule_export]
    use crate::keys::{KeyRing, generate_jwk};
    #[pymodule_export]
    use crate::outputs::{Authenticated, CacheInfo, SetCookie, Token};
    #[pymodule_export]
    use crate::password::pbkdf2_sha256;
    #[pymodule_export]
    use crate::permissions::RequiredPermissions;
    #[pymodule_export]
    use crate::renewals::{
        OpenedSession, Renewal, RenewedClaims, check_user, end_statement, is_live, may_renew,
        unrenewable,
    };
    #[pymodule_export]
    use crate::revocations::Revocations;
    #[pymodule_export]
    use crate::throttle::{Attempt, Count};
    #[pymodule_export]
    use crate::{algorithms, codes, end_reasons, modes, session_of};

    #[pymodule_export]
    const CHALLENGE: &str = djwto_core::http::reply::CHALLENGE;
    #[pymodule_export]
    const KNOWN_ATTEMPTS: u32 = djwto_core::throttle::KNOWN_ATTEMPTS;
    #[pymodule_export]
    const NO_STORE: (&str, &str) = djwto_core::http::reply::NO_STORE;
    #[pymodule_export]
    const PRIVATE: [(&str, &str); 2] = djwto_core::http::reply::PRIVATE;
}

/// Every failure: slug, HTTP status, sentence with `{}` for its detail, meaning.
#[pyfunction]
fn codes() -> Vec<(&'static str, u16, &'static str, &'static str)> {
    Code::ALL
        .iter()
        .map(|code| (code.slug(), code.status(), code.sentence(), code.meaning()))
        .collect()
}

/// Why djwto ends sessions: the texts in the store.
#[pyfunction]
fn end_reasons() -> Vec<&'static str> {
    EndReason::ALL.map(EndReason::text).to_vec()
}

/// The names of the algorithms.
#[pyfunction]
fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect()
}

/// The session of claims: its name, or `None`.
#[pyfunction]
fn session_of(claims: &Bound<'_, PyDict>) -> PyResult<Option<String>> {
    Ok(read_claims::session_of(claims)?.map(|session| session.to_string()))
}

/// The names of the modes.
#[pyfunction]
fn modes() -> Vec<&'static str> {
    Mode::ALL.iter().map(|mode| mode.name()).collect()
}
