//! Keys: each is parsed once, and belongs to one algorithm from then on (RFC 8725 §3.1).

mod error;
mod foreign;
mod jwk;
mod kind;
mod parse;
pub mod published;
mod ring;
mod secret;
mod set;

pub use error::KeyError;
pub use foreign::Foreign;
pub use kind::KeyKind;
pub use ring::{KeyRing, SelectError};
pub use set::{JwkSet, JwkSetError, KeyFileError, Member, Skipped, State};

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;

use crate::algorithm::{Algorithm, Family, ecdsa, eddsa, hmac, rsa};

/// One key for one algorithm. It verifies tokens; a private or secret key also signs them.
pub struct Key {
    algorithm: Algorithm,
    id: Option<String>,
    signing: Option<SigningKey>,
    verifying: VerifyingKey,
    short_secret: bool,
    /// The first part of every token that this key signs.
    header: String,
}

/// A secret is in `VerifyingKey::Hmac`, which signs too.
enum SigningKey {
    Hmac,
    Rsa(rsa::Private),
    Ecdsa(ecdsa::Private),
    Eddsa(eddsa::Private),
}

enum VerifyingKey {
    Hmac(Box<hmac::Key>),
    Public(Box<ParsedPublicKey>),
}

impl Key {
    /// A shared secret for HMAC, at least as long as the hash (RFC 7518 §3.2).
    ///
    /// # Errors
    ///
    /// [`KeyError::ShortSecret`] for a shorter one. [`KeyError::KeyAsSecret`] for the text of a public
    /// or private key, which an attacker may know.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let key = Self::weak_secret(algorithm, secret)?;
        if key.short_secret { Err(KeyError::ShortSecret(algorithm)) } else { Ok(key) }
    }

    /// A shared secret of any length. A short one can be guessed from any token it signed.
    ///
    /// # Errors
    ///
    /// As [`Key::secret`], but for the length.
    pub fn weak_secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let minimum = algorithm.min_secret_bytes().ok_or(KeyError::NotASecret(algorithm))?;
        if secret.is_empty() {
            return Err(KeyError::Missing);
        }
        if secret::looks_like_key(secret) {
            return Err(KeyError::KeyAsSecret(algorithm));
        }
        let verifying = VerifyingKey::Hmac(Box::new(hmac::Key::new(algorithm, secret)));
        let mut key = Self::new(algorithm, Some(SigningKey::Hmac), verifying);
        key.short_secret = secret.len() < minimum;
        Ok(key)
    }

    /// A private key: PEM or DER, as PKCS#8, PKCS#1 or SEC1. It verifies with its public half.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn private(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        Self::from_signing(algorithm, parse::private(algorithm, text)?)
    }

    /// A public key: PEM or DER, as SPKI, PKCS#1 or an X.509 certificate. Only the key of a certificate
    /// is read; its dates and its issuer are not checked.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn public(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        Self::from_public(algorithm, parse::public(algorithm, text)?)
    }

    /// A private key and the public half of it, which must belong together.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with which of them.
    pub fn pair(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        let private = Self::private(algorithm, private)?;
        let public = Self::public(algorithm, public)?;
        // Encodings of one key may differ, but its signatures verify.
        let probe = b"djwto: do these keys belong together?";
        if !private.sign(probe).is_some_and(|signature| public.verifies(probe, &signature)) {
            return Err(KeyError::NotAPair);
        }
        Ok(private)
    }

    /// A key of a pair, private or public: PEM or DER.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn from_either(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        match Self::private(algorithm, text) {
            Err(KeyError::PublicAsPrivate) => Self::public(algorithm, text),
            key => key,
        }
    }

    /// An older key that still verifies: a JWK, a secret, or a key of a pair, private or public.
    ///
    /// A JWK keeps its `kid`. Other keys have none.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it; [`KeyError::Algorithm`] where a JWK is for another.
    pub fn fallback(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        let key = match (Self::from_jwk_for(algorithm, text), algorithm.family()) {
            (Err(KeyError::NotJson(_)), Family::Hmac) => Self::weak_secret(algorithm, text),
            (Err(KeyError::NotJson(_)), _) => Self::from_either(algorithm, text),
            (key, _) => key,
        }?;
        let found = key.algorithm();
        // EdDSA and Ed25519 are one algorithm.
        let both_eddsa = [found, algorithm].map(Algorithm::family) == [Family::Eddsa; 2];
        if found == algorithm || both_eddsa {
            Ok(key)
        } else {
            Err(KeyError::Algorithm { expected: algorithm, found })
        }
    }

    /// A private or public key of any kind; RSA for `rsa_algorithm`.
    fn from_any(text: &[u8], rsa_algorithm: Algorithm) -> Result<Self, KeyError> {
        let kinds = [
            rsa_algorithm,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::Es256K,
            Algorithm::EdDsa,
        ];
        let mut refusal = KeyError::NotAKey { public: false };
        for algorithm in kinds {
            match Self::from_either(algorithm, text) {
                Err(KeyError::Kind { kind, public, .. }) => {
                    if !matches!(refusal, KeyError::Rejected { .. }) {
                        refusal = KeyError::Kind { algorithm: None, kind, public };
                    }
                }
                Err(error @ KeyError::Rejected { .. }) => refusal = error,
                key => return key,
            }
        }
        Err(refusal)
    }

    /// A new random key: RSA of 3,072 bits, a curve's key, or a secret as long as the hash.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] where the system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let signing = match algorithm.family() {
            Family::Hmac => {
                let mut secret = zeroize::Zeroizing::new([0; 64]);
                aws_lc_rs::rand::fill(secret.as_mut()).map_err(|_| KeyError::Random)?;
                let size = algorithm.min_secret_bytes().unwrap_or(secret.len());
                return Self::secret(algorithm, secret.get(..size).unwrap_or_default());
            }
            Family::Rsa => rsa::Private::generate(algorithm).map(SigningKey::Rsa),
            Family::Ecdsa => ecdsa::Private::generate(algorithm).map(SigningKey::Ecdsa),
            Family::Eddsa => eddsa::Private::generate().map(SigningKey::Eddsa),
        };
        Self::from_signing(algorithm, signing.ok_or(KeyError::Random)?)
    }

    /// The same key under another `kid`. Without this, the `kid` of a key pair is its thumbprint
    /// (RFC 7638). A secret has none, as a thumbprint would help to guess it (RFC 7638 §7).
    #[must_use]
    pub fn with_id(mut self, id: String) -> Self {
        self.id = Some(id);
        self.header = header(self.algorithm, self.id.as_deref(), JWT);
        self
    }

    /// The algorithm that the key is bound to.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid`, in the headers of the tokens that it signs.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it can sign.
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// Whether this is a secret shorter than the hash (RFC 7518 §3.2): it works, and is weak.
    pub fn has_short_secret(&self) -> bool {
        self.short_secret
    }

    /// The first part of every token that it signs: base64url of `{"alg":…,"kid":…,"typ":"JWT"}`.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// The same with another `typ`.
    pub(crate) fn header_of(&self, media_type: &str) -> String {
        header(self.algorithm, self.id.as_deref(), media_type)
    }

    /// Signs a message; `None` without a private key, or where the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Signature> {
        match (self.signing.as_ref()?, &self.verifying) {
            (SigningKey::Rsa(key), _) => key.sign(message).map(Signature::Bytes),
            (SigningKey::Ecdsa(key), _) => key.sign(message).map(Signature::Bytes),
            (SigningKey::Eddsa(key), _) => Some(Signature::Bytes(key.sign(message))),
            (SigningKey::Hmac, VerifyingKey::Hmac(key)) => Some(Signature::Tag(key.sign(message))),
            (SigningKey::Hmac, VerifyingKey::Public(_)) => None,
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: impl AsRef<[u8]>) -> bool {
        match &self.verifying {
            VerifyingKey::Hmac(key) => key.verify(message, signature.as_ref()),
            VerifyingKey::Public(key) => key.verify_sig(message, signature.as_ref()).is_ok(),
        }
    }

    /// The same key, for verifying alone.
    fn without_signing(mut self) -> Self {
        self.signing = None;
        self
    }

    fn new(algorithm: Algorithm, signing: Option<SigningKey>, verifying: VerifyingKey) -> Self {
        let header = header(algorithm, None, JWT);
        Self { algorithm, id: None, signing, verifying, short_secret: false, header }
    }

    fn from_signing(algorithm: Algorithm, signing: SigningKey) -> Result<Self, KeyError> {
        let spki = match &signing {
            SigningKey::Hmac => None,
            SigningKey::Rsa(key) => key.public_spki(),
            SigningKey::Ecdsa(key) => key.public_spki(),
            SigningKey::Eddsa(key) => key.public_spki(),
        };
        let public = spki
            .and_then(|spki| parse::public_bytes(algorithm, &spki))
            .ok_or(KeyError::Rejected { algorithm, public: false })?;
        let mut key = Self::from_public(algorithm, public)?;
        key.signing = Some(signing);
        Ok(key)
    }

    fn from_public(algorithm: Algorithm, public: ParsedPublicKey) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::Public(Box::new(public));
        let key = Self::new(algorithm, None, verifying);
        let id = key.thumbprint().ok_or(KeyError::Rejected { algorithm, public: true })?;
        Ok(key.with_id(id))
    }
}

impl fmt::Debug for Key {
    /// Names the algorithm and the `kid`, and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A signature, in the library's types.
pub(crate) enum Signature {
    Tag(aws_lc_rs::hmac::Tag),
    Bytes(Vec<u8>),
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Tag(tag) => tag.as_ref(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// The `typ` of tokens.
const JWT: &str = "JWT";

fn header(algorithm: Algorithm, id: Option<&str>, media_type: &str) -> String {
    use base64::Engine as _;
    let json = match id {
        // Any text may be a `kid`: the library escapes it.
        Some(id) => {
            let id = serde_json::Value::from(id);
            format!(r#"{{"alg":"{algorithm}","kid":{id},"typ":"{media_type}"}}"#)
        }
        None => format!(r#"{{"alg":"{algorithm}","typ":"{media_type}"}}"#),
    };
    crate::compact::BASE64URL.encode(json)
}
