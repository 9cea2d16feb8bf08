//! Claims as Python objects: made while the engine reads them, copied from the cache, and written.

use std::fmt::Write as _;

use djwto_core::json::Build;
use jiter::cached_py_string;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

/// Makes Python objects of the JSON that the engine reads.
pub(crate) struct Builder<'py> {
    py: Python<'py>,
    /// What Python raised, if it did: memory may run out.
    failure: Option<PyErr>,
}

impl<'py> Builder<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self { py, failure: None }
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
}

impl<'py> Build for Builder<'py> {
    type Value = Bound<'py, PyAny>;
    type Array = Vec<Bound<'py, PyAny>>;
    type Name = Bound<'py, PyString>;
    type Object = Bound<'py, PyDict>;

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
        // Permissions come again in every token: the string is there already.
        cached_py_string(self.py, value).into_any()
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
        PyDict::new(self.py)
    }
    fn name(&mut self, name: &str) -> Self::Name {
        cached_py_string(self.py, name)
    }
    fn insert(&mut self, object: &mut Self::Object, name: Self::Name, value: Self::Value) -> bool {
        let before = object.len();
        if let Err(error) = object.set_item(name, value) {
            self.failure.get_or_insert(error);
        }
        object.len() > before || self.failure.is_some()
    }
    fn end_object(&mut self, object: Self::Object) -> Self::Value {
        object.into_any()
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

/// Writes claims as JSON: ASCII only, names sorted, without spaces. `None` where there is
/// something that needs more than this: another type, or a name that is no string.
pub(crate) fn write(claims: &Bound<'_, PyDict>) -> PyResult<Option<String>> {
    let mut text = String::with_capacity(1024);
    Ok(write_dict(&mut text, claims, 0)?.map(|()| text))
}

/// `None` in the middle of a text: it is not to be used.
type Written = PyResult<Option<()>>;

/// As deep as the engine reads.
const MAX_DEPTH: usize = 200;

fn write_value(text: &mut String, value: &Bound<'_, PyAny>, depth: usize) -> Written {
    if let Ok(value) = value.cast_exact::<PyString>() {
        let Ok(value) = value.to_str() else { return Ok(None) };
        write_string(text, value);
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        let Ok(value) = value.extract::<i64>() else { return Ok(None) };
        // Writing to a string cannot fail.
        let _ = write!(text, "{value}");
    } else if let Ok(value) = value.cast_exact::<PyBool>() {
        text.push_str(if value.is_true() { "true" } else { "false" });
    } else if value.is_none() {
        text.push_str("null");
    } else if let Ok(value) = value.cast_exact::<PyDict>() {
        return write_dict(text, value, depth);
    } else if let Ok(value) = value.cast_exact::<PyList>() {
        return write_items(text, value.iter(), depth);
    } else if let Ok(value) = value.cast_exact::<PyTuple>() {
        return write_items(text, value.iter(), depth);
    } else {
        return Ok(None);
    }
    Ok(Some(()))
}

fn write_dict(text: &mut String, dict: &Bound<'_, PyDict>, depth: usize) -> Written {
    if depth == MAX_DEPTH {
        return Ok(None);
    }
    let mut members = Vec::with_capacity(dict.len());
    for (name, value) in dict.iter() {
        let Ok(name) = name.cast_into_exact::<PyString>() else { return Ok(None) };
        members.push((name, value));
    }
    let mut sorted = Vec::with_capacity(members.len());
    for (name, value) in &members {
        let Ok(name) = name.to_str() else { return Ok(None) };
        sorted.push((name, value));
    }
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let mut opening = '{';
    for (name, value) in sorted {
        text.push(opening);
        opening = ',';
        write_string(text, name);
        text.push(':');
        if write_value(text, value, depth + 1)?.is_none() {
            return Ok(None);
        }
    }
    text.push_str(if members.is_empty() { "{}" } else { "}" });
    Ok(Some(()))
}

fn write_items<'py>(
    text: &mut String,
    items: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
    depth: usize,
) -> Written {
    if depth == MAX_DEPTH {
        return Ok(None);
    }
    let mut opening = '[';
    for item in items {
        text.push(opening);
        opening = ',';
        if write_value(text, &item, depth + 1)?.is_none() {
            return Ok(None);
        }
    }
    text.push_str(if opening == '[' { "[]" } else { "]" });
    Ok(Some(()))
}

fn write_string(text: &mut String, value: &str) {
    text.push('"');
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if value.as_bytes().iter().all(plain) {
        text.push_str(value);
    } else {
        for letter in value.chars() {
            write_letter(text, letter);
        }
    }
    text.push('"');
}

fn write_letter(text: &mut String, letter: char) {
    match letter {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        ' '..='~' => text.push(letter),
        _ => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                text.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(*unit >> shift) & 0xf;
                    text.push(char::from_digit(digit, 16).unwrap_or('0'));
                }
            }
        }
    }
}
