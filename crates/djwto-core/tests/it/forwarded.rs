//! What an upstream gets: the client's cookies and `Authorization` without any token of djwto.

use crate::support::transport;
use djwto_core::http::TokenCookie;
use djwto_core::{Kind, Mode, Transport, TransportOptions};
use proptest::prelude::*;

fn with_prefix(prefix: &str) -> Transport {
    let modes = vec![Mode::TwoCookies];
    let cookie_prefix = prefix.to_owned();
    Transport::new(TransportOptions { modes, cookie_prefix, ..TransportOptions::default() })
        .unwrap()
}

fn left(prefix: &str, cookie: &str) -> Option<String> {
    let left = with_prefix(prefix).cookies_without_tokens(Some(cookie.as_bytes()));
    left.map(|left| String::from_utf8(left).unwrap())
}

#[test]
fn every_token_cookie_is_left_out_whatever_modes_are_offered() {
    for modes in [&[Mode::Json][..], &[Mode::OneCookie], &[Mode::TwoCookies, Mode::Json]] {
        let transport = transport(modes);
        for cookie in TokenCookie::ALL {
            let header = format!("a=1; {}=SECRET; b=2", cookie.name());
            let left = transport.cookies_without_tokens(Some(header.as_bytes()));
            assert_eq!(left.as_deref(), Some(&b"a=1; b=2"[..]), "{header}");
            let alone = format!("{}=SECRET", cookie.name());
            assert_eq!(transport.cookies_without_tokens(Some(alone.as_bytes())), None);
        }
    }
}

#[test]
fn the_other_cookies_arrive_byte_for_byte_and_in_order() {
    for cookie in [
        "a=1",
        "b=2; a=1; b=3",
        "a=1;b=2",
        "a=1;  b=2 ;c",
        "odd",
        "=value",
        "a=",
        "a==b=c",
        "a=\"x;  y\"; b",
        "a=x,y; b= z",
        "sessionid=abc; csrftoken=def",
        "jwt=1; jwt_accesses=2; my_jwt_access=3; jwt_access2=4; jwtaccess=5",
        "staging_jwt_access=1; __Host-jwt_access=2; __Secure-jwt_refresh=3",
        "a=jwt_access; b=jwt_access_token.c",
        "a=%3Bjwt_access%3D1",
        "a;;b; ;c",
    ] {
        assert_eq!(left("", cookie).as_deref(), Some(cookie), "{cookie}");
        for (before, after) in [("", "; jwt_access=SECRET"), ("jwt_refresh=SECRET; ", "")] {
            assert_eq!(left("", &format!("{before}{cookie}{after}")).as_deref(), Some(cookie));
        }
    }
    let bytes = b"a=\xff\x00\x01; jwt_access=SECRET;\xe9=2";
    let left = with_prefix("").cookies_without_tokens(Some(&bytes[..]));
    assert_eq!(left.as_deref(), Some(&b"a=\xff\x00\x01;\xe9=2"[..]));
}

#[test]
fn nothing_left_is_no_header() {
    for cookie in ["", " ", ";", "; ;", "jwt_access=SECRET;", ";jwt_access=SECRET; ;"] {
        assert_eq!(left("", cookie), None, "{cookie:?}");
    }
    assert_eq!(with_prefix("").cookies_without_tokens(None), None);
}

#[test]
fn lines_are_joined() {
    let lines: [&[u8]; 5] = [b"a=1; jwt_access=SECRET", b"jwt_refresh=SECRET", b"", b" b=2", b"c"];
    let left = with_prefix("").cookies_without_tokens(&lines[..]);
    assert_eq!(left.as_deref(), Some(&b"a=1; ; b=2; c"[..]));
}

#[test]
fn a_name_that_some_parser_takes_for_ours_is_left_out() {
    for name in [
        "JWT_ACCESS",
        "Jwt_Access_Token",
        " jwt_access ",
        "\tjwt_access\t",
        "\u{a0}jwt_access",
        "jwt_access\u{2003}",
        "\"jwt_access\"",
        "(jwt_access)",
        "=jwt_access",
        "==jwt_access",
        "jwt%5Faccess",
        "%6Awt_access",
        "%20jwt_access%00",
        "%22jwt_access%22",
        "jwt.access",
        "jwt access",
        "jwt+access",
        "jwt[access",
        "jwt_access[]",
        "jwt_access[a][b]",
        "jwt_access%5Ba%5D",
        "x,jwt_access",
        "x=1,jwt_access",
        "x=1, jwt_access ",
        "x=1,jwt access",
        "x=1 jwt_access",
        "x=1\u{b}jwt_access",
        "x jwt_access",
        "x=\"1\" jwt_access",
        "x=1,y=2 jwt_access",
    ] {
        let header = format!("a=1; {name}=SECRET; b=2");
        assert_eq!(left("", &header).as_deref(), Some("a=1; b=2"), "{name:?}");
    }
    // A cookie of a neighbour that begins with a quote embraces no token.
    assert_eq!(left("", "a=\"x; jwt_access=SECRET; b=y\"").as_deref(), Some("a=\"x; b=y\""));
    // A name without a value.
    assert_eq!(left("", "a=1; jwt_access; b=2").as_deref(), Some("a=1; b=2"));
}

