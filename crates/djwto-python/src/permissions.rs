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
        if omitted.is_some_and(|omitted| omitted.is(PyBool::new(py, true))) {
            return self.verdict(Carried::<[&str; 0]>::Omitted);
        }
        match user.get_item(intern!(py, "perms"))? {
            Some(permissions) => self.check_list(&permissions),
            None => self.verdict(Carried::<[&str; 0]>::Invalid),
        }
    }

    fn check_list(&self, permissions: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(list) = permissions.cast::<PyList>() else {
            return self.verdict(Carried::<[&str; 0]>::Invalid);
        };
        let items: SmallVec<[Bound<'_, PyAny>; 32]> = list.iter().collect();
        let texts = items.iter().map(|item| item.cast::<PyString>().ok()?.to_str().ok());
        match texts.collect::<Option<SmallVec<[&str; 32]>>>() {
            Some(texts) => self.verdict(Carried::List(texts)),
            None => self.verdict(Carried::<[&str; 0]>::Invalid),
        }
    }
}

impl RequiredPermissions {
    fn verdict<'p>(&self, carried: Carried<impl IntoIterator<Item = &'p str>>) -> PyResult<bool> {
        check(&self.0, carried)
            .map(|verdict| verdict == Verdict::Granted)
            .map_err(|code| failure(&code.into()))
    }
}
