//! One key as a JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2, RFC 8812 §3.1).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use base64::Engine as _;
use serde_json::{Map, Value};
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

use super::{Key, KeyError, SigningKey, VerifyingKey, kind, parse};
use crate::algorithm::rsa::Components;
use crate::algorithm::{Algorithm, Family, ecdsa, eddsa, rsa};
use crate::compact::BASE64URL;
use crate::json;

impl Key {
    /// Reads a JWK, public, private or secret. Its `alg` decides; without one an RSA key is for
    /// RS256 and a secret is refused. `use` and `key_ops` are obeyed; `kid` is kept.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn from_jwk(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_members(&json::parse_object(text).map_err(KeyError::NotJson)?)
    }

    /// The public half as a JWK; `None` for a secret, which has none.
    pub fn to_public_jwk(&self) -> Option<String> {
        self.public_jwk().map(|jwk| Value::Object(jwk).to_string())
    }

    /// The whole key as a JWK: what signs, or the public half where that is all there is.
    /// **This is a secret**, and is wiped from memory when it is dropped.
    pub fn to_jwk(&self) -> Option<Zeroizing<String>> {
        self.whole_jwk().map(|jwk| Zeroizing::new(Value::Object(jwk).to_string()))
    }

    /// The thumbprint of RFC 7638; `None` for a secret.
    pub fn thumbprint(&self) -> Option<String> {
        let mut members = self.public_members()?;
        members.sort_unstable();
        // No value needs an escape: this is the canonical text.
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        let canonical = format!("{{{}}}", members.join(","));
        Some(BASE64URL.encode(digest(&SHA256, canonical.as_bytes())))
    }

    /// As [`Key::from_jwk`], of a JWK whose algorithm is known from elsewhere. It may lack `alg`;
    /// one that it has must agree.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with it.
    pub fn from_jwk_for(algorithm: Algorithm, text: &[u8]) -> Result<Self, KeyError> {
        let mut jwk = json::parse_object(text).map_err(KeyError::NotJson)?;
        let kty = jwk.get("kty").and_then(Value::as_str);
        let fits = kty.is_some_and(|kty| kty == kty_of(algorithm));
        if fits && !jwk.contains_key("alg") {
            jwk.insert("alg".to_owned(), algorithm.name().into());
        }
        Self::from_members(&jwk)
    }

    pub(super) fn from_members(jwk: &Map<String, Value>) -> Result<Self, KeyError> {
        let text = |name: &'static str| match jwk.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(KeyError::Member(name)),
        };
        let operations = Operations::of(jwk, text("use")?)?;
        let algorithm = algorithm(text("kty")?, text("crv")?, text("alg")?)?;
        let mut key = match algorithm.family() {
            Family::Hmac => Self::weak_secret(algorithm, &bytes(jwk, "k")?)?,
            Family::Rsa => rsa_key(algorithm, jwk)?,
            Family::Ecdsa => ecdsa_key(algorithm, jwk)?,
            Family::Eddsa => eddsa_key(algorithm, jwk)?,
        };
        if let Some(id) = text("kid")? {
            key = key.with_id(id.to_owned());
        }
        if !operations.sign {
            key = key.without_signing();
        }
        Ok(key)
    }

    pub(super) fn public_jwk(&self) -> Option<Map<String, Value>> {
        let mut jwk = self.described();
        for (name, value) in self.public_members()? {
            jwk.insert(name.to_owned(), value.into());
        }
        Some(jwk)
    }

    pub(super) fn whole_jwk(&self) -> Option<Map<String, Value>> {
        if let VerifyingKey::Hmac(key) = &self.verifying {
            let mut jwk = self.described();
            jwk.insert("kty".to_owned(), "oct".into());
            jwk.insert("k".to_owned(), BASE64URL.encode(key.secret()).into());
            return Some(jwk);
        }
        let mut jwk = self.public_jwk()?;
        for (name, value) in self.private_members()? {
            jwk.insert(name.to_owned(), BASE64URL.encode(value).into());
        }
        Some(jwk)
    }

    fn described(&self) -> Map<String, Value> {
        let mut jwk = Map::new();
        jwk.insert("alg".to_owned(), self.algorithm.name().into());
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(id) = self.id() {
            jwk.insert("kid".to_owned(), id.into());
        }
        jwk
    }

    /// The members that RFC 7638 §3.2 makes the thumbprint of.
    fn public_members(&self) -> Option<Vec<(&'static str, String)>> {
        let VerifyingKey::Public(key) = &self.verifying else { return None };
        let der: PublicKeyX509Der<'_> = key.as_der().ok()?;
        let spki = SubjectPublicKeyInfoRef::from_der(der.as_ref()).ok()?;
        let bits = spki.subject_public_key.as_bytes()?;
        let curve = ecdsa::curve(self.algorithm);
        Some(match self.algorithm.family() {
            Family::Hmac => return None,
            Family::Rsa => {
                let numbers = pkcs1::RsaPublicKeyRef::from_der(bits).ok()?;
                vec![
                    ("kty", "RSA".to_owned()),
                    ("n", BASE64URL.encode(numbers.modulus.as_bytes())),
                    ("e", BASE64URL.encode(numbers.public_exponent.as_bytes())),
                ]
            }
            Family::Ecdsa => {
                let size = ecdsa::coordinate_bytes(self.algorithm);
                let (x, y) = bits.strip_prefix(&[UNCOMPRESSED])?.split_at_checked(size)?;
                vec![
                    ("kty", "EC".to_owned()),
                    ("crv", curve.to_owned()),
                    ("x", BASE64URL.encode(x)),
                    ("y", BASE64URL.encode(y)),
                ]
            }
            Family::Eddsa => vec![
                ("kty", "OKP".to_owned()),
                ("crv", ED25519.to_owned()),
                ("x", BASE64URL.encode(bits)),
            ],
        })
    }

    fn private_members(&self) -> Option<Vec<PrivateMember>> {
        Some(match self.signing.as_ref() {
            None | Some(SigningKey::Hmac) => Vec::new(),
            Some(SigningKey::Ecdsa(key)) => vec![("d", key.scalar()?)],
            Some(SigningKey::Eddsa(key)) => vec![("d", key.seed()?)],
            Some(SigningKey::Rsa(key)) => {
                let pkcs8 = key.pkcs8()?;
                let pkcs8 = pkcs8::PrivateKeyInfoRef::from_der(&pkcs8).ok()?;
                let numbers =
                    pkcs1::RsaPrivateKeyRef::from_der(pkcs8.private_key.as_bytes()).ok()?;
                [
                    ("d", numbers.private_exponent),
                    ("p", numbers.prime1),
                    ("q", numbers.prime2),
                    ("dp", numbers.exponent1),
                    ("dq", numbers.exponent2),
                    ("qi", numbers.coefficient),
                ]
                .map(|(name, number)| (name, Zeroizing::new(number.as_bytes().to_vec())))
                .into()
            }
        })
    }
}

