//! Claims as Python has them, written as the JSON of a token.

use std::sync::Mutex;

use djwto_core::token::claims_writer::{ClaimsJson, Names, ValueWriter, Written};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use smallvec::SmallVec;

/// The names in the dicts of tokens before: those of the next are mostly the same.
#[derive(Default)]
pub(crate) struct LastNames(Mutex<Vec<KnownNames>>);

/// The names of a dict in its own order, and as they are written.
struct KnownNames {
    keys: Vec<Py<PyString>>,
    names: Names,
}

type Member<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

impl KnownNames {
    /// `None` where a key is anything but a string.
    fn of(members: &[Member<'_>]) -> Option<Self> {
        // A subclass may be equal to what it does not spell.
        let keys = members.iter().map(|(key, _)| key.cast_exact::<PyString>().ok());
        let keys: Vec<_> = keys.collect::<Option<_>>()?;
        let texts = keys.iter().map(|key| key.to_str().ok()).collect::<Option<Vec<_>>>()?;
        let names = Names::new(texts)?;
        Some(Self { names, keys: keys.into_iter().map(|key| key.clone().unbind()).collect() })
    }

    fn are_of(&self, members: &[Member<'_>]) -> bool {
        let is_same = |(known, (key, _)): (&Py<PyString>, &Member<'_>)| {
            // Names are mostly literals of a program, of which Python has one object.
            known.is(key) || {
                let text = key.cast_exact::<PyString>().ok().and_then(|key| key.to_str().ok());
                text.is_some() && known.bind(key.py()).to_str().ok() == text
            }
        };
        self.keys.len() == members.len() && self.keys.iter().zip(members).all(is_same)
    }
}

/// Two kinds of tokens have two dicts each, and hooks add some.
const MAX_DICTS: usize = 8;
/// Longer lists of names are not remembered, in bytes.
const MAX_BYTES: usize = 2048;

/// Writes claims. `None` where there is something that needs more than this: another type, a
/// number beyond 64 bits, or a name that is no string.
pub(crate) fn write_claims(claims: &Bound<'_, PyDict>, last: &LastNames) -> Option<ClaimsJson> {
    // Locked only by a finalizer that runs under this very function, or by another thread.
    let mut last = last.0.try_lock().ok();
    let known = last.as_ref().map(|last| last.as_slice()).unwrap_or_default();
    let mut writer = Writer { known, new: Vec::new() };
    let json = ClaimsJson::write(|out| writer.dict(out, claims, 0));
    let mut new = writer.new;
    if let Some(last) = &mut last {
        last.append(&mut new);
        let surplus = last.len().saturating_sub(MAX_DICTS);
        last.drain(..surplus);
    }
    json.ok()
}

/// Deeper values are left to Django's encoder, which has a sentence for those that go round.
const MAX_DEPTH: usize = 100;

struct Writer<'l> {
    known: &'l [KnownNames],
    new: Vec<KnownNames>,
}

/// There is something that `djwto_core` does not write.
struct Unwritable;

type Result<T> = std::result::Result<T, Unwritable>;

impl Writer<'_> {
    fn value<'s>(
        &mut self,
        out: ValueWriter<'s>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Written<'s>> {
        Ok(if let Ok(value) = value.cast_exact::<PyString>() {
            out.text(value.to_str().map_err(|_| Unwritable)?)
        } else if let Ok(value) = value.cast_exact::<PyInt>() {
            out.integer(value.extract().map_err(|_| Unwritable)?)
        } else if let Ok(value) = value.cast_exact::<PyFloat>() {
            out.float(value.value())
        } else if let Ok(value) = value.cast_exact::<PyBool>() {
            out.literal(Some(value.is_true()))
        } else if value.is_none() {
            out.literal(None)
        } else if let Ok(value) = value.cast_exact::<PyDict>() {
            self.dict(out, value, depth)?
        } else if let Ok(value) = value.cast_exact::<PyList>() {
            self.items(out, &value.to_tuple(), depth)?
        } else if let Ok(value) = value.cast_exact::<PyTuple>() {
            self.items(out, value, depth)?
        } else {
            return Err(Unwritable);
        })
    }

    fn dict<'s>(
        &mut self,
        out: ValueWriter<'s>,
        dict: &Bound<'_, PyDict>,
        depth: usize,
    ) -> Result<Written<'s>> {
        if depth > MAX_DEPTH {
            return Err(Unwritable);
        }
        // All at once: what runs while values are written may change the dict.
        let members: SmallVec<[Member<'_>; 16]> = dict.iter().collect();
        let mut new = None;
        let known = match self.known.iter().find(|known| known.are_of(&members)) {
            Some(known) => known,
            None => new.insert(KnownNames::of(&members).ok_or(Unwritable)?),
        };
        let done = out.object(&known.names, |out, place| {
            let (_, value) = members.get(place).ok_or(Unwritable)?;
            self.value(out, value, depth + 1)
        })?;
        self.new
            .extend(new.filter(|new| self.new.len() < MAX_DICTS && new.names.bytes() <= MAX_BYTES));
        Ok(done)
    }

    /// Of a tuple, since its items can be looked at without counting references: that is a call for
    /// each in a build for several versions of Python.
    fn items<'s>(
        &mut self,
        out: ValueWriter<'s>,
        items: &Bound<'_, PyTuple>,
        depth: usize,
    ) -> Result<Written<'s>> {
        if depth > MAX_DEPTH {
            return Err(Unwritable);
        }
        out.array(items.iter_borrowed(), |out, item| self.value(out, &item, depth + 1))
    }
}
