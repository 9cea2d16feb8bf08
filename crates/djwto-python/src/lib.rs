//! The Python binding of `djwto-core`: conversion. `_core.pyi` describes it.

mod convert;
mod engine;
mod keys;
mod outputs;
mod password;
mod paths;
mod permissions;
mod read_claims;
mod renewals;
mod revocations;
mod write_claims;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use djwto_core::http::form::{self, Field};
use djwto_core::{Algorithm, Code, Kind, Mode};

/// The Rust engine of djwto.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::keys::{KeyRing, generate_jwk};
    #[pymodule_export]
    use crate::outputs::{Authenticated, CacheInfo, SetCookie, Token};
    #[pymodule_export]
    use crate::password::pbkdf2_sha256;
    #[pymodule_export]
    use crate::paths::is_script_name;
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
    use crate::{algorithms, check_jwt_type, codes, jwt_type, modes, read_fields, session_of};
}

/// Every failure: slug, HTTP status, sentence with `{}` for its detail, meaning.
#[pyfunction]
fn codes() -> Vec<(&'static str, u16, &'static str, &'static str)> {
    Code::ALL
        .iter()
        .map(|code| (code.slug(), code.status(), code.sentence(), code.meaning()))
        .collect()
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

/// The members of a JSON object that stands for a form.
#[pyfunction]
fn read_fields(text: &[u8], most: Option<usize>) -> PyResult<Vec<Field>> {
    djwto_core::http::form::read_fields(text, most)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Checks the field `jwt_type` of an endpoint that takes a token of this kind.
#[pyfunction]
fn check_jwt_type(given: Option<&str>, wanted: &str) -> PyResult<()> {
    form::check_jwt_type(given, convert::kind(wanted)?).map_err(|error| convert::failure(&error))
}

/// The kind that the field `jwt_type` names.
#[pyfunction]
fn jwt_type(given: Option<&str>) -> PyResult<&'static str> {
    form::jwt_type(given).map(Kind::name).map_err(|error| convert::failure(&error))
}
