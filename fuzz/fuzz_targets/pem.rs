//! Keys as text: loading never panics, nothing shows a key, a pair that loads works together, and
//! what is a key to one algorithm is no secret to another.
//!
//! The input's first byte picks the algorithm. A null parts the private key from the public one.

#![no_main]

mod signing;

use djwto_core::algorithm::Family;
use djwto_core::key::KeyError;
use djwto_core::{Algorithm, KeyRing};
use libfuzzer_sys::fuzz_target;
use signing::works;

/// Longer than any word in our sentences, shorter than any line of a key.
const RUN: usize = 20;

fuzz_target!(|input: &[u8]| {
    let Some((first, text)) = input.split_first() else { return };
    let algorithm = Algorithm::ALL[usize::from(*first) % Algorithm::ALL.len()];
    let mut texts = text.splitn(2, |byte| *byte == 0);
    let (private, public) = (texts.next(), texts.next());
    for (signing, verifying) in [(private, None), (None, private), (private, public)] {
        let loaded = KeyRing::load(algorithm, signing, verifying);
        shows_nothing(&loaded, text);
        let Ok(keys) = loaded else { continue };
        assert!(keys.keys().iter().all(|key| key.algorithm() == algorithm));
        assert_eq!(keys.can_sign(), signing.is_some());
        if algorithm.family() != Family::Hmac {
            let as_secret = KeyRing::load(Algorithm::Hs256, private, None).err();
            assert_eq!(as_secret, Some(KeyError::KeyAsSecret(Algorithm::Hs256)));
        }
        if keys.can_sign() {
            works(keys);
        }
    }
});

fn shows_nothing(loaded: &Result<KeyRing, KeyError>, text: &[u8]) {
    let shown = match loaded {
        // A thumbprint is shown on purpose, and the fuzzer copies it into its input.
        Ok(keys) => keys
            .keys()
            .iter()
            .fold(format!("{keys:?}"), |shown, key| shown.replace(key.id().unwrap_or(" "), "")),
        Err(error) => format!("{error:?} {error}"),
    };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    for run in shown.as_bytes().windows(RUN).filter(|run| run.iter().all(is_base64)) {
        assert!(!text.windows(RUN).any(|window| window == run), "a key is shown");
    }
}
