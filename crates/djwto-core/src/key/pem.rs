//! Keys as PEM text: PKCS#8, PKCS#1, SEC1 and SPKI.

use super::KeyError;

/// What a PEM block says it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Pkcs8,
    Pkcs1,
    Sec1,
    Spki,
    Pkcs1Public,
}

/// Whether a text is, or tries to be, a key in a text format and so cannot be meant as a shared
/// secret (algorithm confusion, CVE-2022-29217).
pub(super) fn looks_like_key(secret: &[u8]) -> bool {
    const MARKS: &[&[u8]] =
        &[b"-----BEGIN", b"---- BEGIN", b"ssh-rsa ", b"ssh-ed25519 ", b"ssh-dss ", b"ecdsa-sha2-"];
    MARKS.iter().any(|mark| secret.windows(mark.len()).any(|window| window == *mark))
}

/// Why there is no key in a text.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    NotPem,
    Encrypted,
}

impl Fault {
    pub(super) fn of(self, public: bool) -> KeyError {
        match self {
            Self::NotPem => KeyError::NotPem { public },
            Self::Encrypted => KeyError::Encrypted { public },
        }
    }
}

/// The first block that holds a key; `EC PARAMETERS` and the like are passed over.
pub(super) fn read(text: &[u8]) -> Result<(Label, Vec<u8>), Fault> {
    let blocks = ::pem::parse_many(text).map_err(|_| Fault::NotPem)?;
    for block in blocks {
        let label = match block.tag() {
            "PRIVATE KEY" => Label::Pkcs8,
            "RSA PRIVATE KEY" => Label::Pkcs1,
            "EC PRIVATE KEY" => Label::Sec1,
            "PUBLIC KEY" => Label::Spki,
            "RSA PUBLIC KEY" => Label::Pkcs1Public,
            "ENCRYPTED PRIVATE KEY" => return Err(Fault::Encrypted),
            _ => continue,
        };
        if block.headers().get("DEK-Info").is_some() {
            return Err(Fault::Encrypted);
        }
        return Ok((label, block.into_contents()));
    }
    Err(Fault::NotPem)
}
