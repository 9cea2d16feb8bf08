//! A path in every way that programs are known to read it.

use std::borrow::Cow;
use std::fmt;

use super::decode::{bases, mark};
use super::steps::{Step, Steps};
use super::{PathError, text};

/// No honest path has as many readings; each costs time.
const MOST: usize = 64;

/// All readings of a path, each once.
///
/// A path of plain lower-case letters has one, and nothing is allocated for it.
#[derive(Debug)]
pub struct Readings<'a> {
    first: Reading<'a>,
    others: Vec<Reading<'a>>,
}

/// One reading of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    text: Cow<'a, str>,
    /// Where it is another text.
    folded: Option<String>,
    steps: Steps,
}

impl<'a> Readings<'a> {
    /// Reads a URI as the client sent it. A query is cut off.
    ///
    /// # Errors
    ///
    /// What [`PathError`] lists.
    pub fn of(uri: &'a [u8]) -> Result<Self, PathError> {
        let path = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
        let marks = mark(path)?;
        if !marks.coded {
            let text = std::str::from_utf8(path).map_err(|_| PathError::NotUtf8)?;
            let first = Reading::new(Cow::Borrowed(text), Steps::default());
            let mut readings = Self { first, others: Vec::new() };
            if marks.stepped {
                readings.add_authority_cut(0)?;
                readings.add_steps()?;
            }
            return Ok(readings);
        }
        let mut bases = bases(path)?.into_iter().map(|base| Reading::new(base.text, base.steps));
        let Some(first) = bases.next() else { return Err(PathError::NotAbsolute) };
        let mut readings = Self { first, others: bases.collect() };
        for at in 0..=readings.others.len() {
            readings.add_authority_cut(at)?;
        }
        readings.add_steps()?;
        Ok(readings)
    }

    /// The readings; the first is the path as it was sent.
    pub fn iter(&self) -> impl Iterator<Item = &Reading<'a>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn get(&self, at: usize) -> Option<&Reading<'a>> {
        if at == 0 { Some(&self.first) } else { self.others.get(at - 1) }
    }

    fn add_authority_cut(&mut self, at: usize) -> Result<(), PathError> {
        let Some(reading) = self.get(at) else { return Ok(()) };
        let steps = reading.steps.with(Step::CutAuthority);
        match text::cut_authority(&reading.text) {
            Some(text) => self.add(text, steps),
            None => Ok(()),
        }
    }

    /// Takes every step from every reading, the new ones too, until none is new.
    fn add_steps(&mut self) -> Result<(), PathError> {
        let mut at = 0;
        while let Some(reading) = self.get(at) {
            let (path, steps) = (&reading.text, reading.steps);
            let found = [
                (Step::MergeSlashes, text::merge_slashes(path).map(Cow::Owned)),
                (Step::RemoveDots, text::remove_dots(path)?.map(Cow::Owned)),
                (Step::CutParameters, text::cut_parameters(path).map(Cow::Owned)),
                (Step::CutTail, text::cut_from(path, &[';'])),
                (Step::CutTail, text::cut_from(path, &['?', '#'])),
                (Step::TrimSlashes, text::trim_slashes(path)),
            ];
            for (step, text) in found {
                if let Some(text) = text {
                    self.add(text, steps.with(step))?;
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn add(&mut self, text: Cow<'a, str>, steps: Steps) -> Result<(), PathError> {
        if self.iter().any(|reading| reading.text == text) {
            return Ok(());
        }
        if self.others.len() + 1 >= MOST {
            return Err(PathError::TooManyReadings);
        }
        self.others.push(Reading::new(text, steps));
        Ok(())
    }
}

impl<'a> Reading<'a> {
    fn new(text: Cow<'a, str>, steps: Steps) -> Self {
        let folded = text::fold(&text);
        Self { text, folded, steps }
    }

    /// The path that a program finds which reads it so.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same without regard to case.
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.text)
    }

    /// Whether upper and lower case make no difference here.
    pub fn is_folded(&self) -> bool {
        self.folded.is_none()
    }

    /// How it came to be, in words.
    pub fn steps(&self) -> impl fmt::Display + use<> {
        self.steps
    }
}
