//! The compact serialization (RFC 7515 §7.1), read strictly.

use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;
use serde_json::Value;

use crate::error::Code;
use crate::json;

/// Canonical base64url without padding (RFC 7515 §2): padding, white space, foreign letters and
/// non-zero trailing bits are refused.
pub(crate) static BASE64URL: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// The longest token that is looked at, in bytes. Nothing is decoded before this check.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token that was split and not yet verified. It has no method to read claims.
pub struct Untrusted<'t> {
    header: &'t [u8],
    signing_input: &'t [u8],
    payload: &'t [u8],
    signature: Vec<u8>,
}

/// What a header says about the key. Other parameters are ignored, above all the keys and URLs that
/// a sender may put there (`jwk`, `jku`, `x5u`, `x5c`; RFC 8725 §3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`, which must match the key.
    pub algorithm: String,
    /// `kid`
    pub key_id: Option<String>,
    /// `typ`
    pub media_type: Option<String>,
}

/// The purpose of a JWS, by its `typ` (RFC 8725 §3.11). A JWS of one purpose is refused for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Authenticates a request: `JWT`, any other `typ` that is not djwto's own, or none.
    Token,
    /// Carries news of ended sessions: [`crate::session::messages::TYP`].
    Ended,
    /// Tells a service about a user: [`crate::token::assertion::TYP`].
    Assertion,
}

impl Purpose {
    /// Whether this `typ` is for that purpose.
    pub(crate) fn accepts(self, header: &Header) -> bool {
        let found = header.media_type.as_deref().unwrap_or_default();
        match self {
            Self::Token => !is_own(found),
            Self::Ended => found == crate::session::messages::TYP,
            Self::Assertion => found == crate::token::assertion::TYP,
        }
    }
}

/// Whether a `typ` is one of djwto's own, none of which is a token's. Case does not count, nor does
/// `application/` (RFC 7515 §4.1.9).
fn is_own(media_type: &str) -> bool {
    let rest = without_prefix(media_type, "application/").unwrap_or(media_type);
    without_prefix(rest.trim_start(), "djwto-").is_some()
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

impl<'t> Untrusted<'t> {
    /// Splits a token into three parts, the last in canonical, unpadded base64url. Only the payload may
    /// be empty: such a JWS is good, and has no claims (RFC 7515 §7.1).
    ///
    /// # Errors
    ///
    /// [`MalformedToken`] names the fault.
    pub fn parse(token: &'t [u8]) -> Result<Self, MalformedToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(MalformedToken::TooLarge);
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(MalformedToken::NotThreeParts);
        };
        let (signing_input, signature) = split_at_dot(token, second);
        let (header, payload) = split_at_dot(signing_input, first);
        if header.is_empty() || signature.is_empty() {
            return Err(MalformedToken::NotThreeParts);
        }
        Ok(Self { header, signing_input, payload, signature: decode(signature)? })
    }

    /// Reads the header: a JSON object with an `alg`, without `crit`.
    ///
    /// # Errors
    ///
    /// [`MalformedToken`] names the fault.
    pub fn header(&self) -> Result<Header, MalformedToken> {
        let header = json::parse_object(&decode(self.header)?).map_err(MalformedToken::Header)?;
        // RFC 7515 §4.1.11: critical extensions must be understood, and djwto has none.
        if header.contains_key("crit") {
            return Err(MalformedToken::Critical);
        }
        // RFC 7797 §3: such a signature covers other bytes than those that are read here.
        if header.get("b64").is_some_and(|b64| *b64 != Value::Bool(true)) {
            return Err(MalformedToken::Header("has \"b64\", which is not supported"));
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(MalformedToken::Header("has a parameter of the wrong type")),
        };
        text("cty")?;
        let media_type = text("typ")?;
        let algorithm = text("alg")?.ok_or(MalformedToken::Header("has no \"alg\""))?;
        Ok(Header { algorithm, key_id: text("kid")?, media_type })
    }

    /// Whether the first part is this very text.
    pub(crate) fn has_header(&self, header: &str) -> bool {
        self.header == header.as_bytes()
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Only for `verify`, after it has checked the signature.
    pub(crate) fn decode_payload(&self) -> Result<Vec<u8>, MalformedToken> {
        decode(self.payload)
    }
}

impl fmt::Debug for Untrusted<'_> {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Untrusted").finish_non_exhaustive()
    }
}

/// Signs a payload: `header.payload.signature`.
pub(crate) fn serialize<S: AsRef<[u8]>>(
    header: &str,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Option<S>,
) -> Option<String> {
    // Room for a signature of 256 bits. It grows for others, which take longer to make anyway.
    let parts = [payload.len(), 32].map(|bytes| 1 + bytes.div_ceil(3) * 4);
    let mut token = Vec::with_capacity(header.len() + parts.iter().sum::<usize>());
    token.extend_from_slice(header.as_bytes());
    append(&mut token, payload)?;
    let signature = sign(&token)?;
    append(&mut token, signature.as_ref())?;
    String::from_utf8(token).ok()
}

/// Appends a dot and a part.
fn append(token: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    token.push(b'.');
    let start = token.len();
    token.resize(start + base64::encoded_len(part.len(), false)?, 0);
    BASE64URL.encode_slice(part, token.get_mut(start..)?).ok()?;
    Some(())
}

fn split_at_dot(text: &[u8], dot: usize) -> (&[u8], &[u8]) {
    let (before, rest) = text.split_at_checked(dot).unwrap_or((text, &[]));
    (before, rest.get(1..).unwrap_or_default())
}

fn decode(part: &[u8]) -> Result<Vec<u8>, MalformedToken> {
    BASE64URL.decode(part).map_err(|_| MalformedToken::NotBase64url)
}

/// Why a text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedToken {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLarge,
    /// Not exactly three parts between two dots, or no header, or no signature.
    NotThreeParts,
    /// A part is not canonical base64url without padding.
    NotBase64url,
    /// The header breaks RFC 7515 §4.
    Header(&'static str),
    /// The header has `crit`.
    Critical,
    /// The payload breaks RFC 7519 §4.
    Payload(&'static str),
}

impl MalformedToken {
    /// The stable slug.
    pub fn code(self) -> Code {
        match self {
            Self::TooLarge => Code::TokenTooLarge,
            Self::Critical => Code::TokenCritical,
            _ => Code::TokenMalformed,
        }
    }
}

impl fmt::Display for MalformedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self {
            Self::TooLarge | Self::Critical => return f.write_str(self.code().sentence()),
            Self::NotThreeParts => "expected three parts",
            Self::NotBase64url => "expected base64url without padding",
            Self::Header(reason) => {
                return write!(f, "{}: header {reason}", self.code().sentence());
            }
            Self::Payload(reason) => {
                return write!(f, "{}: payload {reason}", self.code().sentence());
            }
        };
        write!(f, "{}: {reason}", self.code().sentence())
    }
}

impl std::error::Error for MalformedToken {}
