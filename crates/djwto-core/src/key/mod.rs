//! Keys: parsed once, each bound to one algorithm when it is loaded (RFC 8725 §3.1).

mod pem;

use std::fmt;

use crate::algorithm::{Algorithm, Family, ecdsa, eddsa, hmac, rsa};
use aws_lc_rs::signature::ParsedPublicKey;
use pem::Label;

/// The key that signs, if there is one, and the key that verifies.
pub struct Keys {
    algorithm: Algorithm,
    signing: Option<SigningKey>,
    verifying: VerifyingKey,
    short_secret: bool,
}

impl Keys {
    /// Loads the keys of one algorithm.
    ///
    /// `signing` is the secret, or the private key as PEM (PKCS#8, PKCS#1 or SEC1); `verifying`
    /// is the public key as PEM (SPKI or PKCS#1). Without `verifying` it is derived from
    /// `signing`; without `signing` nothing can be signed.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with which of them.
    pub fn load(
        algorithm: Algorithm,
        signing: Option<&[u8]>,
        verifying: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let Some(minimum) = algorithm.min_secret_bytes() else {
            return Self::load_pair(algorithm, signing, verifying);
        };
        let secret = signing.filter(|secret| !secret.is_empty()).ok_or(KeyError::Missing)?;
        if pem::looks_like_key(secret) {
            return Err(KeyError::KeyAsSecret(algorithm));
        }
        if verifying.is_some() {
            return Err(KeyError::VerifyingNotUsed(algorithm));
        }
        let key = hmac::Key::new(algorithm, secret);
        Ok(Self {
            algorithm,
            signing: Some(SigningKey::Hmac(key.clone())),
            verifying: VerifyingKey::Hmac(key),
            short_secret: secret.len() < minimum,
        })
    }

    fn load_pair(
        algorithm: Algorithm,
        signing: Option<&[u8]>,
        verifying: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let signing = signing.map(|text| SigningKey::from_pem(algorithm, text)).transpose()?;
        let public = match (verifying, &signing) {
            (Some(text), _) => public_from_pem(algorithm, text)?,
            (None, Some(private)) => private
                .public_spki()
                .and_then(|spki| parse_public(algorithm, &spki))
                .ok_or(KeyError::Rejected { algorithm, public: true })?,
            (None, None) => return Err(KeyError::Missing),
        };
        let keys = Self {
            algorithm,
            signing,
            verifying: VerifyingKey::Public(Box::new(public)),
            short_secret: false,
        };
        if verifying.is_some() && keys.can_sign() {
            // Encodings of one key differ; what it signs does not lie.
            let probe = b"djwto: do these keys belong together?";
            if !keys.sign(probe).is_some_and(|signature| keys.verifies(probe, &signature)) {
                return Err(KeyError::NotAPair);
            }
        }
        Ok(keys)
    }

    /// The algorithm that the keys are bound to.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the secret is shorter than the hash (RFC 7518 §3.2): it works, and is weak.
    pub fn has_short_secret(&self) -> bool {
        self.short_secret
    }

