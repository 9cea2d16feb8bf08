//! RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 §§3.3, 3.5), 2,048 to 8,192 bits.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, KeySize, PublicEncryptingKey};
use aws_lc_rs::signature::{self, KeyPair as _, ParsedPublicKey, RsaEncoding, RsaParameters};

use num_bigint::BigUint;
use zeroize::Zeroizing;

use super::Algorithm;

/// What a JWK holds of a private key, big-endian without leading zeros (RFC 7518 §6.3).
pub(crate) type Components<'c> = KeyPairComponents<&'c [u8]>;

pub(crate) struct Private {
    pair: KeyPair,
    encoding: &'static dyn RsaEncoding,
}

impl Private {
    pub(crate) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        let pair = KeyPair::from_pkcs8(der).ok()?;
        Some(Self { pair, encoding: encoding(algorithm) })
    }

    pub(crate) fn from_pkcs1(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        let pair = KeyPair::from_der(der).ok()?;
        Some(Self { pair, encoding: encoding(algorithm) })
    }

    /// Takes numbers, which must belong together.
    pub(crate) fn from_components(
        algorithm: Algorithm,
        components: &Components<'_>,
    ) -> Option<Self> {
        let pair = KeyPair::from_components(components).ok()?;
        Some(Self { pair, encoding: encoding(algorithm) })
    }

    /// A new key of 3,072 bits: as strong as the 128 bits of its neighbours (NIST SP 800-57).
    pub(crate) fn generate(algorithm: Algorithm) -> Option<Self> {
        let pair = KeyPair::generate(KeySize::Rsa3072).ok()?;
        Some(Self { pair, encoding: encoding(algorithm) })
    }

    pub(crate) fn pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().ok()?;
        Some(Zeroizing::new(der.as_ref().to_vec()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(self.encoding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub(crate) fn public_spki(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().ok()?;
        Some(der.as_ref().to_vec())
    }
}

pub(crate) fn public(algorithm: Algorithm, der: &[u8]) -> Option<ParsedPublicKey> {
    // The library looks at the size only when it verifies, where it would be a bad signature.
    let bits = PublicEncryptingKey::from_der(der).ok()?.key_size_bits();
    if !BITS.contains(&bits) {
        return None;
    }
    ParsedPublicKey::new(parameters(algorithm), der).ok()
}

/// The sizes that are taken (RFC 7518 §3.3: at least 2,048), in bits.
pub(crate) const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The size of a number, in bits.
pub(crate) fn bits(number: &[u8]) -> usize {
    let skipped = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(skipped..).unwrap_or_default();
    let unused = digits.first().map_or(0, |first| first.leading_zeros() as usize);
    8 * digits.len() - unused
}

/// Whether this can be a public exponent: odd, at least 3, and of at most 33 bits, as the library
/// wants it (it bounds the work of a verification).
pub(crate) fn is_exponent(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1) && (2..=33).contains(&bits(number))
}

/// The members of a private JWK that follow from the others: p, q, dp, dq, qi.
pub(crate) type Factors = [Zeroizing<Vec<u8>>; 5];

/// Finds the primes of a key whose private exponent is known (NIST SP 800-56B §C.2); `None` where
/// the numbers do not belong together.
///
/// The time it takes depends on the key: it is for loading one, and not for what others send.
#[expect(clippy::many_single_char_names, reason = "the names of RFC 8017 §3")]
pub(crate) fn factors(modulus: &[u8], exponent: &[u8], private: &[u8]) -> Option<Factors> {
    let [n, e, d] = [modulus, exponent, private].map(BigUint::from_bytes_be);
    let (one, two) = (BigUint::from(1_u8), BigUint::from(2_u8));
    if n < two || d >= n || d < one || e < two {
        return None;
    }
    let k = &d * &e - &one;
    let twos = k.trailing_zeros()?;
    let odd = &k >> twos;
    let minus_one = &n - &one;
    // Half of all bases find the primes, or more. The first that is not 1 in the end shows that
    // the numbers are wrong.
    let p = FIRST_PRIMES.iter().find_map(|base| {
        let mut x = BigUint::from(*base).modpow(&odd, &n);
        for _ in 0..twos {
            let square = &x * &x % &n;
            if square == one {
                let is_trivial = x == one || x == minus_one;
                return if is_trivial { None } else { Some(Some(gcd(&x - &one, n.clone()))) };
            }
            x = square;
        }
        Some(None)
    })??;
    let q = &n / &p;
    if p < two || q < two || &p * &q != n {
        return None;
    }
    let qi = q.modinv(&p)?;
    let numbers = [&d % (&p - &one), &d % (&q - &one), qi];
    let [dp, dq, qi] = numbers.map(|number| Zeroizing::new(number.to_bytes_be()));
    Some([Zeroizing::new(p.to_bytes_be()), Zeroizing::new(q.to_bytes_be()), dp, dq, qi])
}

fn gcd(mut a: BigUint, mut b: BigUint) -> BigUint {
    while b != BigUint::ZERO {
        (a, b) = (b.clone(), a % b);
    }
    a
}

/// The chance that none of them finds the primes of a good key is one in 2³².
const FIRST_PRIMES: [u8; 32] = [
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131,
];

/// The `SubjectPublicKeyInfo` of a modulus and an exponent.
pub(crate) fn spki_of(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let components = aws_lc_rs::rsa::PublicKeyComponents { n: modulus, e: exponent };
    let spki: PublicKeyX509Der<'_> = components.as_der().ok()?;
    Some(spki.as_ref().to_vec())
}

/// The same key as a `SubjectPublicKeyInfo`, whether it came as one or as PKCS#1.
pub(crate) fn spki(der: &[u8]) -> Option<Vec<u8>> {
    let key = aws_lc_rs::rsa::PublicKey::from_der(der).ok()?;
    let spki: PublicKeyX509Der<'_> = key.as_der().ok()?;
    Some(spki.as_ref().to_vec())
}

fn encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

fn parameters(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    }
}
