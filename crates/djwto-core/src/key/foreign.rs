//! Known formats that djwto does not read, so that a refusal can name them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::find;

use crate::json;

/// The format of a text that was given as a key, and how to convert it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A private key in the format of OpenSSH.
    OpenSsh,
    /// The same, of Ed25519, which `ssh-keygen` does not convert.
    OpenSshEd25519,
    /// A public key as OpenSSH or RFC 4716 write it.
    SshPublic,
    /// A key file of `PuTTY`.
    Putty,
    /// A PKCS#12 file (`.p12`, `.pfx`).
    Pkcs12,
    /// A key store of Java.
    JavaKeyStore,
    /// A key of `OpenPGP`.
    Pgp,
    /// A request for a certificate.
    CertificateRequest,
    /// A PEM text with a label of OpenSSL 3 for RSASSA-PSS keys.
    RsaPssLabel,
    /// A text in UTF-16.
    Utf16,
    /// A PEM text whose line ends are the two letters `\` and `n`.
    TwoLetterNewlines,
    /// A PEM text or DER that is base64 once more.
    Base64,
    /// A JWK or JWK Set.
    Jwk,
    /// The name of a file.
    FileName,
    /// A PEM text that is cut off, or whose base64 is damaged.
    DamagedPem,
}

impl Foreign {
    /// The format of the text; `None` if it is not one of these.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let has = |mark: &[u8]| find(text, mark).is_some();
        let trimmed = text.trim_ascii();
        Some(match () {
            () if is_utf16(text) => Self::Utf16,
            () if has(b"-----BEGIN OPENSSH PRIVATE KEY-----") => Self::openssh(text),
            () if has(b"PRIVATE KEY-----\\n") || has(b"PUBLIC KEY-----\\n") => {
                Self::TwoLetterNewlines
            }
            () if has(b"-----BEGIN CERTIFICATE-----\\n") => Self::TwoLetterNewlines,
            () if has(b"-----BEGIN RSA-PSS ") => Self::RsaPssLabel,
            () if has(b"-----BEGIN PGP ") => Self::Pgp,
            () if has(b"CERTIFICATE REQUEST-----") => Self::CertificateRequest,
            () if has(b"---- BEGIN SSH2 ") => Self::SshPublic,
            () if has(b"PuTTY-User-Key-File-") => Self::Putty,
            () if has(b"-----BEGIN ") => Self::DamagedPem,
            () if is_pkcs12(text) => Self::Pkcs12,
            () if text.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) => Self::JavaKeyStore,
            () if SSH.iter().any(|name| trimmed.starts_with(name)) => Self::SshPublic,
            () if is_jwk(trimmed) => Self::Jwk,
            () if is_base64_of_key(trimmed) => Self::Base64,
            () if is_file_name(trimmed) => Self::FileName,
            () => return None,
        })
    }

    fn openssh(text: &[u8]) -> Self {
        // The public half stands in it unencrypted, with the name of its kind.
        let is_ed25519 = pem::parse_many(text).is_ok_and(|blocks| {
            blocks.iter().any(|block| find(block.contents(), b"ssh-ed25519").is_some())
        });
        if is_ed25519 { Self::OpenSshEd25519 } else { Self::OpenSsh }
    }

    /// What it is, and what to do.
    pub(super) const fn found(self) -> &'static str {
        match self {
            Self::OpenSsh => {
                "a private key in OpenSSH's own format. `ssh-keygen -p -m PKCS8 -f FILE` rewrites \
                 a copy of it as PKCS#8"
            }
            Self::OpenSshEd25519 => {
                "an Ed25519 key in OpenSSH's own format. `python -c 'import sys; from \
                 cryptography.hazmat.primitives.serialization import *; \
                 print(load_ssh_private_key(sys.stdin.buffer.read(), \
                 None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())' \
                 < FILE > signing.pem` converts it (pip install cryptography)"
            }
            Self::SshPublic => {
                "a public key as SSH writes it. `ssh-keygen -e -m PKCS8 -f FILE` prints it as PEM \
                 (RSA and ECDSA)"
            }
            Self::Putty => {
                "a key file of PuTTY. `puttygen FILE -O private-openssh -o NEW`, and then \
                 `ssh-keygen -p -m PKCS8 -f NEW`, convert it"
            }
            Self::Pkcs12 => {
                "a PKCS#12 file (.p12, .pfx). `openssl pkcs12 -in FILE -nodes -out signing.pem` \
                 converts it"
            }
            Self::JavaKeyStore => {
                "a key store of Java. `keytool -importkeystore -srckeystore FILE -destkeystore \
                 NEW.p12 -deststoretype PKCS12`, and then `openssl pkcs12 -in NEW.p12 -nodes -out \
                 signing.pem`, convert it"
            }
            Self::Pgp => "an OpenPGP key, which is not for JWTs",
            Self::CertificateRequest => {
                "a request for a certificate. `openssl req -in FILE -noout -pubkey` prints its \
                 public key"
            }
            Self::RsaPssLabel => {
                "an RSA key of the type RSASSA-PSS. Take the letters \"-PSS\" out of its first and \
                 last line"
            }
            Self::Utf16 => "a text in UTF-16. `iconv -f UTF-16 -t UTF-8 FILE > NEW` makes it UTF-8",
            Self::TwoLetterNewlines => {
                "a PEM text whose line ends are the two letters \\ and n. `.replace(\"\\\\n\", \
                 \"\\n\")` in the settings makes lines of them"
            }
            Self::Base64 => "a key that is base64 once more. `base64 -d FILE > NEW` decodes it",
            Self::Jwk => {
                "a JWK. Write it as {\"keys\": [JWK]} into a file, and name the file in DJWTO_KEYS"
            }
            Self::FileName => {
                "what may be the name of a file. The setting wants the contents; DJWTO_KEYS takes \
                 a JWK Set file or a directory of *.pem files"
            }
            Self::DamagedPem => {
                "a PEM text that is cut off or damaged. Compare its lines with the file it was \
                 copied from"
            }
        }
    }
}

