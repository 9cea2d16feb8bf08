//! Patterns of paths.

use std::fmt;

use super::text;

/// A pattern of a rule. Its text is a path as a person reads it: Unicode, without escapes.
///
/// | pattern | matches |
/// |---|---|
/// | `/api/*` | `/api`, `/api/` and all below |
/// | `/api` | `/api` alone |
/// | `/api/` | `/api/` and `/api` |
/// | `/*` | all |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    ending: Ending,
    /// The text without its ending.
    stem: String,
    /// The stem without regard to case.
    folded: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    None,
    Slash,
    Star,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, what was expected, and what to do.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let (stem, ending) = match pattern {
            "/" => (pattern, Ending::None),
            _ => match (pattern.strip_suffix("/*"), pattern.strip_suffix('/')) {
                (Some(stem), _) => (stem, Ending::Star),
                (None, Some(stem)) => (stem, Ending::Slash),
                (None, None) => (pattern, Ending::None),
            },
        };
        if let Some(fault) = fault(pattern, stem) {
            return Err(format!("the path {pattern:?} {fault}"));
        }
        let folded = text::fold(stem).unwrap_or_else(|| stem.to_owned());
        Ok(Self { text: pattern.to_owned(), ending, stem: stem.to_owned(), folded })
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a reading matches.
    pub fn matches(&self, path: &str) -> bool {
        self.ending.matches(&self.stem, path)
    }

    /// Whether a reading matches, both without regard to case.
    pub fn matches_folded(&self, folded: &str) -> bool {
        self.ending.matches(&self.folded, folded)
    }

    /// What each matching path begins with.
    pub(super) fn stem(&self) -> &str {
        &self.stem
    }

    /// The stem without regard to case.
    pub(super) fn folded_stem(&self) -> &str {
        &self.folded
    }

    /// Whether case makes a difference.
    pub(super) fn is_cased(&self) -> bool {
        self.folded != self.stem
    }

    /// Whether this one matches all that the other does.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.ending.covers(&self.stem, &other.stem, other.ending)
    }

    /// The same, without regard to case.
    pub(super) fn covers_folded(&self, other: &Self) -> bool {
        self.ending.covers(&self.folded, &other.folded, other.ending)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Ending {
    fn matches(self, stem: &str, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(stem) else { return false };
        match self {
            Self::None => rest.is_empty(),
            Self::Slash => matches!(rest, "" | "/"),
            Self::Star => rest.is_empty() || rest.starts_with('/'),
        }
    }

    /// Whether a pattern with this stem matches all that one with the other stem does.
    fn covers(self, stem: &str, other: &str, ending: Self) -> bool {
        match self {
            Self::Star => self.matches(stem, other),
            Self::Slash => stem == other && ending != Self::Star,
            Self::None => stem == other && ending == Self::None,
        }
    }
}

/// What is wrong with a pattern, and what to write.
fn fault(pattern: &str, stem: &str) -> Option<String> {
    let names = |letter: char| match letter {
        '%' => Some("write the letter itself: patterns are decoded text, without escapes"),
        '?' | '#' => Some("rules see no query: write the path alone"),
        ';' => Some("parameters are cut before a rule is met: leave them out"),
        '\\' => Some("such paths are always refused: write /"),
        '*' => Some("* stands only at the end, after a slash: /api/*"),
        _ if letter.is_control() => Some("such paths are always refused: leave it out"),
        _ => None,
    };
    if !pattern.starts_with('/') {
        return Some("does not begin with a slash: write it from the root of the host".to_owned());
    }
    let letter = stem.chars().find_map(|letter| names(letter).map(|hint| (letter, hint)));
    if let Some((letter, hint)) = letter {
        return Some(format!("has a {letter:?}; {hint}"));
    }
    if pattern.contains("//") {
        return Some("has two slashes in a row: write one".to_owned());
    }
    if stem.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Some("has a . or .. between slashes: write the path it leads to".to_owned());
    }
    let plain = text::plain(pattern);
    if plain != pattern {
        return Some(format!("has letters with a plainer form (NFKC): write {plain:?}"));
    }
    None
}
