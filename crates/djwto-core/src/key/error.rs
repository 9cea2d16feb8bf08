//! Why a key could not be loaded, in words that never show it.

use std::fmt;

use crate::algorithm::Algorithm;

/// Why a key could not be loaded. No variant holds any part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is neither a key to sign with nor one to verify with.
    Missing,
    /// The secret is shorter than the hash.
    ShortSecret(Algorithm),
    /// A secret was given to an algorithm that has key pairs.
    NotASecret(Algorithm),
    /// A text with a key in it was given as the secret of an HMAC.
    KeyAsSecret(Algorithm),
    /// A verifying key was given to an algorithm that has only a secret.
    VerifyingNotUsed(Algorithm),
    /// No PEM block or DER with a key was found.
    NotAKey {
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
    /// The key is there, and is not one of this algorithm.
    Rejected {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// Whether it was the public key.
        public: bool,
    },
    /// The two keys do not belong together.
    NotAPair,
    /// The system gives no random bytes.
    Random,
    /// The text is not one JSON object.
    NotJson(&'static str),
    /// A member of the JWK is missing, or is not what RFC 7517 and RFC 7518 say.
    Member(&'static str),
    /// The value of this (`kty`, `crv`, `alg`, …) is not one that is implemented.
    Unknown(&'static str),
    /// The JWK's `use` or `key_ops` does not allow signatures.
    NotForSignatures,
}

impl KeyError {
    /// Whether the fault is in the verifying key.
    pub fn is_verifying(self) -> bool {
        matches!(
            self,
            Self::VerifyingNotUsed(_)
                | Self::PrivateAsPublic
                | Self::NotAPair
                | Self::NotAKey { public: true }
                | Self::Encrypted { public: true }
                | Self::Rejected { public: true, .. }
        )
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("expected a key, found none"),
            Self::ShortSecret(algorithm) => write!(
                f,
                "expected a secret of at least {} bytes for {algorithm}, found a shorter one",
                algorithm.min_secret_bytes().unwrap_or_default()
            ),
            Self::NotASecret(algorithm) => {
                write!(f, "expected a key pair for {algorithm}, found a secret")
            }
            Self::KeyAsSecret(algorithm) => write!(
                f,
                "expected a secret for {algorithm}, found a PEM or SSH key; use an asymmetric \
                 algorithm with it, or a random secret"
            ),
            Self::VerifyingNotUsed(algorithm) => {
                write!(f, "expected no verifying key: {algorithm} verifies with its secret")
            }
            Self::NotAKey { public } => write!(
                f,
                "expected a {} key as PEM text (\"-----BEGIN … KEY-----\") or DER, found no such \
                 thing",
                if *public { "public" } else { "private" }
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
            Self::Random => f.write_str("the system gives no random bytes"),
            Self::NotJson(reason) => write!(f, "expected a JWK: the text {reason}"),
            Self::Member(name) => write!(
                f,
                "expected a JWK whose \"{name}\" is as RFC 7517 and RFC 7518 say, found none or \
                 another"
            ),
            Self::Unknown(name) => {
                write!(f, "the value of \"{name}\" is not one that is implemented here")
            }
            Self::NotForSignatures => {
                f.write_str("its \"use\" or \"key_ops\" does not allow signatures")
            }
        }
    }
}

impl std::error::Error for KeyError {}
