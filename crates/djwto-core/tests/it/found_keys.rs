//! Keys as people have them: what loads, what is named, and what is no secret.

use crate::support::key;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use djwto_core::key::{Foreign, JwkSet, JwkSetError, KeyError, KeyFileError, KeyKind};
use djwto_core::{Algorithm, Key, KeyRing};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_private_key_is_found_behind_its_certificate() {
    let text = case("pkcs12-certificate-first.pem");
    let ring = KeyRing::load(Algorithm::Rs256, Some(&text), None).unwrap();
    assert!(ring.can_sign());
    let public = KeyRing::load(Algorithm::Rs256, None, Some(&text)).unwrap();
    assert_eq!(public.keys()[0].id(), ring.keys()[0].id());
    for (text, signs) in [
        ([key("p256.pem"), key("p256.public.pem"), key("p256.certificate.pem")].concat(), true),
        ([key("p256.certificate.pem"), key("rsa.certificate.pem")].concat(), false),
    ] {
        let ring = KeyRing::from_files(&[("a", text)], Algorithm::Rs256).unwrap();
        assert_eq!(ring.can_sign(), signs);
    }
}

#[test]
fn several_keys_in_one_text_are_refused() {
    let two = [key("p256.pem"), key("p256.sec1.pem"), key("p384.pem")].concat();
    let error = KeyRing::load(Algorithm::Es256, Some(&two), None).unwrap_err();
    assert_eq!(error, KeyError::Several { public: false });
    let two = [key("p256.public.pem"), key("p256.other.public.pem")].concat();
    let error = KeyRing::load(Algorithm::Es256, None, Some(&two)).unwrap_err();
    assert_eq!(error, KeyError::Several { public: true });
    // The same key twice is one key.
    let same = [key("p256.pem"), key("p256.pem")].concat();
    assert!(KeyRing::load(Algorithm::Es256, Some(&same), None).is_ok());
}

#[test]
fn a_signing_pem_without_a_private_key_is_refused() {
    for (name, text) in
        [("signing", key("p256.public.pem")), ("signing", key("p256.certificate.pem"))]
    {
        for others in [vec![], vec![("old", key("p384.pem"))], vec![("a", key("p384.public.pem"))]]
        {
            let files: Vec<_> = others.into_iter().chain([(name, text.clone())]).collect();
            let error = KeyRing::from_files(&files, Algorithm::Rs256).unwrap_err();
            assert_eq!(error, KeyFileError::SigningIsPublic);
        }
    }
}

#[test]
fn line_ends_and_marks_of_any_system_are_read() {
    for name in ["rsa.pem", "p256.sec1.pem", "ed25519.pem", "rsa.pkcs1.pem"] {
        let text = String::from_utf8(key(name)).unwrap();
        let marked = format!("\u{feff}{text}");
        for text in [text.replace('\n', "\r\n"), text.replace('\n', "\r"), marked] {
            let ring = KeyRing::from_files(&[(name, text)], Algorithm::Rs256).unwrap();
            assert!(ring.can_sign());
        }
    }
}

