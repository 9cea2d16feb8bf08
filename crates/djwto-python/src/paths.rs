//! Paths as browsers see them, for Python.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Whether a script name is a path of a browser's. Halves of surrogate pairs count as letters.
#[pyfunction]
pub(crate) fn is_script_name(name: &Bound<'_, PyString>) -> bool {
    djwto_core::http::is_script_name(&name.to_string_lossy())
}
