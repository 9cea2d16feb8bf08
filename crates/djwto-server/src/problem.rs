//! What is wrong with a file of the operator.

use std::fmt;
use std::path::Path;

/// What is wrong, and where: a file, and a place in it. It never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: String,
    what: String,
}

impl Problem {
    /// A problem at a place, such as `djwto.toml: hosts."example.com"`.
    pub fn new(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self { place: place.to_string(), what: what.to_string() }
    }

    /// A problem of a file.
    pub fn of_file(path: &Path, what: impl fmt::Display) -> Self {
        Self::new(path.display(), what)
    }

    /// The same, with the file before the place.
    #[must_use]
    pub fn within(self, path: &Path) -> Self {
        Self { place: format!("{}: {}", path.display(), self.place), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for Problem {}

/// The sentence of serde without the values that it found: one of them may be a secret.
///
/// Serde says ``invalid type: string "…", expected …`` and ``invalid value: string "…", expected …``.
/// Names of members stay: they stand in backquotes.
pub(crate) fn without_values(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut letters = message.trim_end().chars();
    while let Some(letter) = letters.next() {
        kept.push(letter);
        if letter != '"' {
            continue;
        }
        kept.push('…');
        while let Some(hidden) = letters.next() {
            match hidden {
                '\\' => drop(letters.next()),
                '"' => {
                    kept.push('"');
                    break;
                }
                _ => {}
            }
        }
    }
    kept
}

/// The line and column of a byte of a text, both counted from 1.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::{line_and_column, without_values};

    #[test]
    fn a_value_is_not_shown() {
        let shown = without_values(r#"invalid type: string "pg://u:pa\"ss", expected `a` or "b""#);
        assert_eq!(shown, r#"invalid type: string "…", expected `a` or "…""#);
        assert_eq!(without_values("unknown field `x`"), "unknown field `x`");
    }

    #[test]
    fn a_place_is_counted_from_one() {
        assert_eq!(line_and_column("ab\ncd", 4), (2, 2));
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("é=", 2), (1, 2));
    }
}
