//! What an upstream gets: no parser finds a cookie of djwto in it, and the others arrive in order.
//!
//! The input's first byte picks prefix and modes. Line feeds part `Authorization` and lines of `Cookie`.

#![no_main]

use djwto_core::http::{ReadError, TokenCookie};
use djwto_core::types::Kind;
use djwto_core::{Mode, Transport, TransportOptions};
use libfuzzer_sys::fuzz_target;

const PREFIXES: &[&str] = &["", "staging_", "__Host-", "a.b+", "%41"];
const TOKEN: &[u8] = b"eyJhbGciOiJFZERTQSJ9.e30.SECRETSECRET";

fuzz_target!(|input: &[u8]| {
    let Some((first, headers)) = input.split_first() else { return };
    let prefix = PREFIXES[usize::from(*first) % PREFIXES.len()];
    let json = if first & 0x80 == 0 { vec![] } else { vec![Mode::Json] };
    let transport = Transport::new(TransportOptions {
        modes: [Mode::TwoCookies].into_iter().chain(json.clone()).collect(),
        cookie_prefix: prefix.to_owned(),
        ..TransportOptions::default()
    })
    .expect("the options are good");
    let mut lines = headers.split(|byte| *byte == b'\n');
    let authorization = lines.next().unwrap_or_default();
    let mut lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();

    if let Some(passed) = transport.authorization_without_token(Some(authorization)) {
        assert_eq!(passed, authorization);
        let read = transport.read(Some(passed), None, Kind::Access);
        assert!(matches!(read, Err(ReadError::CookieMissing(_))));
    } else {
        assert!(!json.is_empty());
    }

    check(&transport, &lines);
    // The same with a token where a browser puts it, between what the input has.
    for cookie in TokenCookie::ALL {
        let own = [transport.cookie_name(cookie).as_bytes(), b"=", TOKEN].concat();
        lines.insert(lines.len() / 2, own.clone());
        if let Some(last) = lines.last_mut() {
            last.extend([b"; ", &own[..], b"; a=1"].concat());
        }
    }
    let left = check(&transport, &lines);
    let has_token = |text: &[u8]| text.windows(TOKEN.len()).any(|part| part == TOKEN);
    // The fuzzer learns the token, and puts it where no cookie of djwto is.
    assert!(has_token(headers) || !has_token(&left));
});

fn check(transport: &Transport, lines: &[Vec<u8>]) -> Vec<u8> {
    let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
    let left = transport.cookies_without_tokens(&lines[..]).unwrap_or_default();
    assert_eq!(transport.cookies_without_tokens(Some(&left[..])).unwrap_or_default(), left);
    for kind in [Kind::Access, Kind::Refresh] {
        assert_eq!(transport.read_each(Some(&left[..]), kind).count(), 0);
    }
    let names = TokenCookie::ALL.map(|cookie| transport.cookie_name(cookie).as_bytes());
    let is_ours = |name: &[u8]| names.contains(&name);
    let is_mangled = |name: &[u8]| names.iter().any(|ours| mangled(ours) == name);
    for pair in left.split(|byte| *byte == b';') {
        // Django trims Unicode spaces; ASP.NET compares without case.
        let name = name_of(pair);
        let text: String = name.iter().copied().map(char::from).collect();
        let lower = text.trim().to_lowercase();
        assert!(!names.iter().any(|ours| ours.eq_ignore_ascii_case(lower.as_bytes())));
        assert!(!is_ours(trim(&decoded(name))));
        // PHP: a name ends at a bracket, and some letters become underscores.
        let name = decoded(trim(name));
        let bracket = name.iter().position(|byte| *byte == b'[').unwrap_or(name.len());
        assert!(
            !is_mangled(&mangled(trim(&name))) && !is_mangled(&mangled(trim(&name[..bracket])))
        );
        // Rack once began a cookie at a comma, and Python's `SimpleCookie` does at white space.
        for part in pair.split(|byte| *byte == b',') {
            assert!(!is_ours(trim(&decoded(name_of(part)))));
        }
        for part in pair.split(u8::is_ascii_whitespace) {
            assert!(!is_ours(name_of(part)));
        }
    }
    let mut rest = left.split(|byte| *byte == b';').map(trim).filter(|pair| !pair.is_empty());
    let mut next = rest.next();
    for pair in lines.iter().flat_map(|line| line.split(|byte| *byte == b';')).map(trim) {
        // No reading of a pair without a J and without escapes is a name of ours.
        let is_far = !pair.iter().any(|byte| b"jJ%".contains(byte));
        if next == Some(pair) {
            next = rest.next();
        } else {
            assert!(!is_far || pair.is_empty(), "a cookie of another program is lost");
        }
    }
    assert_eq!(next, None, "a cookie that was not sent");
    left
}

fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default()
}

fn trim(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().take_while(is_blank).count();
    let end = text[start..].iter().rev().take_while(is_blank).count();
    &text[start..text.len() - end]
}

fn mangled(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if b" .+[".contains(byte) { b'_' } else { *byte }).collect()
}

fn decoded(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let is_hex = |two: &&str| two.bytes().all(|byte| byte.is_ascii_hexdigit());
        match escape.filter(is_hex).filter(|_| *first == b'%') {
            Some(two) => {
                plain.push(u8::from_str_radix(two, 16).expect("two digits"));
                rest = &after[2..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}
