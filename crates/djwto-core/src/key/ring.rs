//! The key ring: one key signs, all verify, and the `kid` of a token names its key.

use super::{Key, KeyError};
use crate::algorithm::{Algorithm, Family};
use crate::compact::{Header, MalformedToken, Purpose, Untrusted};

/// At most one key that signs, and any number that verify.
///
/// A token with an unknown `kid` is refused without trying a key. Without a `kid`, only the keys of the
/// token's algorithm are tried (RFC 7515 §4.1.4, RFC 8725 §3.1). The default ring has no keys, and refuses
/// every token.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
    signing: Option<usize>,
}

impl KeyRing {
    /// A ring of one key, which signs if it can.
    pub fn new(key: Key) -> Self {
        let signing = key.can_sign().then_some(0);
        Self { keys: vec![key], signing }
    }

    /// A ring of one key of one algorithm, from what two settings hold.
    ///
    /// `signing` is the secret, of any length, or the private key; `verifying` is the public key.
    /// Without `verifying` it is derived from `signing`; without `signing` nothing can be signed.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with which of them.
    pub fn load(
        algorithm: Algorithm,
        signing: Option<&[u8]>,
        verifying: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let key = match (algorithm.family(), signing, verifying) {
            (Family::Hmac, Some(secret), None) => Key::weak_secret(algorithm, secret),
            (Family::Hmac, None, _) | (_, None, None) => Err(KeyError::Missing),
            (Family::Hmac, Some(secret), Some(_)) => {
                Key::weak_secret(algorithm, secret).and(Err(KeyError::VerifyingNotUsed(algorithm)))
            }
            (_, Some(private), None) => Key::private(algorithm, private),
            (_, None, Some(public)) => Key::public(algorithm, public),
            (_, Some(private), Some(public)) => Key::pair(algorithm, private, public),
        }?;
        Ok(Self::new(key))
    }

    /// Keys of a file or folder, of which the one at `signing` signs.
    pub(super) fn of(keys: Vec<Key>, signing: Option<usize>) -> Self {
        Self { keys, signing }
    }

    /// Adds a key that verifies and does not sign: an older one, whose tokens have not expired.
    #[must_use]
    pub fn with_fallback(mut self, key: Key) -> Self {
        self.keys.push(key.without_signing());
        self
    }

    /// The keys, in the order in which they were added.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key that signs.
    pub fn signing(&self) -> Option<&Key> {
        self.keys.get(self.signing?)
    }

    /// Whether there is a key to sign with.
    pub fn can_sign(&self) -> bool {
        self.signing().is_some()
    }

    /// Whether a secret is shorter than the hash (RFC 7518 §3.2).
    pub fn has_short_secret(&self) -> bool {
        self.keys.iter().any(Key::has_short_secret)
    }

    /// Whether a signature may take longer than handing the work to another thread.
    pub fn has_key_pairs(&self) -> bool {
        self.keys.iter().any(|key| key.algorithm().family() != Family::Hmac)
    }

    /// Whether the one key that the header points to, or one of those it may mean, signed this for
    /// that purpose.
    pub(crate) fn verifies(
        &self,
        token: &Untrusted<'_>,
        purpose: Purpose,
    ) -> Result<bool, SelectError> {
        let (message, signature) = (token.signing_input(), token.signature());
        // A header that one of our own keys writes, and no other, need not be read.
        let mut writers = self.keys.iter().filter(|key| token.has_header(key.header()));
        if purpose == Purpose::Token
            && let (Some(key), None) = (writers.next(), writers.next())
            && (key.id().is_some() || self.only_of(key.algorithm()))
        {
            return Ok(key.verifies(message, signature));
        }
        let header = token.header().map_err(SelectError::Malformed)?;
        if !purpose.accepts(&header) {
            let reason = "has a \"typ\" for another purpose";
            return Err(SelectError::Malformed(MalformedToken::Header(reason)));
        }
        let mut candidates = self.select(&header)?;
        Ok(candidates.any(|key| key.verifies(message, signature)))
    }

    fn select<'r>(
        &'r self,
        header: &'r Header,
    ) -> Result<impl Iterator<Item = &'r Key>, SelectError> {
        let named = |key: &&Key| header.key_id.is_none() || key.id() == header.key_id.as_deref();
        let fits = |key: &&Key| key.algorithm().accepts(&header.algorithm);
        if !self.keys.iter().any(|key| fits(&key)) {
            return Err(SelectError::Algorithm);
        }
        if !self.keys.iter().any(|key| named(&key)) {
            return Err(SelectError::UnknownKey);
        }
        if !self.keys.iter().any(|key| named(&key) && fits(&key)) {
            return Err(SelectError::Algorithm);
        }
        Ok(self.keys.iter().filter(named).filter(fits))
    }

    fn only_of(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().filter(|key| key.algorithm().accepts(algorithm.name())).count() == 1
    }
}

/// Why no key is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /// The header is not what RFC 7515 §4 wants.
    Malformed(MalformedToken),
    /// The header's `alg` does not agree with any key, or not with the one that its `kid` names.
    Algorithm,
    /// No key has the header's `kid`.
    UnknownKey,
}
