//! What an upstream gets of the client's headers: nothing that holds a token of djwto.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use djwto_core::compact::Untrusted;
use djwto_core::http::Lines;
use djwto_core::token::verify::verify_signature;
use djwto_core::{KeyRing, Kind, Transport};
use hyper::header::HeaderValue;
use serde::Deserialize;

/// The client's cookies without those of djwto, and without those that hold a token of djwto under another
/// name: that of another prefix, or of a page that keeps its token itself.
pub(super) fn cookie(
    transport: &Transport,
    keys: &KeyRing,
    lines: Lines<'_>,
) -> Option<HeaderValue> {
    lines.iter().next()?;
    let rest = transport.cookies_without_tokens(lines)?;
    let pairs = || rest.split(|byte| *byte == b';');
    if !pairs().any(|pair| holds_token(keys, pair)) {
        return HeaderValue::from_maybe_shared(rest).ok();
    }
    let kept: Vec<_> = pairs().filter(|pair| !holds_token(keys, pair)).collect();
    let rest = kept.join(&b';');
    let rest = rest.trim_ascii();
    if rest.is_empty() { None } else { HeaderValue::from_bytes(rest).ok() }
}

/// The client's `Authorization`, unless it is djwto's or holds a token that djwto has signed.
///
/// On a public path a Bearer token may be the upstream's: a registry of packages has its own tokens.
pub(super) fn authorization(
    transport: &Transport,
    keys: &KeyRing,
    lines: Lines<'_>,
    is_public: bool,
) -> Option<HeaderValue> {
    let mut several = lines.iter();
    // Of two lines, upstreams differ in which they read.
    let (Some(only), None) = (several.next(), several.next()) else { return None };
    let is_theirs = is_public || transport.authorization_without_token(lines).is_some();
    if !is_theirs || holds_token(keys, only) {
        return None;
    }
    HeaderValue::from_bytes(only).ok()
}

/// The most words of a header that are verified; one with more looks like an attack on the processor.
const MAX_WORDS: usize = 4;

/// Whether a word of the header is a token of djwto: signed with one of its keys, expired or not, or by
/// its claims one of an older key.
fn holds_token(keys: &KeyRing, header: &[u8]) -> bool {
    // A token has two dots.
    if header.iter().filter(|byte| **byte == b'.').nth(1).is_none() {
        return false;
    }
    let ends_word = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-._".contains(byte);
    let words = header.split(ends_word);
    let mut tokens = words.filter_map(|word| Some((word, Untrusted::parse(word).ok()?)));
    let is_ours = |(word, token): (&[u8], Untrusted<'_>)| {
        verify_signature(&token, keys).is_ok() || has_kind(word).unwrap_or_default()
    };
    tokens.by_ref().take(MAX_WORDS).any(is_ours) || tokens.next().is_some()
}

/// Whether a token says that it is an access token or a refresh token. Nothing else is read of it.
fn has_kind(token: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    struct Payload<'p> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'p, str>,
    }
    let payload = token.split(|byte| *byte == b'.').nth(1)?;
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let payload: Payload<'_> = serde_json::from_slice(&payload).ok()?;
    Some(Kind::from_name(&payload.kind).is_some())
}

#[cfg(test)]
mod tests {
    use super::{BASE64_URL_SAFE_NO_PAD, MAX_WORDS, authorization};
    use base64::Engine as _;
    use djwto_core::{Algorithm, Engine, Key, KeyRing, Mode, Policy, PolicyOptions};
    use djwto_core::{Transport, TransportOptions};

    #[test]
    fn a_token_of_djwto_goes_to_no_upstream_and_others_do() {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let transport = |modes| Transport::new(TransportOptions { modes, ..Default::default() });
        let transport = |modes| transport(modes).unwrap();
        let policy = Policy::new(PolicyOptions::default()).unwrap();
        let engine = |key| -> Engine {
            Engine::new(KeyRing::new(key), policy.clone(), transport(vec![Mode::Json]))
        };
        let (engine, other) = (engine(key), engine(Key::generate(Algorithm::Es256).unwrap()));
        let claims = r#"{"exp":1,"iat":1,"jti":"1","type":"refresh","user":{"id":7}}"#;
        let token = engine.sign(claims).unwrap().into_text();
        let older = other.sign(claims).unwrap().into_text();
        // The engine signs nothing but tokens, so another's payload goes with a signature of a token.
        let (start, signature) = older.rsplit_once('.').unwrap();
        let (header, _) = start.split_once('.').unwrap();
        let payload = BASE64_URL_SAFE_NO_PAD.encode(r#"{"type":"registry","sub":"7"}"#);
        let foreign = format!("{header}.{payload}.{signature}");
        let many = [foreign.as_str(); MAX_WORDS + 1].join(",");
        let pass = |modes: &[Mode], header: &str, is_public| {
            let lines = Some(header.as_bytes()).into();
            authorization(&transport(modes.to_vec()), engine.keys(), lines, is_public).is_some()
        };
        let (json, cookies) = (&[Mode::Json][..], &[Mode::TwoCookies][..]);
        for (modes, header, is_public, expected) in [
            (json, format!("Bearer {token}"), true, false),
            (json, format!("Bearer {token}"), false, false),
            (cookies, format!("Bearer {token}"), false, false),
            (cookies, format!("Token token=\"{token}\", a=b"), true, false),
            (cookies, format!("Bearer {many}"), true, false),
            (json, format!("Bearer {older}"), true, false),
            (json, format!("Bearer {foreign}"), true, true),
            (json, format!("Bearer {foreign}"), false, false),
            (cookies, format!("Bearer {foreign}"), false, true),
            (json, "Bearer npm_123".to_owned(), true, true),
            (json, "Basic dTpw".to_owned(), false, true),
        ] {
            assert_eq!(pass(modes, &header, is_public), expected, "{modes:?} {is_public} {header}");
        }
        let two = [&b"Basic a"[..], &b"Basic b"[..]];
        let lines = two[..].into();
        assert!(authorization(&transport(json.to_vec()), engine.keys(), lines, true).is_none());
    }
}
