//! JWK Sets (RFC 7517 §5): read to make a key ring, and written for services that verify.

use std::fmt;

use serde_json::{Value, json};

use super::{Key, KeyError, KeyRing};
use crate::algorithm::{Algorithm, Family};
use crate::json;

/// The state of a key: published, then signing, then only verifying.
///
/// It is the member `djwto_state` of a JWK, which other readers ignore (RFC 7517 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Published and verifying, so that every reader knows it before it signs.
    Next,
    /// Signs.
    Active,
    /// Verifies until its last token has expired.
    Retired,
}

impl State {
    /// The value of `djwto_state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The state of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retired].into_iter().find(|state| state.name() == name)
    }
}

/// One key of a set, with its state.
#[derive(Debug)]
pub struct Member {
    /// The key.
    pub key: Key,
    /// `djwto_state`, if the set says.
    pub state: Option<State>,
}

/// A JWK Set.
#[derive(Debug)]
pub struct JwkSet {
    /// The keys that can be used.
    pub members: Vec<Member>,
    /// Those that cannot: they are passed over (RFC 7517 §5).
    pub skipped: Vec<Skipped>,
}

/// A key of a set that cannot be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its place, counted from 0.
    pub place: usize,
    /// Its `kid`.
    pub id: Option<String>,
    /// Why.
    pub error: KeyError,
}

impl Skipped {
    /// The key as a person finds it: counted from 1, with the beginning of its `kid`.
    pub fn name(&self) -> String {
        let id = self.id.iter().map(|id| {
            let more = if id.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
            let shown: String = id.chars().take(SHOWN_CHARS).collect();
            format!(" ({shown:?}{more})")
        });
        format!("key {}{}", self.place + 1, id.collect::<String>())
    }
}

impl fmt::Debug for Skipped {
    /// Shows the beginning of the `kid` alone: a key may stand there by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skipped")
            .field("key", &self.name())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Enough to find a key by its thumbprint, and too little to show one.
const SHOWN_CHARS: usize = 12;

impl JwkSet {
    /// Reads the JSON text of a set. A key of an unknown kind is skipped.
    ///
    /// # Errors
    ///
    /// [`JwkSetError`]: it is not a set, none of its keys can be used, it mixes secrets with key pairs,
    /// or two keys have the same `kid`.
    pub fn parse(text: &[u8]) -> Result<Self, JwkSetError> {
        let set = json::parse_object(text).map_err(JwkSetError::NotJson)?;
        let keys = match set.get("keys") {
            Some(Value::Array(keys)) => keys,
            None if set.contains_key("kty") => return Err(JwkSetError::OneKey),
            _ => return Err(JwkSetError::NoKeys),
        };
        let (mut members, mut skipped) = (Vec::new(), Vec::new());
        for (place, jwk) in keys.iter().enumerate() {
            match Member::read(jwk) {
                Ok(member) => members.push(member),
                Err(error) => {
                    let id = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                    skipped.push(Skipped { place, id, error });
                }
            }
        }
        if members.is_empty() && !skipped.is_empty() {
            return Err(JwkSetError::Unusable(skipped));
        }
        let set = Self { members, skipped };
        set.check()?;
        Ok(set)
    }

    /// A ring in which the active key signs; where no state is given, the only key that can.
    ///
    /// # Errors
    ///
    /// [`JwkSetError::Signing`] if several keys could be the one.
    pub fn into_ring(self) -> Result<KeyRing, JwkSetError> {
        let has_states = self.members.iter().any(|member| member.state.is_some());
        let mut signing = self.members.iter().enumerate().filter(|(_, member)| {
            member.key.can_sign() && (!has_states || member.state == Some(State::Active))
        });
        let first = signing.next().map(|(place, _)| place);
        if signing.next().is_some() {
            return Err(JwkSetError::Signing);
        }
        drop(signing);
        Ok(KeyRing::of(self.members.into_iter().map(|member| member.key).collect(), first))
    }

    fn check(&self) -> Result<(), JwkSetError> {
        if self.members.is_empty() {
            return Err(JwkSetError::NoKeys);
        }
        let secrets = self.members.iter().filter(|member| member.is_secret()).count();
        if secrets != 0 && secrets != self.members.len() {
            return Err(JwkSetError::Mixed);
        }
        let ids = || self.members.iter().map(|member| member.key.id());
        if ids().enumerate().any(|(place, id)| id.is_some() && ids().take(place).any(|x| x == id)) {
            return Err(JwkSetError::SameId);
        }
        Ok(())
    }
}

impl Member {
    fn read(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::NotJson("is not a JSON object"))?;
        let state = match jwk.get(STATE) {
            None => None,
            Some(name) => {
                Some(name.as_str().and_then(State::from_name).ok_or(KeyError::Unknown(STATE))?)
            }
        };
        Ok(Self { key: Key::from_members(jwk)?, state })
    }

