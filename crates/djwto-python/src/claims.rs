//! Claims as Python objects: made while the engine reads them, copied from the cache, and written.

use std::sync::{Mutex, MutexGuard};

use djwto_core::draft::Draft;
use djwto_core::json::Build;
use jiter::cached_py_string;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// The strings of the token before: those of the next are mostly the same, in the same order.
#[derive(Default)]
pub(crate) struct LastStrings(Mutex<Strings>);

type Strings = Vec<(Box<str>, Py<PyString>)>;

/// Makes Python objects of the JSON that the engine reads.
pub(crate) struct Builder<'py, 'l> {
    py: Python<'py>,
    /// None while another thread, or a finalizer under this one, is making claims.
    last: Option<MutexGuard<'l, Strings>>,
    place: usize,
    /// What Python raised, if it did: memory may run out.
    failure: Option<PyErr>,
}

impl<'py, 'l> Builder<'py, 'l> {
    pub(crate) fn new(py: Python<'py>, last: &'l LastStrings) -> Self {
        Self { py, last: last.0.try_lock().ok(), place: 0, failure: None }
    }

    /// Whether all went well.
    pub(crate) fn finish(self) -> PyResult<()> {
        self.failure.map_or(Ok(()), Err)
    }

    fn made(&mut self, made: PyResult<Bound<'py, PyAny>>) -> Bound<'py, PyAny> {
        made.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            self.py.None().into_bound(self.py)
        })
    }

    fn string(&mut self, text: &str) -> Bound<'py, PyString> {
        if text.len() > LONGEST_SHARED {
            return PyString::new(self.py, text);
        }
        let place = self.place;
        self.place += 1;
        match self.last.as_mut().map(|last| (last.len(), last.get_mut(place))) {
            Some((_, Some((known, string)))) if **known == *text => string.bind(self.py).clone(),
            Some((_, Some(other))) => {
                let string = cached_py_string(self.py, text);
                *other = (text.into(), string.clone().unbind());
                string
            }
            Some((length, None)) if length < MAX_STRINGS => {
                let string = cached_py_string(self.py, text);
                if let Some(last) = &mut self.last {
                    last.push((text.into(), string.clone().unbind()));
                }
                string
            }
            _ => cached_py_string(self.py, text),
        }
    }
}

/// Longer strings are identifiers, of which each token has its own: a UUID has 36 letters.
const LONGEST_SHARED: usize = 35;
/// More strings than this are not remembered.
const MAX_STRINGS: usize = 256;

impl<'py> Build for Builder<'py, '_> {
    type Value = Bound<'py, PyAny>;
    type Array = Vec<Bound<'py, PyAny>>;
    type Name = Bound<'py, PyString>;
    /// With the number of its members, so far.
    type Object = (Bound<'py, PyDict>, usize);

    fn null(&mut self) -> Self::Value {
        self.py.None().into_bound(self.py)
    }
    fn boolean(&mut self, value: bool) -> Self::Value {
        PyBool::new(self.py, value).to_owned().into_any()
    }
    fn integer(&mut self, value: i64) -> Self::Value {
        let made = value.into_bound_py_any(self.py);
        self.made(made)
    }
    fn big_integer(&mut self, digits: &str) -> Self::Value {
        let made = self.py.get_type::<PyInt>().call1((digits,));
        self.made(made)
    }
    fn float(&mut self, value: f64) -> Self::Value {
        PyFloat::new(self.py, value).into_any()
    }
    fn text(&mut self, value: &str) -> Self::Value {
        self.string(value).into_any()
    }
    fn array(&mut self) -> Self::Array {
        Vec::with_capacity(8)
    }
    fn push(&mut self, array: &mut Self::Array, item: Self::Value) {
        array.push(item);
    }
    fn end_array(&mut self, array: Self::Array) -> Self::Value {
        let made = PyList::new(self.py, array).map(Bound::into_any);
        self.made(made)
    }
    fn object(&mut self) -> Self::Object {
        (PyDict::new(self.py), 0)
    }
    fn name(&mut self, name: &str) -> Self::Name {
        self.string(name)
    }
    fn insert(&mut self, (dict, members): &mut Self::Object, name: Self::Name, value: Self::Value) {
        *members += 1;
        if let Err(error) = dict.set_item(name, value) {
            self.failure.get_or_insert(error);
        }
    }
    fn end_object(&mut self, (dict, members): Self::Object) -> Option<Self::Value> {
        (dict.len() == members || self.failure.is_some()).then(|| dict.into_any())
    }
}

/// Claims to copy from: nobody else holds them, so nobody else can change them.
pub(crate) struct Template {
    shape: Shape,
    bytes: usize,
}

/// A container, and the containers in it. What cannot change is shared between copies.
enum Shape {
    Dict(Py<PyDict>, Vec<(Py<PyAny>, Shape)>),
    List(Py<PyList>, Vec<(usize, Shape)>),
}

impl Template {
    /// Copies claims.
    pub(crate) fn of(claims: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut bytes = 0;
        let shape = Shape::of_dict(claims, &mut bytes)?;
        Ok(Self { shape, bytes })
    }