#[test]
fn a_key_of_another_type_is_named_with_what_converts_it() {
    for (name, kind, command) in [
        ("rsa-pss-typed.pem", KeyKind::RsaPss, "openssl rsa -in FILE -traditional | sed"),
        ("dsa.pem", KeyKind::Dsa, ""),
        ("x25519.pem", KeyKind::Agreement, ""),
        ("brainpool.pem", KeyKind::OtherCurve, ""),
    ] {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa] {
            let error = KeyRing::load(algorithm, Some(&case(name)), None).unwrap_err();
            let wanted = KeyError::Kind { algorithm: Some(algorithm), kind, public: false };
            assert_eq!(error, wanted, "{name}");
            assert!(error.to_string().contains(command), "{error}");
        }
        let error = KeyRing::from_files(&[("a", case(name))], Algorithm::Rs256).unwrap_err();
        let wanted = KeyError::Kind { algorithm: None, kind, public: false };
        assert_eq!(error, KeyFileError::Key("a".to_owned(), wanted));
    }
    for (name, kind) in
        [("rsa-pss-typed.public.pem", KeyKind::RsaPss), ("x25519.public.pem", KeyKind::Agreement)]
    {
        let error = KeyRing::load(Algorithm::Ps256, None, Some(&case(name))).unwrap_err();
        let algorithm = Some(Algorithm::Ps256);
        assert_eq!(error, KeyError::Kind { algorithm, kind, public: true });
    }
    for (name, algorithm) in
        [("explicit-curve.pem", Algorithm::Es256), ("explicit-curve.sec1.pem", Algorithm::Es256)]
    {
        match KeyRing::load(algorithm, Some(&case(name)), None) {
            Ok(ring) => assert!(ring.can_sign()),
            Err(error) => assert!(error.to_string().contains("named_curve"), "{error}"),
        }
    }
}

#[test]
fn the_size_and_the_exponent_of_an_rsa_key_are_named() {
    let error = KeyRing::load(Algorithm::Rs256, Some(&case("rsa-1024.pem")), None).unwrap_err();
    assert_eq!(error, KeyError::RsaBits { bits: 1024, public: false });
    assert!(error.to_string().contains("found one of 1024"));
    let error = KeyRing::from_files(&[("a", case("rsa-1024.pem"))], Algorithm::Rs256).unwrap_err();
    assert_eq!(
        error,
        KeyFileError::Key("a".to_owned(), KeyError::RsaBits { bits: 1024, public: false })
    );
    let modulus = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![0xab; bytes]);
    let read = |n: String, e: &[u8]| {
        let jwk = json!({"kty": "RSA", "n": n, "e": URL_SAFE_NO_PAD.encode(e)});
        Key::from_jwk(jwk.to_string().as_bytes()).err()
    };
    let usual = [1, 0, 1];
    assert_eq!(read(modulus(2048), &usual), Some(KeyError::RsaBits { bits: 16384, public: true }));
    for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[3, 0, 0, 0, 1], &[1; 256]] {
        let error = read(modulus(256), exponent);
        assert_eq!(error, Some(KeyError::RsaExponent { public: true }), "{exponent:?}");
    }
    for exponent in [&[3][..], &usual, &[1, 0, 0, 0, 1]] {
        assert_eq!(read(modulus(256), exponent), None, "{exponent:?}");
    }
}

#[test]
fn what_is_no_key_here_is_named_with_what_to_do() {
    let utf16 = |text: &[u8]| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.iter().flat_map(|byte| [*byte, 0])).collect()
    };
    let rsa = case("pkcs12-certificate-first.pem");
    for (text, found, words) in [
        (case("openssh-ed25519-private"), Foreign::OpenSshEd25519, "load_ssh_private_key"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"
                .to_vec(),
            Foreign::OpenSsh,
            "ssh-keygen -p -m PKCS8",
        ),
        (case("pem-with-two-letter-newlines.txt"), Foreign::TwoLetterNewlines, ".replace("),
        (utf16(&rsa), Foreign::Utf16, "iconv"),
        (STANDARD.encode(&rsa).into_bytes(), Foreign::Base64, "base64 -d"),
        (case("ssh-ecdsa.pub"), Foreign::SshPublic, "ssh-keygen -e -m PKCS8"),
        (case("case.p12"), Foreign::Pkcs12, "openssl pkcs12"),
        (case("rsa-pss-label.pem"), Foreign::RsaPssLabel, "-PSS"),
        (case("request.csr.pem"), Foreign::CertificateRequest, "openssl req"),
        (case("jwk-rsa-without-alg.json"), Foreign::Jwk, "DJWTO_KEYS"),
        (b"/run/secrets/key.pem\n".to_vec(), Foreign::FileName, "contents"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\n".to_vec(), Foreign::Putty, "puttygen"),
        (rsa[1300..2400].to_vec(), Foreign::DamagedPem, "cut off"),
    ] {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            let error = KeyRing::load(algorithm, Some(&text), None).unwrap_err();
            assert_eq!(error, KeyError::Foreign { found, public: false });
            assert!(error.to_string().contains(words), "{error}");
            let error = KeyRing::load(algorithm, None, Some(&text)).unwrap_err();
            assert_eq!(error, KeyError::Foreign { found, public: true });
        }
    }
    for text in [case("encrypted-pkcs8.pem"), contents(&case("encrypted-pkcs8.pem"))] {
        let error = KeyRing::load(Algorithm::Rs256, Some(&text), None).unwrap_err();
        assert_eq!(error, KeyError::Encrypted { public: false });
        assert!(error.to_string().contains("openssl pkey"), "{error}");
    }
}

