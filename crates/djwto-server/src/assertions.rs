//! Assertions for upstreams, each signed once for a token and a host.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use djwto_core::key::JwkSet;
use djwto_core::token::assertion::{AssertionKeys, Facts, SignError, Usable, sign};
use djwto_core::{Key, UnixTime};
use hyper::header::HeaderValue;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config;
use crate::files;
use crate::keys;
use crate::problem::Problem;

/// The issuer of assertions and its keys.
#[derive(Debug)]
pub struct Issuer {
    name: String,
    keys: AssertionKeys,
    published: Vec<Published>,
}

/// A public key, and until when it is shown.
#[derive(Debug)]
struct Published {
    jwk: Value,
    /// Seconds since 1970; `None`: as long as it stands in the file.
    until: Option<i64>,
}

impl Issuer {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// [`Problem`]: the file cannot be read, is not its owner's alone, or has no key pair that signs.
    pub fn read(settings: &config::Assertions) -> Result<Self, Problem> {
        let path = &settings.keys;
        if !path.exists() {
            let what =
                "expected the keys of assertions, found no file. Run: djwto-server keys init";
            return Err(Problem::of_file(path, what));
        }
        let text = Zeroizing::new(files::read_secret(path)?);
        let keys = read_keys(path, text.as_bytes())?;
        Ok(Self { name: settings.issuer.clone(), keys, published: published(text.as_bytes()) })
    }

    /// `iss` of the assertions.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public keys, as a JWK Set. A retired key is not shown any more once its last assertion has
    /// long expired, also where no one has rotated since.
    pub fn public(&self, now: i64) -> String {
        let is_shown = |key: &&Published| key.until.is_none_or(|until| now < until);
        let keys: Vec<_> = self.published.iter().filter(is_shown).map(|key| &key.jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The assertion for an access token and a host: the one that is kept beside the token, or a new
    /// one. The flag says whether it is new.
    ///
    /// # Errors
    ///
    /// [`SignError`]: the token expires at this moment, or nothing can be signed.
    pub fn assertion(
        &self,
        kept: &Kept,
        host: usize,
        facts: &Facts<'_>,
        now: UnixTime,
    ) -> Result<(HeaderValue, bool), SignError> {
        if let Some(found) = kept.find(host, now) {
            return Ok((found, false));
        }
        let (text, usable) = sign(&self.keys, facts, now)?.into_parts();
        // Many are kept: no byte more than the text.
        let text = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        // Base64url and dots are good in a header, so the other branch never runs.
        let Ok(value) = HeaderValue::from_maybe_shared(text) else {
            return Err(SignError::Issue(djwto_core::token::issue::IssueError::Sign));
        };
        kept.put(Slot { host, usable, value: value.clone() });
        Ok((value, true))
    }
}

fn published(text: &[u8]) -> Vec<Published> {
    let set: Value = serde_json::from_slice(text).unwrap_or_default();
    let one = |jwk: &Value| {
        let key = Key::from_jwk(jwk.to_string().as_bytes()).ok()?;
        let until = keys::shown_until(jwk);
        Some(Published { jwk: serde_json::from_str(&key.to_public_jwk()?).ok()?, until })
    };
    let list = set.get("keys").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(one).collect()
}

/// The keys of assertions in the text of a JWK Set; one of them signs.
///
/// # Errors
///
/// [`Problem`] says what is wrong with them.
pub fn read_keys(path: &Path, text: &[u8]) -> Result<AssertionKeys, Problem> {
    let ring = JwkSet::parse(text).and_then(JwkSet::into_ring);
    let ring = ring.map_err(|error| Problem::of_file(path, error))?;
    if !ring.can_sign() {
        let what = "expected an active key that signs, found none. Move the file away, and run: djwto-server keys init";
        return Err(Problem::of_file(path, what));
    }
    AssertionKeys::new(ring).map_err(|error| Problem::of_file(path, error))
}

/// The assertions that were signed for one access token. They stand beside the token in the engine's
/// cache: they end with it, and with the engine when keys or rules change.
#[derive(Default)]
pub struct Kept(Mutex<Vec<Slot>>);

struct Slot {
    host: usize,
    usable: Usable,
    value: HeaderValue,
}

/// The most hosts for which one token keeps an assertion. The oldest is replaced.
const MAX_SLOTS: usize = 6;

impl Kept {
    fn find(&self, host: usize, now: UnixTime) -> Option<HeaderValue> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.iter().find(|slot| slot.host == host)?;
        slot.usable.is_now(now).then(|| slot.value.clone())
    }

    fn put(&self, new: Slot) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|slot| slot.host != new.host);
        if slots.len() >= MAX_SLOTS {
            slots.remove(0);
        }
        slots.reserve_exact(1);
        slots.push(new);
    }
}

impl fmt::Debug for Kept {
    /// Never shows an assertion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Issuer, MAX_SLOTS};
    use djwto_core::token::assertion::{AssertionKeys, Facts, verify};
    use djwto_core::{Algorithm, Key, KeyRing, SessionId, UnixTime};

    #[test]
    fn an_assertion_is_signed_once_for_a_token_and_a_host() {
        let ring = || KeyRing::new(Key::generate(Algorithm::EdDsa).unwrap());
        let keys = AssertionKeys::new(ring()).unwrap();
        let issuer = Issuer { name: "guard".to_owned(), keys, published: Vec::new() };
        let at = |seconds: i64| UnixTime::from_whole(1_700_000_000 + seconds);
        let facts = Facts {
            issuer: issuer.name(),
            audience: "models",
            user: "7",
            session: SessionId::from_bytes([7; 16]),
            access_expires: Some(at(300)),
        };
        let kept = super::Kept::default();
        let (first, is_new) = issuer.assertion(&kept, 0, &facts, at(0)).unwrap();
        assert!(is_new);
        assert_eq!(issuer.assertion(&kept, 0, &facts, at(39)).unwrap(), (first.clone(), false));
        let asserted = verify(first.as_bytes(), &issuer.keys, "guard", "models", at(39)).unwrap();
        assert_eq!((asserted.user.as_str(), asserted.expires), ("7", at(60)));
        assert!(issuer.assertion(&kept, 0, &facts, at(41)).unwrap().1);
        assert!(issuer.assertion(&kept, 1, &facts, at(41)).unwrap().1);
        assert!(issuer.assertion(&kept, 0, &facts, at(300)).is_err());
        for host in 0..2 * MAX_SLOTS {
            issuer.assertion(&kept, host, &facts, at(41)).unwrap();
        }
        assert_eq!(kept.0.lock().unwrap().len(), MAX_SLOTS);
    }
}