/// Whether the bytes are a text in UTF-16: they begin with its mark, or every other one is zero.
pub(super) fn is_utf16(text: &[u8]) -> bool {
    let has_zeros = |first: usize| {
        text.len() >= 16 && text.iter().skip(first).step_by(2).take(16).all(|byte| *byte == 0)
    };
    text.starts_with(&[0xff, 0xfe])
        || text.starts_with(&[0xfe, 0xff])
        || has_zeros(0) != has_zeros(1)
}

/// The words that a public key of OpenSSH begins with.
pub(super) const SSH: &[&[u8]] = &[
    b"ssh-rsa",
    b"ssh-ed25519",
    b"ssh-dss",
    b"ssh-ed448",
    b"ecdsa-sha2-",
    b"sk-ssh-",
    b"sk-ecdsa-",
];

/// SEQUENCE { INTEGER 3, … } (RFC 7292 §4).
fn is_pkcs12(der: &[u8]) -> bool {
    const VERSION: &[u8] = &[0x02, 0x01, 0x03, 0x30];
    der.first() == Some(&0x30) && (2..=5).any(|at| der.get(at..at + 4) == Some(VERSION))
}

fn is_jwk(text: &[u8]) -> bool {
    json::parse_object(text)
        .is_ok_and(|jwk| ["kty", "keys"].iter().any(|name| jwk.contains_key(*name)))
}

fn is_base64_of_key(text: &[u8]) -> bool {
    let dense: Vec<_> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).is_ok_and(|inner| {
        let inner = zeroize::Zeroizing::new(inner);
        find(&inner, b"-----BEGIN ").is_some() || (inner.len() > 30 && inner.starts_with(&[0x30]))
    })
}

fn is_file_name(text: &[u8]) -> bool {
    let is_line = text.len() < 1000 && !text.contains(&b'\n');
    let endings: [&[u8]; 7] = [b".pem", b".key", b".crt", b".pub", b".der", b".json", b".p12"];
    is_line && endings.iter().any(|ending| text.ends_with(ending))
}