#[test]
fn a_jwk_of_n_e_and_d_alone_is_the_whole_key() {
    let text = case("jwks-rsa-n-e-d-only.json");
    let set = JwkSet::parse(&text).unwrap();
    assert!(set.skipped.is_empty());
    let ring = set.into_ring().unwrap();
    let pem = KeyRing::load(Algorithm::Rs256, Some(&case("pkcs12-certificate-first.pem")), None);
    let [ours, whole] = [ring.keys()[0].to_jwk(), pem.unwrap().keys()[0].to_jwk()]
        .map(|jwk| serde_json::from_str::<Value>(&jwk.unwrap()).unwrap());
    for name in ["n", "e", "d", "dp", "dq", "qi", "p", "q"] {
        // The two primes have no order: then they, and what goes with them, are exchanged.
        let values = [&ours[name], &whole[name]];
        let same = values[0] == values[1];
        assert!(same || ours["p"] == whole["q"], "{name}");
    }
    let jwk: Value = serde_json::from_slice(&text).unwrap();
    let with = |name: &str, value: &str| {
        let mut jwk = jwk["keys"][0].clone();
        jwk[name] = value.into();
        Key::from_jwk(jwk.to_string().as_bytes()).unwrap_err()
    };
    for wrong in ["AA", "AQ", "Ag", "AQAB", jwk["keys"][0]["n"].as_str().unwrap()] {
        assert_eq!(with("d", wrong), KeyError::Mismatch("n"), "{wrong}");
    }
    assert_eq!(with("p", "AQ"), KeyError::NoMember("q"));
}

#[test]
fn the_pair_of_a_fallback_names_what_its_jwk_leaves_out() {
    let text = case("jwk-rsa-without-alg.json");
    for name in ["RS256", "RS512", "PS256", "PS384"] {
        let algorithm = Algorithm::from_name(name).unwrap();
        assert_eq!(Key::from_jwk_for(algorithm, &text).unwrap().algorithm(), algorithm);
    }
    let secret = json!({"kty": "oct", "k": "A".repeat(44)}).to_string();
    let key = Key::from_jwk_for(Algorithm::Hs384, secret.as_bytes()).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Hs384);
    // Of another kind it is read as it stands, and compared by the caller.
    assert!(Key::from_jwk_for(Algorithm::Hs256, &text).unwrap().algorithm() == Algorithm::Rs256);
}

#[test]
fn a_set_that_cannot_be_used_gives_the_reason_of_each_key() {
    let error = JwkSet::parse(&case("jwks-nothing-usable.json")).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("key 1 (\"enc\"): its \"use\""), "{shown}");
    let keys: Vec<_> = (0..30).map(|_| json!({"kty": "oct", "alg": "HS256", "k": ""})).collect();
    let error = JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap_err();
    assert!(matches!(&error, JwkSetError::Unusable(skipped) if skipped.len() == 30));
    assert!(error.to_string().ends_with("and 20 more"), "{error}");
    assert!(error.to_string().len() < 1000);
}

