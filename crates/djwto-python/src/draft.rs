//! Claims as Python has them, written as the JSON of a token.

use std::sync::Mutex;

use djwto_core::draft::{Done, Draft, Names, Slot};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use smallvec::SmallVec;

/// The names in the dicts of the token before: those of the next are mostly the same.
#[derive(Default)]
pub(crate) struct LastNames(Mutex<Vec<KnownNames>>);

/// The names of a dict in its own order, and as they are written.
struct KnownNames {
    keys: Vec<Py<PyString>>,
    names: Names,
}

impl KnownNames {
    /// `None` where a key is anything but a string.
    fn of(dict: &Bound<'_, PyDict>) -> Option<Self> {
        let keys = dict.keys();
        // A subclass may be equal to what it does not spell.
        let keys = keys.iter().map(|key| key.cast_into_exact::<PyString>().ok());
        let keys: Vec<_> = keys.collect::<Option<_>>()?;
        let texts = keys.iter().map(|key| key.to_str().ok()).collect::<Option<Vec<_>>>()?;
        Some(Self {
            names: Names::new(texts)?,
            keys: keys.into_iter().map(Bound::unbind).collect(),
        })
    }

    fn has(&self, place: usize, key: &Bound<'_, PyAny>) -> bool {
        self.keys.get(place).is_some_and(|known| {
            // Names are mostly literals of a program, of which Python has one object.
            known.is(key) || {
                let text = key.cast_exact::<PyString>().ok().and_then(|key| key.to_str().ok());
                text.is_some() && known.bind(key.py()).to_str().ok() == text
            }
        })
    }
}

/// More dicts of a token than this, or larger ones, are not remembered.
const MAX_DICTS: usize = 8;
const MAX_NAMES: usize = 64;

/// Writes claims. `None` where there is something that needs more than this: another type, a
/// number beyond 64 bits, or a name that is no string.
pub(crate) fn draft(claims: &Bound<'_, PyDict>, last: &LastNames) -> Option<Draft> {
    // Locked only by a finalizer that runs under this very function, or by another thread.
    let mut last = last.0.try_lock().ok();
    let mut writer = Writer {
        last: last.as_ref().map(|last| last.as_slice()).unwrap_or_default(),
        dicts: 0,
        new: Vec::new(),
    };
    let draft = Draft::write(|slot| writer.dict(slot, claims, 0));
    let new = writer.new;
    if let Some(last) = &mut last {
        for (place, names) in new {
            if place == last.len() {
                last.push(names);
            } else if let Some(known) = last.get_mut(place) {
                *known = names;
            }
        }
    }
    draft.ok()
}

/// Deeper values are left to Django's encoder, which has a sentence for those that go round.
const MAX_DEPTH: usize = 100;

struct Writer<'l> {
    last: &'l [KnownNames],
    /// How many were met.
    dicts: usize,
    /// Names that were not known, and in which dict.
    new: Vec<(usize, KnownNames)>,
}

/// There is something that `djwto_core` does not write.
struct Unwritable;

type Result<T> = std::result::Result<T, Unwritable>;

impl Writer<'_> {
    fn value<'s>(
        &mut self,
        slot: Slot<'s>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Done<'s>> {
        Ok(if let Ok(value) = value.cast_exact::<PyString>() {
            slot.text(value.to_str().map_err(|_| Unwritable)?)
        } else if let Ok(value) = value.cast_exact::<PyInt>() {
            slot.integer(value.extract().map_err(|_| Unwritable)?)
        } else if let Ok(value) = value.cast_exact::<PyFloat>() {
            slot.float(value.value())
        } else if let Ok(value) = value.cast_exact::<PyBool>() {
            slot.literal(Some(value.is_true()))
        } else if value.is_none() {
            slot.literal(None)
        } else if let Ok(value) = value.cast_exact::<PyDict>() {
            self.dict(slot, value, depth)?
        } else if let Ok(value) = value.cast_exact::<PyList>() {
            self.items(slot, &value.to_tuple(), depth)?
        } else if let Ok(value) = value.cast_exact::<PyTuple>() {
            self.items(slot, value, depth)?
        } else {
            return Err(Unwritable);
        })
    }

    fn dict<'s>(
        &mut self,
        slot: Slot<'s>,
        dict: &Bound<'_, PyDict>,
        depth: usize,
    ) -> Result<Done<'s>> {
        if depth > MAX_DEPTH {
            return Err(Unwritable);
        }
        let place = self.dicts;
        self.dicts += 1;
        let mut known = self.last.get(place).filter(|known| known.keys.len() == dict.len());
        let mut values = SmallVec::<[_; 16]>::new();
        for (index, (key, value)) in dict.iter().enumerate() {
            known = known.filter(|known| known.has(index, &key));
            values.push(value);
        }
        let members = |names: &Names| {
            slot.object(names, |slot, place| {
                self.value(slot, values.get(place).ok_or(Unwritable)?, depth + 1)
            })
        };
        if let Some(known) = known {
            return members(&known.names);
        }
        let new = KnownNames::of(dict).ok_or(Unwritable)?;
        let done = members(&new.names)?;
        if place < MAX_DICTS && new.keys.len() <= MAX_NAMES {
            self.new.push((place, new));
        }
        Ok(done)
    }

    /// Of a tuple, since its items can be looked at without counting references: that is a call for
    /// each in a build for several versions of Python.
    fn items<'s>(
        &mut self,
        slot: Slot<'s>,
        items: &Bound<'_, PyTuple>,
        depth: usize,
    ) -> Result<Done<'s>> {
        if depth > MAX_DEPTH {
            return Err(Unwritable);
        }
        slot.array(items.iter_borrowed(), |slot, item| self.value(slot, &item, depth + 1))
    }
}
