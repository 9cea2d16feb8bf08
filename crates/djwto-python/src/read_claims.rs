//! Claims as Python objects: made while the engine reads them, and copied from the cache.

use std::sync::{Arc, Mutex, MutexGuard};

use djwto_core::engine::Face;
use djwto_core::json::{Build, Seen};
use djwto_core::token::claims::Claims;
use djwto_core::token::session_id::{SessionClaims, SessionId};
use djwto_core::types::{UnixTime, UserId};
use jiter::cached_py_string;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use pyo3::{IntoPyObjectExt as _, intern};

/// The strings of the token before: those of the next are mostly the same, in the same order.
#[derive(Default)]
pub(crate) struct LastStrings(Mutex<Strings>);

type Strings = Vec<(Box<str>, Py<PyString>)>;

/// The claims by which a session is named, as Python has them.
#[derive(Default)]
pub(crate) struct OwnedSessionClaims {
    session: Option<PyBackedStr>,
    id: Option<PyBackedStr>,
    user: Option<UserId<'static>>,
    issued_at: Option<UnixTime>,
    refresh_issued_at: Option<UnixTime>,
    expires: Option<UnixTime>,
    generation: Option<i64>,
    tenant: Option<PyBackedStr>,
}

impl OwnedSessionClaims {
    pub(crate) fn of<'py>(claims: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = claims.py();
        let time = |name: &Bound<'py, PyString>| -> PyResult<Option<UnixTime>> {
            Ok(claims.get_item(name)?.and_then(|value| UnixTime::of(&seen(&value))))
        };
        let generation = match claims.get_item(intern!(py, "gen"))?.as_ref().map(seen) {
            Some(Seen::Integer(generation)) => Some(generation),
            _ => None,
        };
        let session = claims.get_item(intern!(py, "sid"))?;
        let id = claims.get_item(intern!(py, "jti"))?;
        let texts: PyResult<(Option<PyBackedStr>, Option<PyBackedStr>)> = (|| {
            let text = |value: Bound<'_, PyAny>| value.extract();
            Ok((session.map(text).transpose()?, id.map(text).transpose()?))
        })();
        // An identifier that is no text names nothing.
        let Ok((session, id)) = texts else { return Ok(Self::default()) };
        Ok(Self {
            session,
            id,
            user: user_of(claims)?,
            issued_at: time(intern!(py, "iat"))?,
            refresh_issued_at: time(intern!(py, "refresh_iat"))?,
            expires: time(intern!(py, "exp"))?,
            generation,
            tenant: claims.get_item(intern!(py, "tenant"))?.and_then(|value| value.extract().ok()),
        })
    }

    pub(crate) fn borrowed(&self) -> SessionClaims<'_> {
        SessionClaims {
            session: self.session.as_deref(),
            id: self.id.as_deref(),
            user: self.user.as_ref(),
            issued_at: self.issued_at,
            refresh_issued_at: self.refresh_issued_at,
            expires: self.expires,
            generation: self.generation,
            tenant: self.tenant.as_deref(),
        }
    }
}

/// The session of claims that Python has, by the rule of the guards. `None` where they name none of
/// ours.
pub(crate) fn session_of(claims: &Bound<'_, PyDict>) -> PyResult<Option<SessionId>> {
    Ok(SessionId::of(&OwnedSessionClaims::of(claims)?.borrowed()))
}

