//! What a request needs, and why one is refused.

use std::fmt;

/// What a request needs before it may pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing: neither a token nor a CSRF check.
    Public,
    /// A valid access token.
    Login,
    /// A valid access token of a user who has all of these permissions: `app.codename`, sorted,
    /// each once.
    Permissions(Vec<String>),
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => out.write_str("public"),
            Self::Login => out.write_str("login"),
            Self::Permissions(names) => write!(out, "permissions {}", names.join(", ")),
        }
    }
}

/// Why a request is refused before its token is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The scheme is neither `http` nor `https`.
    SchemeInvalid,
    /// The method is none that rules know.
    MethodInvalid,
    /// No rules name this host, or it is no host.
    HostUnknown,
    /// No program should be asked for this path.
    PathInvalid(PathError),
    /// Two readings of the path need different access.
    PathAmbiguous,
    /// No rule matches.
    RuleMissing,
}

impl Refusal {
    /// The published code.
    pub fn slug(self) -> &'static str {
        match self {
            Self::SchemeInvalid | Self::MethodInvalid => "forwarded_invalid",
            Self::HostUnknown => "host_unknown",
            Self::PathInvalid(_) => "path_invalid",
            Self::PathAmbiguous => "path_ambiguous",
            Self::RuleMissing => "rule_missing",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        if matches!(self, Self::PathInvalid(_)) { 400 } else { 403 }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchemeInvalid => out.write_str("the scheme is neither http nor https"),
            Self::MethodInvalid => out.write_str("the method is none that rules know"),
            Self::HostUnknown => out.write_str("no rules name this host"),
            Self::PathInvalid(error) => error.fmt(out),
            Self::PathAmbiguous => out.write_str("readings of the path need different access"),
            Self::RuleMissing => out.write_str("no rule matches"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<PathError> for Refusal {
    fn from(error: PathError) -> Self {
        Self::PathInvalid(error)
    }
}

/// Why a path is refused, whichever rules there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// It does not begin with a slash: an absolute or empty URI, or `*`.
    NotAbsolute,
    /// A control byte or NUL, raw or escaped.
    Control,
    /// A backslash, raw or escaped.
    Backslash,
    /// A raw space or `#`, which no client sends.
    Raw,
    /// A `%` without two hex digits.
    BrokenEscape,
    /// An escape that was escaped again, and hides a dot, a slash, a backslash or a control character; or one
    /// that is an escape still after the second decoding.
    DoubledEscape,
    /// Not UTF-8 once decoded.
    NotUtf8,
    /// A `..` above the root, in some reading.
    AboveRoot,
    /// More readings than any honest path has.
    TooManyReadings,
}

impl PathError {
    /// A stable name, for logs and `vectors/paths.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotAbsolute => "not_absolute",
            Self::Control => "control",
            Self::Backslash => "backslash",
            Self::Raw => "raw",
            Self::BrokenEscape => "broken_escape",
            Self::DoubledEscape => "doubled_escape",
            Self::NotUtf8 => "not_utf8",
            Self::AboveRoot => "above_root",
            Self::TooManyReadings => "too_many_readings",
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::Control => "the path has a control character",
            Self::Backslash => "the path has a backslash",
            Self::Raw => "the path has a raw space or #",
            Self::BrokenEscape => "the path has a % without two hex digits",
            Self::DoubledEscape => "the path has an escape that was escaped again",
            Self::NotUtf8 => "the path is not UTF-8",
            Self::AboveRoot => "the path goes above the root",
            Self::TooManyReadings => "the path can be read in too many ways",
        })
    }
}

impl std::error::Error for PathError {}