    /// What it takes, estimated from what the interpreter's objects take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A copy of the claims that is the caller's own.
    pub(crate) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match &self.shape {
            Shape::Dict(dict, inner) => copy_dict(py, dict, inner),
            Shape::List(..) => Ok(PyDict::new(py)), // claims are an object: never here
        }
    }
}

impl Shape {
    fn of(value: &Bound<'_, PyAny>, bytes: &mut usize) -> PyResult<Option<Self>> {
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            return Self::of_dict(dict, bytes).map(Some);
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            *bytes += LIST_BYTES + POINTER_BYTES * list.len();
            let mut inner = Vec::new();
            let copy = PyList::new(value.py(), list.iter())?;
            for (place, item) in list.iter().enumerate() {
                if let Some(shape) = Self::of(&item, bytes)? {
                    inner.push((place, shape));
                }
            }
            return Ok(Some(Self::List(copy.unbind(), inner)));
        }
        *bytes += match value.cast_exact::<PyString>() {
            Ok(text) => STRING_BYTES + text.len()?,
            Err(_) => NUMBER_BYTES,
        };
        Ok(None)
    }

    fn of_dict(dict: &Bound<'_, PyDict>, bytes: &mut usize) -> PyResult<Self> {
        *bytes += DICT_BYTES + MEMBER_BYTES * dict.len();
        let mut inner = Vec::new();
        for (name, value) in dict.iter() {
            if let Some(shape) = Self::of(&value, bytes)? {
                inner.push((name.unbind(), shape));
            }
        }
        Ok(Self::Dict(dict.copy()?.unbind(), inner))
    }

    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Dict(dict, inner) => copy_dict(py, dict, inner).map(Bound::into_any),
            Self::List(list, inner) => {
                let list = list.bind(py);
                let copy = list.get_slice(0, list.len());
                for (place, shape) in inner {
                    copy.set_item(*place, shape.copy(py)?)?;
                }
                Ok(copy.into_any())
            }
        }
    }
}

fn copy_dict<'py>(
    py: Python<'py>,
    dict: &Py<PyDict>,
    inner: &[(Py<PyAny>, Shape)],
) -> PyResult<Bound<'py, PyDict>> {
    let copy = dict.bind(py).copy()?;
    for (name, shape) in inner {
        copy.set_item(name, shape.copy(py)?)?;
    }
    Ok(copy)
}

// Of CPython 3.11 on 64 bits, allocation included.
const DICT_BYTES: usize = 184;
const MEMBER_BYTES: usize = 27;
const LIST_BYTES: usize = 72;
const POINTER_BYTES: usize = 8;
const STRING_BYTES: usize = 56;
const NUMBER_BYTES: usize = 32;

/// Writes claims. `None` where there is something that needs more than this: another type, a
/// number beyond 64 bits, or a name that is no string.
pub(crate) fn draft(claims: &Bound<'_, PyDict>) -> Option<Draft> {
    let mut draft = Draft::new();
    write_dict(&mut draft, claims, 0)?;
    Some(draft)
}

/// Deeper values are left to Django's encoder, which has a sentence for those that go round.
const MAX_DEPTH: usize = 100;

fn write_value(draft: &mut Draft, value: &Bound<'_, PyAny>, depth: usize) -> Option<()> {
    if let Ok(value) = value.cast_exact::<PyString>() {
        draft.text(value.to_str().ok()?);
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        draft.integer(value.extract().ok()?);
    } else if let Ok(value) = value.cast_exact::<PyFloat>() {
        draft.float(value.value());
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        draft.other(Some(value.is_true()));
    } else if value.is_none() {
        draft.other(None);
    } else if let Ok(value) = value.cast_exact::<PyDict>() {
        write_dict(draft, value, depth)?;
    } else if let Ok(value) = value.cast_exact::<PyList>() {
        write_items(draft, value.iter(), depth)?;
    } else if let Ok(value) = value.cast_exact::<PyTuple>() {
        write_items(draft, value.iter(), depth)?;
    } else {
        return None;
    }
    Some(())
}

fn write_dict(draft: &mut Draft, dict: &Bound<'_, PyDict>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut members = Vec::with_capacity(dict.len());
    for (name, value) in dict.iter() {
        // A subclass may be equal to what it does not spell.
        members.push((name.cast_into_exact::<PyString>().ok()?, value));
    }
    let mut sorted = Vec::with_capacity(members.len());
    for (name, value) in &members {
        sorted.push((name.to_str().ok()?, value));
    }
    sorted.sort_unstable_by_key(|(name, _)| *name);
    draft.object();
    for (name, value) in sorted {
        draft.name(name);
        write_value(draft, value, depth + 1)?;
    }
    draft.end();
    Some(())
}

fn write_items<'py>(
    draft: &mut Draft,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    draft.array();
    for item in items {
        write_value(draft, &item, depth + 1)?;
    }
    draft.end();
    Some(())
}