    fn is_secret(&self) -> bool {
        self.key.algorithm().family() == Family::Hmac
    }
}

impl KeyRing {
    /// A ring of the keys in PEM files: names without their ending, and texts. The private key
    /// named `signing` signs, or the only private one; all verify. An RSA key is for
    /// `rsa_algorithm`; for the others their curve decides.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] names the file that cannot be used.
    pub fn from_files<N: AsRef<str>, T: AsRef<[u8]>>(
        files: &[(N, T)],
        rsa_algorithm: Algorithm,
    ) -> Result<Self, KeyFileError> {
        let mut keys = Vec::with_capacity(files.len());
        for (name, text) in files {
            let key = Key::from_any(text.as_ref(), rsa_algorithm)
                .map_err(|error| KeyFileError::Key(name.as_ref().to_owned(), error))?;
            keys.push(key);
        }
        let private = || (0..keys.len()).filter(|at| keys.get(*at).is_some_and(Key::can_sign));
        let named = files.iter().position(|(name, _)| name.as_ref() == SIGNING);
        let signing = match named.filter(|at| private().any(|one| one == *at)) {
            Some(signing) => Some(signing),
            None if named.is_some() => return Err(KeyFileError::SigningIsPublic),
            None if private().count() > 1 => return Err(KeyFileError::Signing),
            None => private().next(),
        };
        if keys.is_empty() {
            return Err(KeyFileError::None);
        }
        Ok(Self::of(keys, signing))
    }

    /// The public halves as a JWK Set, for services that verify. Secrets are left out. A key that comes
    /// twice, as in a private and a public file, is listed once (RFC 7517 §4.5).
    pub fn to_public_jwks(&self) -> String {
        let mut keys = Vec::new();
        for jwk in self.keys().iter().filter_map(Key::public_jwk) {
            if !keys.contains(&jwk) {
                keys.push(jwk);
            }
        }
        json!({ "keys": keys }).to_string()
    }
}

const STATE: &str = "djwto_state";
const SIGNING: &str = "signing";

/// Why a set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwkSetError {
    /// The text is not one JSON object.
    NotJson(&'static str),
    /// There is no array `keys`, or nothing in it.
    NoKeys,
    /// It is one JWK, and no set.
    OneKey,
    /// No key in it can be used.
    Unusable(Vec<Skipped>),
    /// Secrets share the set with key pairs, whose public halves are there to be shown.
    Mixed,
    /// Two keys have the same `kid`.
    SameId,
    /// More than one key could sign.
    Signing,
    /// A set that anyone may read has a private key or a secret.
    Private,
}

impl fmt::Display for JwkSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson(reason) => return write!(f, "expected a JWK Set: the text {reason}"),
            Self::NoKeys => "expected a JWK Set with keys that can be used, found none",
            Self::OneKey => {
                "expected a JWK Set, found one JWK: put {\"keys\": [ before it and ]} after it"
            }
            Self::Unusable(skipped) => {
                f.write_str("expected a JWK Set with keys that can be used, found none: ")?;
                for (at, key) in skipped.iter().take(SHOWN_KEYS).enumerate() {
                    let between = if at == 0 { "" } else { "; " };
                    write!(f, "{between}{}: {}", key.name(), key.error)?;
                }
                return match skipped.len().saturating_sub(SHOWN_KEYS) {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                };
            }
            Self::Mixed => {
                "expected secrets or key pairs, found both: a set with key pairs is one that \
                 others may see"
            }
            Self::Private => {
                "expected only public keys, found a private key or a secret. Its readers can sign \
                 tokens: replace that key"
            }
            Self::SameId => "expected a different \"kid\" for each key, found one twice",
            Self::Signing => {
                "expected one key to sign with, found several: give one of them \
                 \"djwto_state\": \"active\", and the others \"next\" or \"retired\""
            }
        })
    }
}

const SHOWN_KEYS: usize = 10;

impl std::error::Error for JwkSetError {}

/// Why a folder of key files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFileError {
    /// There is no file.
    None,
    /// The file of this name holds no key that can be used.
    Key(String, KeyError),
    /// There are several private keys, and none of them is in the file `signing.pem`.
    Signing,
    /// The file `signing.pem` has no private key.
    SigningIsPublic,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("expected files named *.pem, found none"),
            Self::Key(name, error) => write!(f, "{name}.pem: {error}"),
            Self::SigningIsPublic => f.write_str(
                "signing.pem: expected a private key, found a public one; a key that only verifies \
                 goes into a file of another name",
            ),
            Self::Signing => f.write_str(
                "expected the key to sign with in signing.pem, found several private keys and no \
                 such file",
            ),
        }
    }
}

impl std::error::Error for KeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Key(_, error) => Some(error),
            _ => None,
        }
    }
}
