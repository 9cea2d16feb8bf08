//! Why a key could not be loaded, in words that never show it.

use std::fmt;

use super::{Foreign, KeyKind};
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
    /// A text with a key of a pair in it was given as the secret of an HMAC.
    KeyAsSecret(Algorithm),
    /// A verifying key was given to an algorithm that has only a secret.
    VerifyingNotUsed(Algorithm),
    /// No PEM block or DER with a key was found.
    NotAKey {
        /// Whether in the text of the public key.
        public: bool,
    },
    /// What was given is known, and is not read here.
    Foreign {
        /// What it is.
        found: Foreign,
        /// Whether it was given as the public key.
        public: bool,
    },
    /// There are several keys, and nothing says which is meant.
    Several {
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
    /// The key is of another kind or curve.
    Kind {
        /// The algorithm asked for; `None`: any that has key pairs.
        algorithm: Option<Algorithm>,
        /// What it is.
        kind: KeyKind,
        /// Whether it was the public key.
        public: bool,
    },
    /// The RSA key is too short, or too long.
    RsaBits {
        /// Its size.
        bits: usize,
        /// Whether it was the public key.
        public: bool,
    },
    /// The exponent of the RSA key is even, 1, or longer than 33 bits.
    RsaExponent {
        /// Whether it was the public key.
        public: bool,
    },
    /// The public key is a point of small order: an attacker can make its signatures.
    SmallOrder,
    /// The public key is not a point of its curve.
    NotAPoint,
    /// The key is there, and is damaged.
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
    /// A member of the JWK is missing.
    NoMember(&'static str),
    /// A member of the JWK is not what RFC 7517 and RFC 7518 say.
    Member(&'static str),
    /// The JWK's `d` does not belong to this member of its public half.
    Mismatch(&'static str),
    /// The value of this (`kty`, `crv`, `alg`, …) is not one that is implemented.
    Unknown(&'static str),
    /// The JWK's `use` or `key_ops` does not allow signatures.
    NotForSignatures,
    /// The JWK is for another algorithm.
    Algorithm {
        /// The algorithm asked for.
        expected: Algorithm,
        /// That of the JWK.
        found: Algorithm,
    },
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
                | Self::Foreign { public: true, .. }
                | Self::Several { public: true }
                | Self::Encrypted { public: true }
                | Self::Kind { public: true, .. }
                | Self::RsaBits { public: true, .. }
                | Self::RsaExponent { public: true }
                | Self::SmallOrder
                | Self::NotAPoint
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
                "expected a secret for {algorithm}, found a key of a key pair, which others may \
                 know (PEM or SSH key, certificate, JWK, DER or base64 of them); use an asymmetric \
                 algorithm with it, or a random secret"
            ),
            Self::VerifyingNotUsed(algorithm) => {
                write!(f, "expected no verifying key: {algorithm} verifies with its secret")
            }
            Self::NotAKey { public } => write!(
                f,
                "expected a {} key as PEM text (\"-----BEGIN … KEY-----\") or DER, found no such \
                 thing",
                half(*public)
            ),
            Self::Foreign { found, public } => write!(
                f,
                "expected a {} key as PEM text (\"-----BEGIN … KEY-----\") or DER, found {}",
                half(*public),
                found.found()
            ),
            Self::Several { public } => {
                write!(f, "expected one {} key, found several in one text", half(*public))
            }
            Self::Encrypted { public: true } => {
                f.write_str("expected a public key, found an encrypted private key")
            }
            Self::Encrypted { public: false } => f.write_str(
                "expected an unencrypted private key, found an encrypted private key. `openssl \
                 pkey -in FILE -out signing.pem` asks for its password and writes it unencrypted",
            ),
            Self::PublicAsPrivate => f.write_str("expected a private key, found a public one"),
            Self::PrivateAsPublic => f.write_str("expected a public key, found a private one"),
            Self::Kind { algorithm: Some(algorithm), kind, public } => write!(
                f,
                "expected a {} key for {algorithm}, {}",
                half(*public),
                kind.found(*public)
            ),
            Self::Kind { algorithm: None, kind, public } => write!(
                f,
                "expected a key of RSA, P-256, P-384, P-521, secp256k1 or Ed25519, {}",
                kind.found(*public)
            ),
            Self::RsaBits { bits, .. } => {
                write!(f, "expected an RSA key of 2,048 to 8,192 bits, found one of {bits}")
            }
            Self::RsaExponent { .. } => f.write_str(
                "expected an RSA key with an odd public exponent of 2 to 33 bits, such as 65537, \
                 found another",
            ),
            Self::SmallOrder => f.write_str(
                "expected an Ed25519 public key, found a point of small order: an attacker can make \
                 its signatures",
            ),
            Self::NotAPoint => f.write_str(
                "expected a public key, found numbers that are not a point of its curve",
            ),
            Self::Rejected { algorithm, public } => write!(
                f,
                "expected a {} key for {algorithm}, found one that is damaged, or whose numbers do \
                 not belong together",
                half(*public)
            ),
            Self::NotAPair => {
                f.write_str("expected the public half of the signing key, found another key")
            }
            Self::Random => f.write_str("the system gives no random bytes"),
            Self::NotJson(reason) => write!(f, "expected a JWK: the text {reason}"),
            Self::NoMember(name) => f.write_str(&no_member(name)),
            Self::Member(name) => write!(
                f,
                "expected a JWK whose \"{name}\" is as RFC 7517 and RFC 7518 say, found another"
            ),
            Self::Mismatch(name) => write!(
                f,
                "expected a private half that belongs to the public one, found a \"d\" that is not \
                 that of \"{name}\""
            ),
            Self::Unknown(name) => {
                write!(f, "the value of \"{name}\" is not one that is implemented here")
            }
            Self::NotForSignatures => {
                f.write_str("its \"use\" or \"key_ops\" does not allow signatures")
            }
            Self::Algorithm { expected, found } => {
                write!(f, "expected a JWK for {expected}, found {found}")
            }
        }
    }
}

fn no_member(name: &str) -> String {
    match name {
        "alg" => "expected a JWK with the member \"alg\", such as \"HS256\", found none".to_owned(),
        "p" | "q" | "dp" | "dq" | "qi" => format!(
            "expected \"p\", \"q\", \"dp\", \"dq\" and \"qi\" beside \"d\", or none of them (RFC 7518 \
             §6.3.2), found no \"{name}\""
        ),
        _ => format!("expected a JWK with the member \"{name}\", found none"),
    }
}

const fn half(public: bool) -> &'static str {
    if public { "public" } else { "private" }
}

impl std::error::Error for KeyError {}