/// A name, and the bytes that stand there as base64url.
type PrivateMember = (&'static str, Zeroizing<Vec<u8>>);

/// The `kty` of the keys of an algorithm.
const fn kty_of(algorithm: Algorithm) -> &'static str {
    match algorithm.family() {
        Family::Hmac => "oct",
        Family::Rsa => "RSA",
        Family::Ecdsa => "EC",
        Family::Eddsa => "OKP",
    }
}

const UNCOMPRESSED: u8 = 4;
const ED25519: &str = "Ed25519";

/// What `use` and `key_ops` allow (RFC 7517 §§4.2, 4.3).
struct Operations {
    sign: bool,
}

impl Operations {
    fn of(jwk: &Map<String, Value>, usage: Option<&str>) -> Result<Self, KeyError> {
        if usage.is_some_and(|usage| usage != "sig") {
            return Err(KeyError::NotForSignatures);
        }
        let Some(operations) = jwk.get("key_ops") else { return Ok(Self { sign: true }) };
        let operations = operations.as_array().ok_or(KeyError::Member("key_ops"))?;
        if !operations.iter().all(Value::is_string) {
            return Err(KeyError::Member("key_ops"));
        }
        let sign = operations.iter().any(|operation| operation == "sign");
        let verify = operations.iter().any(|operation| operation == "verify");
        if sign || verify { Ok(Self { sign }) } else { Err(KeyError::NotForSignatures) }
    }
}