#[test]
fn names_count_with_the_prefix_and_those_of_another_site_stay() {
    for (prefix, others) in [
        ("", ["staging_jwt_access", "__Host-jwt_access", "x-jwt_refresh"]),
        ("staging_", ["jwt_access", "__Host-jwt_access", "staging2_jwt_access"]),
        ("__Host-", ["jwt_access", "__Secure-jwt_access", "staging_jwt_refresh"]),
        ("a.b+", ["jwt_access", "ab_jwt_access", "a_bjwt_access"]),
        ("%41_", ["jwt_access", "41_jwt_access", "%42_jwt_access"]),
        ("!%x%", ["jwt_access", "x_jwt_access", "!jwt_access"]),
    ] {
        for other in others {
            let header =
                format!("{other}=1; {prefix}jwt_access_token=SECRET; {prefix}jwt_refresh=SECRET");
            assert_eq!(left(prefix, &header), Some(format!("{other}=1")), "{prefix}");
        }
        let upper = prefix.to_ascii_uppercase();
        assert_eq!(left(prefix, &format!("{upper}JWT_ACCESS=SECRET")), None, "{prefix}");
    }
}

#[test]
fn authorization_arrives_where_djwto_does_not_use_it() {
    let both = transport(&[Mode::TwoCookies, Mode::Json]);
    let cookies = transport(&[Mode::TwoCookies]);
    for header in
        ["Basic YTpi", "Digest username=\"a\", realm=\"b\"", "Negotiate x", "", "Bearers x"]
    {
        let header = Some(header.as_bytes());
        assert_eq!(both.authorization_without_token(header), header);
        assert_eq!(cookies.authorization_without_token(header), header);
    }
    for header in [
        "Bearer a.b.c",
        "bearer a.b.c",
        " Bearer\ta.b.c ",
        "Bearer",
        "Bearer a.b.c, Basic x",
        "Basic x, Bearer a.b.c",
        "\u{a0}Bearer a.b.c",
        "Bearer\u{a0}a.b.c",
        "Bearer=a.b.c",
    ] {
        let header = Some(header.as_bytes());
        assert_eq!(both.authorization_without_token(header), None);
        // No token of these modes is ever in this header.
        assert_eq!(cookies.authorization_without_token(header), header);
    }
    assert_eq!(both.authorization_without_token(None), None);
    let lines: [&[u8]; 2] = [b"Basic YTpi", b"Basic YTpj"];
    assert_eq!(both.authorization_without_token(&lines[..]), None);
    assert_eq!(cookies.authorization_without_token(&lines[..]), None);
    assert_eq!(both.authorization_without_token(&lines[..1]), Some(lines[0]));
    let schemes = vec!["JWT".to_owned()];
    let other = TransportOptions { schemes, ..TransportOptions::default() };
    let other = Transport::new(other).unwrap();
    assert_eq!(other.authorization_without_token(Some(&b"jwt a.b.c"[..])), None);
    assert_eq!(both.authorization_without_token(Some(&b"jwt a.b.c"[..])), Some(&b"jwt a.b.c"[..]));
}

fn any_prefix() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "staging_", "__Host-", "__Secure-", "a.b+", "%41", "%5B%"])
}

/// Bytes that are often near the names and the marks that parsers look for.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "jwt_access",
            "JWT_Refresh",
            "jwt_access_token",
            "jwt_access_payload",
            "staging_",
            "__Host-",
            "=",
            ";",
            "; ",
            ",",
            " ",
            "\"",
            "[",
            "%5f",
            "%",
            "\u{a0}",
            "a",
            "=1",
            "\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_byte_of_a_token_is_in_what_is_left(
        prefix in any_prefix(), lines in prop::collection::vec(any_bytes(), 1..4),
        place in any::<prop::sample::Index>(), cookie in prop::sample::select(TokenCookie::ALL.to_vec()),
    ) {
        let transport = with_prefix(prefix);
        let mut lines = lines;
        let line = place.get(&lines).clone();
        let at = place.index(lines.len());
        // A token's cookie among anything, as a browser writes it.
        let token = "eyJhbGciOiJFZERTQSJ9.e30.SECRETSECRET";
        lines[at] = [&line[..], b"; ", prefix.as_bytes(), cookie.name().as_bytes(), b"=", token.as_bytes(), b"; ", &line[..]].concat();
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let left = transport.cookies_without_tokens(&lines[..]).unwrap_or_default();
        prop_assert!(memchr::memmem::find(&left, token.as_bytes()).is_none());
        prop_assert!(memchr::memmem::find(&left, b"SECRET").is_none());
    }

    #[test]
    fn what_is_left_holds_no_token_that_is_read_and_nothing_that_was_not_sent(
        prefix in any_prefix(), lines in prop::collection::vec(any_bytes(), 0..4),
    ) {
        let transport = with_prefix(prefix);
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let left = transport.cookies_without_tokens(&lines[..]).unwrap_or_default();
        for kind in [Kind::Access, Kind::Refresh] {
            prop_assert!(transport.read(None, Some(&left[..]), kind).is_err());
            prop_assert_eq!(transport.read_each(Some(&left[..]), kind).count(), 0);
        }
        prop_assert_eq!(
            transport.cookies_without_tokens(Some(&left[..])).unwrap_or_default(), left.clone(),
        );
        // Each pair that is left was sent, and in this order.
        let mut sent = lines.iter().flat_map(|line| line.split(|byte| *byte == b';'));
        for pair in left.split(|byte| *byte == b';') {
            let pair = pair.trim_ascii_start();
            prop_assert!(pair.is_empty() || sent.any(|one| one.trim_ascii_start() == pair));
        }
    }

    #[test]
    fn pairs_whose_letters_are_far_from_ours_stay(
        prefix in any_prefix(), pairs in prop::collection::vec("[a-iA-I0-9!-:<-@]{1,12}", 1..8),
    ) {
        let header = pairs.join("; ");
        prop_assert_eq!(left(prefix, &header), Some(header.clone()));
    }
}
