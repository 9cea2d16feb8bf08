//! The lines of one header.

/// The values of one header of a request, line by line.
///
/// HTTP/2 may split `Cookie` into several lines (RFC 9113 §8.2.3), and a client may send any header
/// twice. A face passes the lines as it has them. Its server may have joined them: a list and its
/// joined form give the same token, or are both refused.
///
/// ```
/// use djwto_core::http::Lines;
///
/// let joined: Lines<'_> = Some(&b"a=1; b=2"[..]).into();
/// let lines = [&b"a=1"[..], &b"b=2"[..]];
/// let split: Lines<'_> = lines[..].into();
/// assert_eq!((joined.iter().count(), split.iter().count()), (1, 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Lines<'h> {
    /// One line, or none.
    One(Option<&'h [u8]>),
    /// Any number of lines.
    Several(&'h [&'h [u8]]),
}

impl<'h> Lines<'h> {
    /// Each line.
    pub fn iter(self) -> impl Iterator<Item = &'h [u8]> + Clone {
        let (one, several) = match self {
            Self::One(line) => (line, &[][..]),
            Self::Several(lines) => (None, lines),
        };
        one.into_iter().chain(several.iter().copied())
    }
}

impl Default for Lines<'_> {
    /// No line.
    fn default() -> Self {
        Self::One(None)
    }
}

impl<'h> From<Option<&'h [u8]>> for Lines<'h> {
    fn from(line: Option<&'h [u8]>) -> Self {
        Self::One(line)
    }
}

impl<'h> From<&'h [&'h [u8]]> for Lines<'h> {
    fn from(lines: &'h [&'h [u8]]) -> Self {
        Self::Several(lines)
    }
}
