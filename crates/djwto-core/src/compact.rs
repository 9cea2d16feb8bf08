//! The compact serialization (RFC 7515 §7.1), read strictly.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiter::JsonValue;

use crate::algorithm::Algorithm;
use crate::error::Code;
use crate::json;

/// The longest token that is looked at, in bytes. Nothing is decoded before this check.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token that was taken apart and not yet verified. It has no way to read claims.
pub struct Untrusted<'t> {
    algorithm: String,
    signing_input: &'t [u8],
    payload: &'t [u8],
    signature: Vec<u8>,
}

impl<'t> Untrusted<'t> {
    /// Takes a token apart: three non-empty parts of canonical, unpadded base64url, the first
    /// of them a JSON object with an `alg`. Keys and URLs in the header (`jwk`, `jku`, `x5u`,
    /// `x5c`) are never looked at.
    ///
    /// # Errors
    ///
    /// [`MalformedToken`] names the fault.
    pub fn parse(token: &'t [u8]) -> Result<Self, MalformedToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(MalformedToken::TooLarge);
        }
        let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(i, _)| i);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(MalformedToken::NotThreeParts);
        };
        let (signing_input, signature) = split_at_dot(token, second);
        let (header, payload) = split_at_dot(signing_input, first);
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(MalformedToken::NotThreeParts);
        }
        let signature = decode(signature)?;
        let algorithm = read_header(&decode(header)?)?;
        Ok(Self { algorithm, signing_input, payload, signature })
    }

    /// The `alg` that the header names. It only has to agree with the key.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    pub(crate) fn signing_input(&self) -> &[u8] {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// For `verify` alone, once the signature holds.
    pub(crate) fn decode_payload(&self) -> Result<Vec<u8>, MalformedToken> {
        decode(self.payload)
    }
}

impl fmt::Debug for Untrusted<'_> {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Untrusted").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Signs a payload: `header.payload.signature`.
pub(crate) fn serialize(
    algorithm: Algorithm,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}

fn split_at_dot(text: &[u8], dot: usize) -> (&[u8], &[u8]) {
    let (before, rest) = text.split_at_checked(dot).unwrap_or((text, &[]));
    (before, rest.get(1..).unwrap_or_default())
}

/// The library refuses padding, white space, foreign letters and non-zero trailing bits.
fn decode(part: &[u8]) -> Result<Vec<u8>, MalformedToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MalformedToken::NotBase64url)
}

fn read_header(text: &[u8]) -> Result<String, MalformedToken> {
    let header = json::parse_object(text).map_err(MalformedToken::Header)?;
    let mut algorithm = None;
    let mut covers_other_bytes = false;
    for (name, value) in header.iter() {
        match (name.as_ref(), value) {
            ("alg", JsonValue::Str(alg)) => algorithm = Some(alg.to_string()),
            ("alg" | "kid" | "typ" | "cty", value) if !matches!(value, JsonValue::Str(_)) => {
                return Err(MalformedToken::Header("has a parameter of the wrong type"));
            }
            // RFC 7515 §4.1.11: what is critical must be understood; we understand none of it.
            ("crit", _) => return Err(MalformedToken::Critical),
            // RFC 7797 §3: such a signature covers other bytes than those that we would read.
            ("b64", value) => covers_other_bytes = !matches!(value, JsonValue::Bool(true)),
            _ => {}
        }
    }
    if covers_other_bytes {
        return Err(MalformedToken::Header("has \"b64\", which is not supported"));
    }
    algorithm.ok_or(MalformedToken::Header("has no \"alg\""))
}

/// Why a text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedToken {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLarge,
    /// Not exactly three non-empty parts between two dots.
    NotThreeParts,
    /// A part is not canonical base64url without padding.
    NotBase64url,
    /// The header is not what RFC 7515 §4 wants.
    Header(&'static str),
    /// The header has `crit`.
    Critical,
    /// The payload is not what RFC 7519 §4 wants.
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
