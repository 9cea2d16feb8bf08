//! Python values to Rust ones and back, and Rust errors to the exceptions of `djwto.exceptions`.

use std::borrow::Cow;
use std::fmt::Display;

use djwto_core::engine::AuthenticateError;
use djwto_core::error::Failure;
use djwto_core::session::end::Refusal;
use djwto_core::token::issue::IssueError;
use djwto_core::token::verify::VerifyError;
use djwto_core::types::{Kind, UnixTime};
use djwto_core::{Algorithm, Code, Mode};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

pyo3::import_exception!(djwto.exceptions, JWTBlacklistError);
pyo3::import_exception!(djwto.exceptions, JWTError);
pyo3::import_exception!(djwto.exceptions, JWTValidationError);
pyo3::import_exception!(djwto.exceptions, JWTIssueError);
pyo3::import_exception!(djwto.exceptions, JWTTooLargeError);
pyo3::import_exception!(djwto.exceptions, SettingError);

/// A header, or a token, as UTF-8. Django holds headers as Latin-1; every letter beyond ASCII
/// becomes bytes beyond ASCII here, and those are part of no name and no token.
pub(crate) fn header_bytes<'a>(header: &'a Bound<'_, PyString>) -> Cow<'a, [u8]> {
    match header.to_string_lossy() {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

pub(crate) fn algorithm(field: &str, name: &str) -> PyResult<Algorithm> {
    Algorithm::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|known| known.name()).collect();
        setting_error(field, &format!("expected one of {}", names.join(", ")))
    })
}

pub(crate) fn kind(name: &str) -> PyResult<Kind> {
    Kind::from_name(name).ok_or_else(|| {
        PyValueError::new_err(format!("expected \"access\" or \"refresh\", got {name:?}"))
    })
}

pub(crate) fn mode(name: &str) -> PyResult<Mode> {
    Mode::from_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("expected a mode, got {name:?}")))
}

pub(crate) fn unix_time(seconds: f64) -> PyResult<UnixTime> {
    UnixTime::new(seconds).ok_or_else(|| PyValueError::new_err("expected a finite time"))
}

pub(crate) fn setting_error(field: &str, error: &impl Display) -> PyErr {
    SettingError::new_err((field.to_owned(), error.to_string()))
}

pub(crate) fn refused(error: &AuthenticateError) -> PyErr {
    validation_error(error.code(), error)
}

pub(crate) fn not_verified(error: VerifyError) -> PyErr {
    validation_error(error.code(), &error)
}

/// A refusal of a session; `ends` of the exception says why the session must be ended.
pub(crate) fn session_refused(py: Python<'_>, refusal: Refusal) -> PyErr {
    let detail = (refusal.to_string(), refusal.code.slug());
    let error = if refusal.code == Code::TokenBlacklisted {
        JWTBlacklistError::new_err(detail)
    } else {
        JWTError::new_err(detail)
    };
    match refusal.end {
        // Should the attribute not be taken, that error says more.
        Some(reason) => {
            error.value(py).setattr(intern!(py, "ends"), reason.text()).err().unwrap_or(error)
        }
        None => error,
    }
}

pub(crate) fn not_issued(error: IssueError) -> PyErr {
    match error {
        IssueError::TooLarge => JWTTooLargeError::new_err(error.to_string()),
        error => JWTIssueError::new_err(error.to_string()),
    }
}

/// A failure that is no fault of a token.
pub(crate) fn failure(error: &Failure) -> PyErr {
    JWTError::new_err((error.to_string(), error.code.slug()))
}

/// A mistake of the project's, for the server's log.
pub(crate) fn issue_error(error: &impl Display) -> PyErr {
    JWTIssueError::new_err(error.to_string())
}

fn validation_error(code: Code, error: &impl Display) -> PyErr {
    JWTValidationError::new_err((error.to_string(), code.slug()))
}
