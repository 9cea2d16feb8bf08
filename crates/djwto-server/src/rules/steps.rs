//! How a reading came to be.

use std::fmt;

/// One thing that programs do to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All escapes but those of a slash are decoded.
    Decode,
    /// All escapes are decoded.
    DecodeSlash,
    /// What is an escape after that is decoded again.
    DecodeTwice,
    /// Compatibility letters, such as fullwidth ones, become their plain forms (NFKC).
    Plain,
    CutAuthority,
    MergeSlashes,
    RemoveDots,
    CutParameters,
    CutTail,
    TrimSlashes,
}

const WORDS: &[(Step, &str)] = &[
    (Step::Decode, "decoded, %2F kept"),
    (Step::DecodeSlash, "decoded, %2F as a slash"),
    (Step::DecodeTwice, "decoded twice"),
    (Step::Plain, "compatibility letters as plain ones"),
    (Step::CutAuthority, "host after // cut"),
    (Step::MergeSlashes, "slashes merged"),
    (Step::RemoveDots, "dot segments removed"),
    (Step::CutParameters, "parameters cut"),
    (Step::CutTail, "cut from ;, ? or #"),
    (Step::TrimSlashes, "slash at the end cut"),
];

/// What was done to the path as it was sent, in no order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps(u16);

impl Steps {
    pub(super) fn with(self, step: Step) -> Self {
        Self(self.0 | 1 << step as u16)
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_done = |step: Step| self.0 & 1 << step as u16 != 0;
        let mut words = WORDS.iter().filter(|(step, _)| is_done(*step)).map(|(_, words)| words);
        out.write_str(words.next().copied().unwrap_or("as sent"))?;
        words.try_for_each(|words| write!(out, ", {words}"))
    }
}
