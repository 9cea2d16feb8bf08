//! Keys as PEM text: PKCS#8, PKCS#1, SEC1 and SPKI.

use zeroize::Zeroizing;

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

/// The first block that holds a key; `EC PARAMETERS` and the like are passed over. What was
/// decoded is wiped when it is dropped, the blocks that are passed over included.
pub(super) fn read(text: &[u8]) -> Result<(Label, Zeroizing<Vec<u8>>), Fault> {
    let blocks = ::pem::parse_many(text).map_err(|_| Fault::NotPem)?;
    let blocks: Vec<_> = blocks
        .into_iter()
        .map(|block| {
            let tag = block.tag().to_owned();
            let is_encrypted = block.headers().get("DEK-Info").is_some();
            (tag, is_encrypted, Zeroizing::new(block.into_contents()))
        })
        .collect();
    for (tag, is_encrypted, contents) in blocks {
        let label = match tag.as_str() {
            "PRIVATE KEY" => Label::Pkcs8,
            "RSA PRIVATE KEY" => Label::Pkcs1,
            "EC PRIVATE KEY" => Label::Sec1,
            "PUBLIC KEY" => Label::Spki,
            "RSA PUBLIC KEY" => Label::Pkcs1Public,
            "ENCRYPTED PRIVATE KEY" => return Err(Fault::Encrypted),
            _ => continue,
        };
        if is_encrypted {
            return Err(Fault::Encrypted);
        }
        return Ok((label, contents));
    }
    Err(Fault::NotPem)
}
