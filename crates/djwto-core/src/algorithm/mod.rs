//! The signature algorithms of RFC 7518 §3, RFC 8037, RFC 8812 and RFC 9864.

pub(crate) mod ecdsa;
pub(crate) mod eddsa;
pub(crate) mod hmac;
pub(crate) mod rsa;

use std::fmt;

/// A JWS signature algorithm. `none` is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// ECDSA on secp256k1 with SHA-256.
    Es256K,
    /// Ed25519, under the name of RFC 8037.
    EdDsa,
    /// Ed25519, under the name of RFC 9864.
    Ed25519,
}

/// What kind of key an algorithm works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A shared secret.
    Hmac,
    /// An RSA key pair.
    Rsa,
    /// A key pair on one elliptic curve.
    Ecdsa,
    /// An Ed25519 key pair.
    Eddsa,
}

impl Algorithm {
    /// Every algorithm, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Es256K,
        Self::EdDsa,
        Self::Ed25519,
    ];

    /// The registered name, as it stands in a header's `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Es256K => "ES256K",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The algorithm of that exact, case-sensitive name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    /// The kind of key it needs.
    pub const fn family(self) -> Family {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Hmac,
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                Family::Rsa
            }
            Self::Es256 | Self::Es384 | Self::Es512 | Self::Es256K => Family::Ecdsa,
            Self::EdDsa | Self::Ed25519 => Family::Eddsa,
        }
    }

    /// For HMAC, the size in bytes that a secret should at least have: that of the hash
    /// (RFC 7518 §3.2).
    pub const fn min_secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    /// Whether a header naming `alg` agrees with a key of this algorithm. `EdDSA` and `Ed25519`
    /// are two names of one thing.
    pub(crate) fn accepts(self, alg: &str) -> bool {
        alg == self.name()
            || (self.family() == Family::Eddsa
                && (alg == Self::EdDsa.name() || alg == Self::Ed25519.name()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
