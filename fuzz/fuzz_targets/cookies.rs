//! Raw headers: what is found stands in the header once, under its own name, and a reply always
//! has somewhere to go.
//!
//! The input's first byte picks modes and kind. A line feed parts `Authorization` from `Cookie`.

#![no_main]

use djwto_core::http::{Found, ReadError, TokenCookie};
use djwto_core::types::Kind;
use djwto_core::{Mode, Transport, TransportOptions};
use libfuzzer_sys::fuzz_target;

const MODES: &[&[Mode]] = &[
    &[Mode::Json],
    &[Mode::OneCookie],
    &[Mode::TwoCookies],
    &[Mode::TwoCookies, Mode::Json],
    &[Mode::Json, Mode::OneCookie],
    &[Mode::OneCookie, Mode::TwoCookies],
    &[Mode::Json, Mode::TwoCookies, Mode::OneCookie],
];

fuzz_target!(|input: &[u8]| {
    let Some((first, headers)) = input.split_first() else { return };
    let modes = MODES[usize::from(*first) % MODES.len()];
    let transport = Transport::new(TransportOptions {
        modes: modes.to_vec(),
        domain: Some("example.com".to_owned()),
        ..TransportOptions::default()
    })
    .expect("the options are good");
    let mut headers = headers.splitn(2, |byte| *byte == b'\n');
    let authorization = headers.next().filter(|header| !header.is_empty());
    let cookie = headers.next();

    assert!(modes.contains(&transport.answering_mode(authorization, cookie)));
    let host = authorization.map(String::from_utf8_lossy).unwrap_or_default();
    let planted = transport.clear_doubled(cookie, &host, &host, 1);
    for cleared in transport.clear(cookie, &host).into_iter().chain(planted) {
        assert_eq!((cleared.value.as_str(), cleared.max_age), ("", Some(0)));
        let visible = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b';';
        assert!(cleared.path.bytes().all(visible));
        assert!(cleared.domain.iter().all(|domain| domain.bytes().all(visible)));
    }
    for kind in [Kind::Access, Kind::Refresh] {
        match transport.read(authorization, cookie, kind) {
            Ok(found) => {
                assert!(modes.contains(&found.mode));
                stands_once(found, kind, authorization, cookie);
            }
            Err(ReadError::AuthorizationMissing) => assert_eq!(modes[0], Mode::Json),
            Err(ReadError::AuthorizationInvalid) => assert!(modes.contains(&Mode::Json)),
            // The default mode's cookie is named, which for an absent token needs no cookie at all.
            Err(_) => assert!(modes.iter().any(|mode| *mode != Mode::Json)),
        }
    }
});

fn stands_once(found: Found<'_>, kind: Kind, authorization: Option<&[u8]>, cookie: Option<&[u8]>) {
    assert!(!found.token.is_empty());
    let Some(name) = found.mode.cookie(kind).map(TokenCookie::name) else {
        let header = authorization.expect("a token of the header is in the header");
        assert!(header.trim_ascii_start()[..6].eq_ignore_ascii_case(b"bearer"));
        assert!(header.trim_ascii_end().ends_with(found.token));
        return;
    };
    let cookie = cookie.expect("a token of a cookie is in a cookie");
    // Namesakes as the most lenient parser sees them: without whatever stands around letters.
    let namesakes: Vec<_> = cookie
        .split(|byte| *byte == b';')
        .filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let start = pair.iter().position(u8::is_ascii_graphic)?;
            let end = pair[..equals].iter().rposition(u8::is_ascii_graphic)?;
            (pair.get(start..=end) == Some(name.as_bytes())).then(|| &pair[equals + 1..])
        })
        .collect();
    let [value] = namesakes.as_slice() else { panic!("{} cookies of one name", namesakes.len()) };
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let blanks = value.iter().take_while(is_blank).count();
    assert!(value[blanks..].starts_with(found.token));
    assert!(value[blanks + found.token.len()..].iter().all(|byte| is_blank(&byte)));
}