/// The algorithm that a JWK is for: `alg`, which must agree with its type and curve.
fn algorithm(
    kty: Option<&str>,
    crv: Option<&str>,
    alg: Option<&str>,
) -> Result<Algorithm, KeyError> {
    let named = match alg {
        Some(name) => Some(Algorithm::from_name(name).ok_or(KeyError::Unknown("alg"))?),
        None => None,
    };
    let (family, implied) = match kty.ok_or(KeyError::NoMember("kty"))? {
        "oct" => (Family::Hmac, None),
        "RSA" => (Family::Rsa, Some(Algorithm::Rs256)),
        "EC" => {
            let crv = crv.ok_or(KeyError::NoMember("crv"))?;
            let mut known = Algorithm::ALL.iter().filter(|one| one.family() == Family::Ecdsa);
            let implied = known.find(|one| ecdsa::curve(**one) == crv).copied();
            (Family::Ecdsa, Some(implied.ok_or(KeyError::Unknown("crv"))?))
        }
        "OKP" => match crv.ok_or(KeyError::NoMember("crv"))? {
            ED25519 => (Family::Eddsa, Some(Algorithm::EdDsa)),
            _ => return Err(KeyError::Unknown("crv")),
        },
        _ => return Err(KeyError::Unknown("kty")),
    };
    let algorithm = named.or(implied).ok_or(KeyError::NoMember("alg"))?;
    let agrees =
        algorithm.family() == family && (family != Family::Ecdsa || Some(algorithm) == implied);
    if agrees { Ok(algorithm) } else { Err(KeyError::Member("alg")) }
}

fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let value = jwk.get(name).ok_or(KeyError::NoMember(name))?;
    let text = value.as_str().ok_or(KeyError::Member(name))?;
    BASE64URL.decode(text).map(Zeroizing::new).map_err(|_| KeyError::Member(name))
}

fn rsa_key(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<Key, KeyError> {
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let public = rsa::spki_of(&modulus, &exponent)
        .and_then(|spki| rsa::public(algorithm, &spki))
        .ok_or_else(|| {
        let fault = kind::rsa_fault(&modulus, &exponent, true);
        fault.unwrap_or(KeyError::Rejected { algorithm, public: true })
    })?;
    if !jwk.contains_key("d") {
        return Key::from_public(algorithm, public);
    }
    if jwk.contains_key("oth") {
        return Err(KeyError::Unknown("oth")); // more than two primes (RFC 7518 §6.3.2.7)
    }
    let private = bytes(jwk, "d")?;
    // The others are there together or not at all (RFC 7518 §6.3.2); they follow from these.
    let [p, q, dp, dq, qi] = if FACTORS.iter().any(|name| jwk.contains_key(*name)) {
        let [p, q, dp, dq, qi] = FACTORS.map(|name| bytes(jwk, name));
        [p?, q?, dp?, dq?, qi?]
    } else {
        rsa::factors(&modulus, &exponent, &private).ok_or(KeyError::Mismatch("n"))?
    };
    let private = rsa::Private::from_components(
        algorithm,
        &Components {
            public_key: aws_lc_rs::rsa::PublicKeyComponents { n: &modulus, e: &exponent },
            d: &private,
            p: &p,
            q: &q,
            dP: &dp,
            dQ: &dq,
            qInv: &qi,
        },
    );
    Key::from_signing(algorithm, SigningKey::Rsa(private.ok_or(KeyError::Mismatch("n"))?))
}

const FACTORS: [&str; 5] = ["p", "q", "dp", "dq", "qi"];

fn ecdsa_key(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<Key, KeyError> {
    let size = ecdsa::coordinate_bytes(algorithm);
    let full = |name| {
        let value = bytes(jwk, name)?;
        if value.len() == size { Ok(value) } else { Err(KeyError::Member(name)) }
    };
    let point = [&[UNCOMPRESSED], full("x")?.as_slice(), full("y")?.as_slice()].concat();
    if !jwk.contains_key("d") {
        let public = parse::public_bytes(algorithm, &point);
        return Key::from_public(algorithm, public.ok_or(KeyError::NotAPoint)?);
    }
    let private = ecdsa::Private::from_scalar(algorithm, &full("d")?, &point)
        .ok_or(KeyError::Mismatch("x"))?;
    Key::from_signing(algorithm, SigningKey::Ecdsa(private))
}

fn eddsa_key(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<Key, KeyError> {
    let x = bytes(jwk, "x")?;
    if !jwk.contains_key("d") {
        let point: [u8; 32] = x.as_slice().try_into().map_err(|_| KeyError::Member("x"))?;
        if let Some(fault) = kind::point_fault(point) {
            return Err(fault);
        }
        let public = parse::public_bytes(algorithm, &x);
        let public = public.ok_or(KeyError::Rejected { algorithm, public: true })?;
        return Key::from_public(algorithm, public);
    }
    let seed = bytes(jwk, "d")?;
    if seed.len() != 32 {
        return Err(KeyError::Member("d"));
    }
    let private = eddsa::Private::from_seed(&seed, &x).ok_or(KeyError::Mismatch("x"))?;
    Key::from_signing(algorithm, SigningKey::Eddsa(private))
}
