//! HTTP methods, as bits of a set.

use super::Refusal;

/// The methods that rules know. `CONNECT` and `TRACE` are not among them: no upstream is asked for
/// those. An unknown method is refused, since a program may treat it as `GET`.
const NAMES: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "VERSION-CONTROL",
];

/// A method that rules know. Methods are case-sensitive: `get` is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method(u8);

impl Method {
    /// Reads a method.
    ///
    /// # Errors
    ///
    /// [`Refusal::MethodInvalid`] for an unknown one.
    pub fn parse(name: &[u8]) -> Result<Self, Refusal> {
        let known = |(at, known): (usize, &&str)| {
            (known.as_bytes() == name).then(|| u8::try_from(at).ok().map(Self)).flatten()
        };
        NAMES.iter().enumerate().find_map(known).ok_or(Refusal::MethodInvalid)
    }

    /// The name, such as `GET`.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Whether it changes nothing (RFC 9110 §9.2.1): `GET`, `HEAD` or `OPTIONS`.
    pub fn is_safe(self) -> bool {
        matches!(self.name(), "GET" | "HEAD" | "OPTIONS")
    }
}

/// A set of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Methods(u64);

impl Methods {
    /// Every method that rules know.
    pub(super) const ALL: Self = Self((1 << NAMES.len()) - 1);
    pub(super) const NONE: Self = Self(0);

    /// Adds one. `GET` brings `HEAD`.
    pub(super) fn add(&mut self, method: Method) {
        self.0 |= 1 << method.0;
        if method.name() == "GET" {
            self.0 |= 1 << 1;
        }
    }

    pub(super) fn has(self, method: Method) -> bool {
        self.0 & (1 << method.0) != 0
    }

    pub(super) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