#[test]
fn ed25519_points_of_small_order_are_refused_wherever_they_come_from() {
    let hex = |text: &str| <[u8; 32]>::try_from(crate::support::bytes(text)).unwrap();
    let zeros = "0".repeat(62);
    let fs = "f".repeat(60);
    for y in [
        format!("00{zeros}"),
        format!("01{zeros}"),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
        format!("ec{fs}7f"),
        format!("ed{fs}7f"),
        format!("ee{fs}7f"),
    ] {
        for sign in [0, 0x80] {
            let mut point = hex(&y);
            point[31] |= sign;
            assert_refused(point, KeyError::SmallOrder);
        }
    }
    let set = JwkSet::parse(&case("jwks-ed25519-identity.json")).unwrap_err();
    assert!(set.to_string().contains("small order"), "{set}");
    // A y that is not reduced, and one without an x.
    assert_refused(hex(&format!("f0{fs}7f")), KeyError::NotAPoint);
    assert_refused(hex(&format!("02{zeros}")), KeyError::NotAPoint);
}

#[test]
fn every_ed25519_key_that_is_made_is_a_point() {
    for _ in 0..200 {
        let jwk = Key::generate(Algorithm::EdDsa).unwrap().to_public_jwk().unwrap();
        assert!(Key::from_jwk(jwk.as_bytes()).is_ok());
    }
}