fn user_of(claims: &Bound<'_, PyDict>) -> PyResult<Option<UserId<'static>>> {
    let py = claims.py();
    let Some(user) = claims.get_item(intern!(py, "user"))? else { return Ok(None) };
    let Ok(user) = user.cast_into::<PyDict>() else { return Ok(None) };
    Ok(user.get_item(intern!(py, "id"))?.and_then(|id| UserId::of(seen(&id))))
}

/// What the engine would see if it read this value as JSON.
fn seen(value: &Bound<'_, PyAny>) -> Seen<'static> {
    if value.is_instance_of::<PyBool>() {
        Seen::Other // which Python takes for a number
    } else if let Ok(value) = value.cast::<PyString>() {
        value.to_str().map_or(Seen::Other, |text| Seen::Text(text.to_owned().into()))
    } else if let Ok(value) = value.cast::<PyFloat>() {
        Seen::Float(value.value())
    } else if let Ok(value) = value.cast::<PyInt>() {
        if let Ok(number) = value.extract() {
            return Seen::Integer(number);
        }
        let digits = value.py().get_type::<PyInt>().call_method1("__repr__", (value,));
        // A number that Python does not write has more digits than the engine reads.
        digits.map_or(Seen::Other, |digits| Seen::BigInteger(digits.to_string()))
    } else {
        Seen::Other
    }
}

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
        Vec::with_capacity(32)
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

/// Claims as Python has them.
pub(crate) struct PythonFace<'py, 'e> {
    pub(crate) py: Python<'py>,
    pub(crate) last_strings: &'e LastStrings,
    /// Whether a signature takes longer than to hand over the interpreter's lock.
    pub(crate) detaches: bool,
    /// That of the token that is read.
    pub(crate) builder: Option<Builder<'py, 'e>>,
}

impl<'py, 'e> Face<Template> for PythonFace<'py, 'e> {
    type Build = Builder<'py, 'e>;
    /// Or what Python raised.
    type Claims = PyResult<Bound<'py, PyDict>>;

    fn builder(&mut self) -> &mut Builder<'py, 'e> {
        self.builder = None; // first, as it may hold the strings of the token before
        self.builder.insert(Builder::new(self.py, self.last_strings))
    }

    fn claims(
        &mut self,
        _: &Claims<'_>,
        _payload: &[u8],
        built: Bound<'py, PyAny>,
    ) -> Self::Claims {
        self.builder.take().map_or(Ok(()), Builder::finish)?;
        Ok(built.cast_into()?)
    }

    fn keep(&mut self, claims: &Self::Claims, _payload: &[u8]) -> Option<(Template, usize)> {
        // Where memory runs out, the token is verified again the next time.
        Template::of(claims.as_ref().ok()?).ok()
    }

    fn copy(&mut self, kept: Template) -> Self::Claims {
        kept.copy(self.py)
    }

    fn detached<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
        self.builder = None; // its lock must not be held while other threads may fork
        if self.detaches { self.py.detach(work) } else { work() }
    }
}

/// Claims to copy from. The cache alone holds them, so no caller can change them.
///
/// It lies in one piece, as the memory of a token that did not come for long is cold: the claims,
/// then each container in them, from the outside in.
pub(crate) struct Template {
    steps: Arc<[Step]>,
}

/// A container to copy. What cannot change is shared between copies.
struct Step {
    container: Container,
    /// Where it is in the container that it is in.
    place: Place,
    /// How many of the steps that follow are for containers directly in this one.
    inner: usize,
}

enum Container {
    Dict(Py<PyDict>),
    List(Py<PyList>),
}

enum Place {
    Name(Py<PyAny>),
    Index(usize),
}

impl Clone for Template {
    fn clone(&self) -> Self {
        Self { steps: Arc::clone(&self.steps) }
    }
}

impl Template {
    /// Copies claims. Beside them, what they take: estimated from what the interpreter's objects
    /// take, in bytes.
    pub(crate) fn of(claims: &Bound<'_, PyDict>) -> PyResult<(Self, usize)> {
        let (mut steps, mut bytes) = (Vec::new(), 0);
        add(claims, Place::Index(0), &mut steps, &mut bytes)?;
        Ok((Self { steps: steps.into() }, bytes))
    }

    /// A copy of the claims that is the caller's own.
    pub(crate) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match copy(py, &mut self.steps.iter())? {
            Some((_, claims)) => Ok(claims.cast_into()?),
            None => Ok(PyDict::new(py)), // the first step is there: never here
        }
    }
}

/// Adds steps for a value and what is in it; gives whether it is a container.
fn add(
    value: &Bound<'_, PyAny>,
    place: Place,
    steps: &mut Vec<Step>,
    bytes: &mut usize,
) -> PyResult<bool> {
    let (py, index) = (value.py(), steps.len());
    let mut inner = 0;
    if let Ok(dict) = value.cast_exact::<PyDict>() {
        *bytes += STEP_BYTES + DICT_BYTES + MEMBER_BYTES * dict.len();
        let copy = dict.copy()?;
        steps.push(Step { container: Container::Dict(copy.clone().unbind()), place, inner });
        for (name, value) in dict {
            if add(&value, Place::Name(name.clone().unbind()), steps, bytes)? {
                copy.set_item(name, py.None())?; // to hold nothing that is the caller's
                inner += 1;
            }
        }
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        *bytes += STEP_BYTES + LIST_BYTES + POINTER_BYTES * list.len();
        let copy = list.get_slice(0, list.len());
        steps.push(Step { container: Container::List(copy.clone().unbind()), place, inner });
        for (index, item) in list.iter().enumerate() {
            if add(&item, Place::Index(index), steps, bytes)? {
                copy.set_item(index, py.None())?;
                inner += 1;
            }
        }
    } else {
        *bytes += match value.cast_exact::<PyString>() {
            Ok(text) => STRING_BYTES + text.len()?,
            Err(_) => NUMBER_BYTES,
        };
        return Ok(false);
    }
    if let Some(step) = steps.get_mut(index) {
        step.inner = inner;
    }
    Ok(true)
}

/// Copies the next container with all that is in it; tells its place.
fn copy<'py, 's>(
    py: Python<'py>,
    steps: &mut std::slice::Iter<'s, Step>,
) -> PyResult<Option<(&'s Place, Bound<'py, PyAny>)>> {
    let Some(step) = steps.next() else { return Ok(None) };
    let made = match &step.container {
        Container::Dict(dict) => dict.bind(py).copy()?.into_any(),
        Container::List(list) => {
            let list = list.bind(py);
            list.get_slice(0, list.len()).into_any()
        }
    };
    for _ in 0..step.inner {
        match copy(py, steps)? {
            Some((Place::Name(name), value)) => made.cast::<PyDict>()?.set_item(name, value)?,
            Some((Place::Index(index), value)) => made.cast::<PyList>()?.set_item(*index, value)?,
            None => {}
        }
    }
    Ok(Some((&step.place, made)))
}

// Of CPython 3.11 on 64 bits, allocation included.
const STEP_BYTES: usize = size_of::<Step>();
const DICT_BYTES: usize = 184;
const MEMBER_BYTES: usize = 27;
const LIST_BYTES: usize = 72;
const POINTER_BYTES: usize = 8;
const STRING_BYTES: usize = 56;
const NUMBER_BYTES: usize = 32;
