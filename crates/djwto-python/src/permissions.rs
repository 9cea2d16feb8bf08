//! `djwto._core.RequiredPermissions`.

use djwto_core::token::permissions::{Carried, Verdict, check};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString};
use smallvec::SmallVec;

use crate::convert::failure;

/// The permissions that a guard requires.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct RequiredPermissions(Vec<String>);

#[pymethods]
impl RequiredPermissions {
    #[new]
    fn new(permissions: Vec<String>) -> Self {
        Self(permissions)
    }

    fn check(&self, user: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = user.py();
        let omitted = user.get_item(intern!(py, "perms_omitted"))?;
        let is_omitted = omitted.is_some_and(|omitted| omitted.is(PyBool::new(py, true)));
        self.verdict(is_omitted, user.get_item(intern!(py, "perms"))?.as_ref())
    }

    fn check_list(&self, permissions: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.verdict(false, Some(permissions))
    }
}

impl RequiredPermissions {
    fn verdict(&self, is_omitted: bool, permissions: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let list = permissions.and_then(|permissions| permissions.cast::<PyList>().ok());
        let items: Option<Items<'_>> = list.map(|list| list.iter().collect());
        let texts = items.as_ref().and_then(|items| items.iter().map(text).collect());
        check(&self.0, Carried::<Texts<'_>>::of(is_omitted, texts))
            .map(|verdict| verdict == Verdict::Granted)
            .map_err(|code| failure(&code.into()))
    }
}

type Items<'py> = SmallVec<[Bound<'py, PyAny>; 32]>;
type Texts<'i> = SmallVec<[&'i str; 32]>;

fn text<'i>(item: &'i Bound<'_, PyAny>) -> Option<&'i str> {
    item.cast::<PyString>().ok()?.to_str().ok()
}