#[test]
fn a_public_key_in_any_spelling_is_no_secret() {
    let spki = contents(&key("p256.public.pem"));
    let ed25519 = case("ssh-ed25519-tab.pub");
    let blob = ed25519.split(u8::is_ascii_whitespace).nth(1).unwrap().to_vec();
    let utf16 = |text: &[u8]| -> Vec<u8> { text.iter().flat_map(|byte| [*byte, 0]).collect() };
    let with = |before: &[u8], text: &[u8], after: &[u8]| [before, text, after].concat();
    let jwk = case("jwk-rsa-without-alg.json");
    let hex = hex(&spki);
    let colons = spki.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let point = &spki[spki.len() - 65..];
    let mut texts = vec![
        case("ssh-rsa-certificate.pub"),
        case("ssh-ecdsa.pub"),
        with(b"\xef\xbb\xbf", &ed25519, b""),
        with(b" \t\n", &ed25519, b"\n"),
        with(b"# mine\n", &ed25519, b""),
        with(b"no-pty,command=\"echo a\" ", &ed25519, b""),
        with(b"example.com,10.0.0.1 ", &ed25519, b""),
        with(b"\"", &ed25519, b"\""),
        STANDARD.encode(&ed25519).into_bytes(),
        blob,
        utf16(&ed25519),
        b"sk-ssh-ed25519@openssh.com AAAAGnNr me".to_vec(),
        b"sk-ecdsa-sha2-nistp256@openssh.com AAAAInNr".to_vec(),
        b"ecdsa-sha2-nistp521-cert-v01@openssh.com\tAAAA".to_vec(),
        b"---- BEGIN SSH2 PUBLIC KEY ----\nComment: a".to_vec(),
        b"PuTTY-User-Key-File-2: ssh-rsa".to_vec(),
        jwk.clone(),
        with(b"\xef\xbb\xbf ", &jwk, b"\n"),
        with(b"[", &jwk, b"]"),
        STANDARD.encode(&jwk).into_bytes(),
        URL_SAFE_NO_PAD.encode(&jwk).into_bytes(),
        case("jwks-nothing-usable.json"),
        br#"{"x5c": ["MIIB"]}"#.to_vec(),
        hex.clone().into_bytes(),
        colons.into_bytes(),
        with(b"", &spki, b"\n"),
        URL_SAFE_NO_PAD.encode(&spki).into_bytes(),
        STANDARD.encode(STANDARD.encode(&spki)).into_bytes(),
        STANDARD.encode(key("rsa.public.pem")).into_bytes(),
        with(b"v=DKIM1; k=rsa; p=", STANDARD.encode(&spki).as_bytes(), b";"),
        point.to_vec(),
        STANDARD.encode(point).into_bytes(),
        utf16(&key("rsa.public.pem")),
        with(b"\xff\xfe", &utf16(&key("rsa.public.pem")), b""),
        b"<RSAKeyValue><Modulus>AAAA</Modulus></RSAKeyValue>".to_vec(),
        b"Public-Key: (2048 bit)\nModulus:\n    00:97".to_vec(),
    ];
    for name in [
        "rsa.certificate.pem",
        "p256.certificate.pem",
        "ed25519.certificate.pem",
        "rsa.public.pem",
        "rsa.pkcs1.public.pem",
        "ed25519.public.pem",
        "ed448.public.pem",
        "rsa.pem",
        "p256.sec1.pem",
    ] {
        let der = contents(&key(name));
        // As DER, and as the base64 in one line, in several, and without its padding.
        let lines = String::from_utf8(key(name)).unwrap();
        let lines: Vec<_> = lines.lines().filter(|line| !line.starts_with('-')).collect();
        texts.push(STANDARD.encode(&der).into_bytes());
        texts.push(lines.join("\n").into_bytes());
        texts.push(STANDARD.encode(&der).trim_end_matches('=').as_bytes().to_vec());
        texts.push(der);
    }
    texts.push(contents(&case("request.csr.pem")));
    texts.push(contents(&case("dsa.pem")));
    for text in texts {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs512] {
            let error = Key::weak_secret(algorithm, &text).err();
            assert_eq!(
                error,
                Some(KeyError::KeyAsSecret(algorithm)),
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

#[test]
fn what_only_reminds_of_a_key_is_a_secret() {
    for text in [
        "test key",
        "a secret",
        "ssh",
        "my-ssh-rsa-secret",
        "-----",
        "BEGIN",
        "{}",
        "[]",
        "{",
        "keys",
        "{\"a\": 1}",
        "0",
        "00",
        "0123456789abcdef0123456789abcdef",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert!(Key::weak_secret(Algorithm::Hs256, text.as_bytes()).is_ok(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_random_secret_is_taken_in_any_encoding(bytes in prop::collection::vec(any::<u8>(), 32..80)) {
        let hex = hex(&bytes);
        let texts = [
            STANDARD.encode(&bytes).into_bytes(),
            URL_SAFE_NO_PAD.encode(&bytes).into_bytes(),
            hex.into_bytes(),
            bytes,
        ];
        for text in texts {
            prop_assert!(Key::weak_secret(Algorithm::Hs256, &text).is_ok());
        }
    }
}

fn assert_refused(point: [u8; 32], wanted: KeyError) {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [&prefix[..], &point].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    for text in [der.as_slice(), pem.as_bytes()] {
        let error = KeyRing::load(Algorithm::EdDsa, None, Some(text)).unwrap_err();
        assert_eq!(error, wanted, "{point:02x?}");
    }
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(point)});
    assert_eq!(Key::from_jwk(jwk.to_string().as_bytes()).unwrap_err(), wanted);
    let files = KeyRing::from_files(&[("a", pem)], Algorithm::Rs256).unwrap_err();
    assert_eq!(files, KeyFileError::Key("a".to_owned(), wanted));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn case(name: &str) -> Vec<u8> {
    std::fs::read(crate::support::vectors().join("found_keys").join(name)).unwrap()
}

fn contents(pem: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(pem.to_vec()).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).unwrap()
}

#[test]
fn no_more_of_a_kid_is_shown_than_its_beginning() {
    let kid = "7".repeat(100);
    let text =
        format!(r#"{{"keys": [{{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "{kid}"}}]}}"#);
    let error = JwkSet::parse(text.as_bytes()).unwrap_err();
    for shown in [format!("{error}"), format!("{error:?}")] {
        assert!(shown.contains("777777777777"), "{shown}");
        assert!(!shown.contains(&"7".repeat(13)), "{shown}");
    }
}