    /// Whether there is a key to sign with.
    pub fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// Signs a message; `None` without a signing key, or where the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self.signing.as_ref()? {
            SigningKey::Hmac(key) => Some(key.sign(message)),
            SigningKey::Rsa(key) => key.sign(message),
            SigningKey::Ecdsa(key) => key.sign(message),
            SigningKey::Eddsa(key) => Some(key.sign(message)),
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.verifying {
            VerifyingKey::Hmac(key) => key.verify(message, signature),
            VerifyingKey::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for Keys {
    /// Names the algorithm and nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

enum SigningKey {
    Hmac(hmac::Key),
    Rsa(rsa::Private),
    Ecdsa(ecdsa::Private),
    Eddsa(eddsa::Private),
}

enum VerifyingKey {
    Hmac(hmac::Key),
    Public(Box<ParsedPublicKey>),
}

impl SigningKey {
    fn from_pem(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        let (label, der) = pem::read(text).map_err(|fault| fault.of(false))?;
        let key = match (algorithm.family(), label) {
            (_, Label::Spki | Label::Pkcs1Public) => return Err(KeyError::PublicAsPrivate),
            (Family::Rsa, Label::Pkcs8) => rsa::Private::from_pkcs8(algorithm, &der).map(Self::Rsa),
            (Family::Rsa, Label::Pkcs1) => rsa::Private::from_pkcs1(algorithm, &der).map(Self::Rsa),
            (Family::Ecdsa, Label::Pkcs8) => {
                ecdsa::Private::from_pkcs8(algorithm, &der).map(Self::Ecdsa)
            }
            (Family::Ecdsa, Label::Sec1) => {
                ecdsa::Private::from_sec1(algorithm, &der).map(Self::Ecdsa)
            }
            (Family::Eddsa, Label::Pkcs8) => eddsa::Private::from_pkcs8(&der).map(Self::Eddsa),
            _ => None,
        };
        key.ok_or(KeyError::Rejected { algorithm, public: false })
    }

    fn public_spki(&self) -> Option<Vec<u8>> {
        match self {
            Self::Hmac(_) => None,
            Self::Rsa(key) => key.public_spki(),
            Self::Ecdsa(key) => key.public_spki(),
            Self::Eddsa(key) => key.public_spki(),
        }
    }
}

fn public_from_pem(algorithm: Algorithm, text: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let (label, der) = pem::read(text).map_err(|fault| fault.of(true))?;
    let spki = match label {
        Label::Spki => Some(der.to_vec()),
        Label::Pkcs1Public => rsa::spki(&der),
        Label::Pkcs8 | Label::Pkcs1 | Label::Sec1 => return Err(KeyError::PrivateAsPublic),
    };
    spki.and_then(|spki| parse_public(algorithm, &spki))
        .ok_or(KeyError::Rejected { algorithm, public: true })
}

fn parse_public(algorithm: Algorithm, spki: &[u8]) -> Option<ParsedPublicKey> {
    match algorithm.family() {
        Family::Hmac => None,
        Family::Rsa => rsa::public(algorithm, spki),
        Family::Ecdsa => ecdsa::public(algorithm, spki),
        Family::Eddsa => eddsa::public(spki),
    }
}

/// Why a key could not be loaded. No variant holds any part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is neither a key to sign with nor one to verify with.
    Missing,
    /// A text with a key in it was given as the secret of an HMAC.
    KeyAsSecret(Algorithm),
    /// A verifying key was given to an algorithm that has only a secret.
    VerifyingNotUsed(Algorithm),
    /// No PEM block with a key was found.
    NotPem {
        /// Whether in the text of the public key.
        public: bool,
    },
    /// The private key is encrypted.
    Encrypted {
        /// Whether it was given as the public key.
        public: bool,
    },
    /// A public key was given to sign with.
    PublicAsPrivate,
    /// A private key was given to verify with.
    PrivateAsPublic,
    /// The block is there, and the key in it is not one of this algorithm.
    Rejected {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// Whether it was the public key.
        public: bool,
    },
    /// The two keys do not belong together.
    NotAPair,
}

impl KeyError {
    /// Whether the fault is in the verifying key.
    pub fn is_verifying(self) -> bool {
        matches!(
            self,
            Self::VerifyingNotUsed(_)
                | Self::PrivateAsPublic
                | Self::NotAPair
                | Self::NotPem { public: true }
                | Self::Encrypted { public: true }
                | Self::Rejected { public: true, .. }
        )
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("expected a key, found none"),
            Self::KeyAsSecret(algorithm) => write!(
                f,
                "expected a secret for {algorithm}, found a PEM or SSH key; use an asymmetric \
                 algorithm with it, or a random secret"
            ),
            Self::VerifyingNotUsed(algorithm) => {
                write!(f, "expected no verifying key: {algorithm} verifies with its secret")
            }
            Self::NotPem { .. } => f.write_str(
                "expected a key as PEM text (\"-----BEGIN … KEY-----\"), found no such block",
            ),
            Self::Encrypted { public } => write!(
                f,
                "expected {} key, found an encrypted private key",
                if *public { "a public" } else { "an unencrypted private" }
            ),
            Self::PublicAsPrivate => f.write_str("expected a private key, found a public one"),
            Self::PrivateAsPublic => f.write_str("expected a public key, found a private one"),
            Self::Rejected { algorithm, public } => write!(
                f,
                "expected a {} key for {algorithm}, found one of another kind, curve or size \
                 (RSA: 2,048 to 8,192 bits)",
                if *public { "public" } else { "private" }
            ),
            Self::NotAPair => {
                f.write_str("expected the public half of the signing key, found another key")
            }
        }
    }
}

impl std::error::Error for KeyError {}
