//! Keys: every format that is taken, and every mistake by its name.

use crate::support::{ACCESS, engine_with, key, now, policy};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use djwto_core::algorithm::Family;
use djwto_core::key::{Foreign, KeyError, KeyKind};
use djwto_core::{Algorithm, Engine, Key, KeyRing};
use proptest::prelude::*;

#[test]
fn a_private_key_of_any_format_signs_for_the_public_key_of_any_format() {
    for (algorithms, private, public) in [
        (
            "RS256 RS384 RS512 PS256 PS384 PS512",
            vec!["rsa.pem", "rsa.pkcs1.pem"],
            vec!["rsa.public.pem", "rsa.pkcs1.public.pem"],
        ),
        ("ES256", vec!["p256.pem", "p256.sec1.pem"], vec!["p256.public.pem"]),
        ("ES384", vec!["p384.pem", "p384.sec1.pem"], vec!["p384.public.pem"]),
        ("ES512", vec!["p521.pem", "p521.sec1.pem"], vec!["p521.public.pem"]),
        ("ES256K", vec!["secp256k1.pem", "secp256k1.sec1.pem"], vec!["secp256k1.public.pem"]),
        ("EdDSA Ed25519", vec!["ed25519.pem"], vec!["ed25519.public.pem"]),
    ] {
        for algorithm in algorithms.split(' ').map(|name| Algorithm::from_name(name).unwrap()) {
            for (private, public) in
                private.iter().flat_map(|p| public.iter().map(move |q| (key(p), key(q))))
            {
                let pair = KeyRing::load(algorithm, Some(&private), Some(&public)).unwrap();
                let derived = KeyRing::load(algorithm, Some(&private), None).unwrap();
                let verifying = KeyRing::load(algorithm, None, Some(&public)).unwrap();
                assert!(pair.can_sign() && derived.can_sign() && !verifying.can_sign());
                assert_eq!(pair.keys()[0].algorithm(), algorithm);
                assert!(!pair.has_short_secret());
                let token = engine(pair).sign(ACCESS).unwrap();
                for keys in [derived, verifying] {
                    engine(keys).verify(token.text().as_bytes(), None, now()).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_key_may_be_der_and_a_public_one_a_certificate() {
    for (algorithm, privates, publics) in [
        (Algorithm::Rs256, ["rsa", "rsa.pkcs1"], ["rsa.public", "rsa.pkcs1.public"]),
        (Algorithm::Ps512, ["rsa", "rsa.pkcs1"], ["rsa.public", "rsa.certificate"]),
        (Algorithm::Es256, ["p256", "p256.sec1"], ["p256.public", "p256.certificate"]),
        (Algorithm::EdDsa, ["ed25519"; 2], ["ed25519.public", "ed25519.certificate"]),
    ] {
        for (private, public) in privates.iter().flat_map(|p| publics.iter().map(move |q| (p, q))) {
            let private = contents(&key(&format!("{private}.pem")));
            let pem = key(&format!("{public}.pem"));
            let token = engine(KeyRing::load(algorithm, Some(&private), None).unwrap())
                .sign(ACCESS)
                .unwrap();
            // The certificates are of the year 2000: their dates are not looked at.
            for public in [contents(&pem), pem] {
                let keys = KeyRing::load(algorithm, None, Some(&public)).unwrap();
                engine(keys).verify(token.text().as_bytes(), None, now()).unwrap();
                assert!(KeyRing::load(algorithm, Some(&private), Some(&public)).is_ok());
                let error = KeyRing::load(Algorithm::Hs256, Some(&public), None).unwrap_err();
                assert_eq!(error, KeyError::KeyAsSecret(Algorithm::Hs256));
            }
            let error = KeyRing::load(Algorithm::Hs256, Some(&private), None).unwrap_err();
            assert_eq!(error, KeyError::KeyAsSecret(Algorithm::Hs256));
        }
    }
}

#[test]
fn a_compressed_point_is_the_same_public_key() {
    let compressed = key("p256.compressed.public.pem");
    let private = key("p256.pem");
    let token = engine(KeyRing::load(Algorithm::Es256, Some(&private), None).unwrap())
        .sign(ACCESS)
        .unwrap();
    for signing in [None, Some(private.as_slice())] {
        let keys = KeyRing::load(Algorithm::Es256, signing, Some(&compressed)).unwrap();
        engine(keys).verify(token.text().as_bytes(), None, now()).unwrap();
    }
}

#[test]
fn a_key_may_stand_among_other_text() {
    let sec1 = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        .as_bytes()
        .iter()
        .copied()
        .chain(key("p256.sec1.pem"))
        .collect::<Vec<_>>();
    assert!(KeyRing::load(Algorithm::Es256, Some(&sec1), None).is_ok());
    let crlf = String::from_utf8(key("p256.pem")).unwrap().replace('\n', "\r\n");
    assert!(KeyRing::load(Algorithm::Es256, Some(crlf.as_bytes()), None).is_ok());
    let spaced = format!("\n\n{}\n\n", String::from_utf8(key("p256.pem")).unwrap());
    assert!(KeyRing::load(Algorithm::Es256, Some(spaced.as_bytes()), None).is_ok());
}

#[test]
fn a_key_as_the_secret_of_hmac_is_refused() {
    let public = key("rsa.public.pem");
    let inside = [b"  \n".as_slice(), &public].concat();
    let ssh2 = b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----";
    let texts: [&[u8]; 10] = [
        &public,
        &inside,
        &key("rsa.pem"),
        &key("p256.sec1.pem"),
        &key("rsa.encrypted.pem"),
        &key("ed25519.public.pem"),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ user@host",
        b"ecdsa-sha2-nistp256 AAAAE2VjZHNh user@host",
        ssh2,
    ];
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        for text in texts {
            assert_eq!(
                KeyRing::load(algorithm, Some(text), None).unwrap_err(),
                KeyError::KeyAsSecret(algorithm)
            );
        }
    }
}

#[test]
fn a_secret_is_any_bytes_but_none() {
    for secret in [None, Some(b"".as_slice())] {
        assert_eq!(KeyRing::load(Algorithm::Hs256, secret, None).unwrap_err(), KeyError::Missing);
    }
    for (algorithm, minimum) in
        [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)]
    {
        let is_short = |size| {
            KeyRing::load(algorithm, Some(&vec![0xff; size]), None).unwrap().has_short_secret()
        };
        assert!(is_short(1) && is_short(minimum - 1));
        assert!(!is_short(minimum) && !is_short(1000));
        assert_eq!(algorithm.min_secret_bytes(), Some(minimum));
        // By itself the library wants a long one; a short one must be asked for by name.
        let short = vec![0xff; minimum - 1];
        assert_eq!(Key::secret(algorithm, &short).unwrap_err(), KeyError::ShortSecret(algorithm));
        assert!(Key::secret(algorithm, &vec![0xff; minimum]).is_ok());
        assert!(Key::weak_secret(algorithm, &short).unwrap().has_short_secret());
        let given = key("rsa.public.pem");
        let error = KeyRing::load(algorithm, Some(&[1; 64]), Some(&given)).unwrap_err();
        assert_eq!(error, KeyError::VerifyingNotUsed(algorithm));
    }
}

#[test]
fn a_key_of_another_kind_or_curve_is_refused() {
    let names = ["rsa", "p256", "p384", "p521", "secp256k1", "ed25519", "ed448"];
    for &algorithm in Algorithm::ALL {
        if algorithm.family() == Family::Hmac {
            continue;
        }
        for name in names.iter().filter(|name| **name != crate::support::key_name(algorithm)) {
            let private = key(&format!("{name}.pem"));
            let kind = match *name {
                "rsa" => KeyKind::Rsa,
                "p256" => KeyKind::P256,
                "p384" => KeyKind::P384,
                "p521" => KeyKind::P521,
                "secp256k1" => KeyKind::Secp256k1,
                "ed25519" => KeyKind::Ed25519,
                _ => KeyKind::Ed448,
            };
            let wanted = |public| KeyError::Kind { algorithm: Some(algorithm), kind, public };
            let public = key(&format!("{name}.public.pem"));
            for (private, public) in
                [(&private, &public), (&contents(&private), &contents(&public))]
            {
                let error = KeyRing::load(algorithm, Some(private), None).unwrap_err();
                assert_eq!(error, wanted(false), "{name} for {algorithm}");
                let error = KeyRing::load(algorithm, None, Some(public)).unwrap_err();
                assert_eq!(error, wanted(true), "{name} for {algorithm}");
            }
        }
    }
}

#[test]
fn a_small_rsa_key_is_refused_when_it_is_loaded() {
    for algorithm in [Algorithm::Rs256, Algorithm::Rs512, Algorithm::Ps256] {
        for (signing, verifying) in
            [(Some(key("rsa1024.pem")), None), (None, Some(key("rsa1024.public.pem")))]
        {
            let public = verifying.is_some();
            assert_eq!(
                KeyRing::load(algorithm, signing.as_deref(), verifying.as_deref()).err(),
                Some(KeyError::RsaBits { bits: 1024, public })
            );
        }
    }
}

#[test]
fn mistakes_are_named() {
    use KeyError::{Encrypted, Missing, NotAKey, NotAPair, PrivateAsPublic, PublicAsPrivate};
    for (algorithm, signing, verifying, wanted) in [
        (Algorithm::Rs256, None, None, Missing),
        (Algorithm::Rs256, Some("rsa.public.pem"), None, PublicAsPrivate),
        (Algorithm::Rs256, Some("rsa.pkcs1.public.pem"), None, PublicAsPrivate),
        (Algorithm::Rs256, None, Some("rsa.pem"), PrivateAsPublic),
        (Algorithm::Es256, None, Some("p256.sec1.pem"), PrivateAsPublic),
        (Algorithm::Rs256, Some("rsa.encrypted.pem"), None, Encrypted { public: false }),
        (Algorithm::Rs256, Some("rsa.pkcs1.encrypted.pem"), None, Encrypted { public: false }),
        (Algorithm::Rs256, Some("hmac.txt"), None, NotAKey { public: false }),
        (Algorithm::Es256, Some("p256.pem"), Some("p256.other.public.pem"), NotAPair),
        (Algorithm::Es256, Some("p256.pem"), Some("hmac.txt"), NotAKey { public: true }),
    ] {
        let (signing, verifying) = (signing.map(key), verifying.map(key));
        let error = KeyRing::load(algorithm, signing.as_deref(), verifying.as_deref()).unwrap_err();
        assert_eq!(error, wanted);
    }
}

#[test]
fn a_fault_in_the_verifying_key_is_told_from_one_in_the_signing_key() {
    let load = |signing: Option<&[u8]>, verifying: Option<&[u8]>| {
        KeyRing::load(Algorithm::Rs256, signing, verifying).unwrap_err().is_verifying()
    };
    let (good, encrypted, other) =
        (key("rsa.pem"), key("rsa.encrypted.pem"), key("p256.public.pem"));
    assert!(!load(Some(b"no PEM"), None));
    assert!(!load(Some(&encrypted), None));
    assert!(load(Some(&good), Some(&other)));
    assert!(load(Some(&good), Some(b"no PEM")));
    assert!(load(Some(&good), Some(&encrypted)));
    assert!(load(None, Some(b"no PEM")));
}

#[test]
fn a_damaged_pem_is_refused() {
    let text = String::from_utf8(key("rsa.pem")).unwrap();
    for damaged in [
        String::new(),
        text.replace("-----END PRIVATE KEY-----", ""),
        text.replace("-----BEGIN PRIVATE KEY-----", ""),
        text.replace("END PRIVATE", "END PUBLIC"),
        text.replacen('M', "*", 1),
        text.lines().take(5).collect::<Vec<_>>().join("\n"),
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
    ] {
        let error = KeyRing::load(Algorithm::Rs256, Some(damaged.as_bytes()), None).unwrap_err();
        assert!(
            matches!(
                error,
                KeyError::NotAKey { public: false }
                    | KeyError::Foreign { found: Foreign::DamagedPem, public: false }
                    | KeyError::Rejected { public: false, .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn debug_and_sentences_show_no_key() {
    let secret = b"an unlikely secret of 32 bytes..";
    let shown = format!("{:?}", Key::secret(Algorithm::Hs256, secret).unwrap());
    assert_eq!(shown, "Key { algorithm: Hs256, id: None, .. }");
    for &algorithm in Algorithm::ALL {
        let ring = crate::support::keys(algorithm);
        let (key, id) = (&ring.keys()[0], ring.keys()[0].id());
        assert_eq!(
            format!("{key:?}"),
            format!("Key {{ algorithm: {algorithm:?}, id: {id:?}, .. }}")
        );
        let error = KeyRing::load(algorithm, Some(b"-----BEGIN hidden"), None).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hidden"));
    }
}

#[test]
fn names_of_algorithms_are_exact() {
    for &algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        assert_eq!(algorithm.to_string(), algorithm.name());
        assert_eq!(Algorithm::from_name(&format!("{algorithm} ")), None);
        assert_eq!(Algorithm::from_name(&algorithm.name().to_ascii_lowercase()), None);
    }
    for name in ["none", "None", "", "HS1", "RS1", "ES256k", "Ed448"] {
        assert_eq!(Algorithm::from_name(name), None);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_keys_or_refused(
        signing in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        verifying in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
    ) {
        for &algorithm in Algorithm::ALL {
            let _ = KeyRing::load(algorithm, signing.as_deref(), verifying.as_deref());
        }
    }

    #[test]
    fn any_bytes_under_any_label_are_refused(
        label in prop::sample::select(vec![
            "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY",
            "ENCRYPTED PRIVATE KEY", "CERTIFICATE", "",
        ]),
        der in prop::collection::vec(any::<u8>(), 40..300),
    ) {
        let text = pem(label, &der);
        for &algorithm in Algorithm::ALL {
            prop_assert!(KeyRing::load(algorithm, Some(text.as_bytes()), None).is_err());
            prop_assert!(KeyRing::load(algorithm, None, Some(text.as_bytes())).is_err());
        }
    }

    #[test]
    fn a_key_with_any_byte_changed_is_a_key_or_refused(
        (name, label) in prop::sample::select(vec![
            ("rsa", "PRIVATE KEY"), ("rsa.pkcs1", "RSA PRIVATE KEY"), ("p256", "PRIVATE KEY"),
            ("p256.sec1", "EC PRIVATE KEY"), ("p521", "PRIVATE KEY"), ("ed25519", "PRIVATE KEY"),
            ("rsa.public", "PUBLIC KEY"), ("p256.public", "PUBLIC KEY"),
            ("ed25519.public", "PUBLIC KEY"), ("rsa.pkcs1.public", "RSA PUBLIC KEY"),
        ]),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut der = contents(&key(&format!("{name}.pem")));
        let place = place.index(der.len());
        if let Some(changed) = der.get_mut(place) {
            *changed = byte;
        }
        let text = pem(label, &der);
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es512, Algorithm::EdDsa] {
            if let Ok(keys) = KeyRing::load(algorithm, Some(text.as_bytes()), None) {
                let _ = engine(keys).sign(ACCESS);
            }
            if let Ok(keys) = KeyRing::load(algorithm, None, Some(text.as_bytes())) {
                let _ = engine(keys).verify(b"e30.e30.AA", None, now());
            }
        }
    }
}

fn engine(keys: KeyRing) -> Engine {
    engine_with(keys, policy(|_| ()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn contents(pem: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(pem.to_vec()).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}
