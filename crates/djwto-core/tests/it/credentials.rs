//! Tokens out of request headers. `vectors/transport.json` has the single cases.

use crate::support::transport;
use djwto_core::http::{CookiePrefix, Found, ReadError, SameSite, TokenCookie, TransportError};
use djwto_core::{Code, Kind, Mode, Transport, TransportOptions};
use proptest::prelude::*;

#[test]
fn debug_never_shows_the_token() {
    let found = Found { token: b"hidden.hidden.hidden", mode: Mode::OneCookie };
    assert_eq!(format!("{found:?}"), "Found { mode: OneCookie, .. }");
}

#[test]
fn names_are_those_of_the_contract() {
    assert_eq!(
        Mode::ALL.iter().map(|m| m.name()).collect::<Vec<_>>(),
        ["JSON", "ONE-COOKIE", "TWO-COOKIES"]
    );
    for &mode in Mode::ALL {
        assert_eq!(Mode::from_name(mode.name()), Some(mode));
        assert_eq!(Mode::from_name(&mode.name().to_ascii_lowercase()), None);
        assert_eq!(mode.to_string(), mode.name());
    }
    assert_eq!(
        TokenCookie::ALL.map(TokenCookie::name),
        ["jwt_refresh", "jwt_access", "jwt_access_token", "jwt_access_payload"]
    );
    for (mode, access, refresh) in [
        (Mode::Json, None, None),
        (Mode::OneCookie, Some("jwt_access"), Some("jwt_refresh")),
        (Mode::TwoCookies, Some("jwt_access_token"), Some("jwt_refresh")),
    ] {
        let name = |kind| mode.cookie(kind).map(TokenCookie::name);
        assert_eq!((name(Kind::Access), name(Kind::Refresh)), (access, refresh));
    }
    for kind in [Kind::Access, Kind::Refresh] {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
    assert_eq!(Kind::from_name("Access"), None);
    for name in ["Lax", "lax", "LAX", "Strict", "none"] {
        assert!(SameSite::from_name(name).unwrap().name().eq_ignore_ascii_case(name));
    }
    assert_eq!(SameSite::from_name("lax "), None);
}

#[test]
fn sentences_are_those_of_the_contract() {
    for (error, sentence) in [
        (ReadError::AuthorizationMissing, "Token not found in \"HTTP_AUTHORIZATION\" header."),
        (ReadError::AuthorizationInvalid, "Value in HTTP_AUTHORIZATION header is not valid."),
        (ReadError::CookieMissing("jwt_access".into()), "Cookie \"jwt_access\" cannot be empty."),
        (
            ReadError::CookieAmbiguous("jwt_refresh".into()),
            "Cookie \"jwt_refresh\" was sent more than once or under a look-alike name.",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
        assert_eq!(error.code().status(), 401);
    }
}

#[test]
fn a_missing_cookie_is_named_after_the_first_mode() {
    for (modes, kind, wanted) in [
        (vec![Mode::Json], Kind::Access, ReadError::AuthorizationMissing),
        (vec![Mode::Json, Mode::OneCookie], Kind::Access, ReadError::AuthorizationMissing),
        (
            vec![Mode::OneCookie, Mode::Json],
            Kind::Access,
            ReadError::CookieMissing("jwt_access".into()),
        ),
        (
            vec![Mode::TwoCookies, Mode::OneCookie],
            Kind::Access,
            ReadError::CookieMissing("jwt_access_token".into()),
        ),
        (vec![Mode::TwoCookies], Kind::Refresh, ReadError::CookieMissing("jwt_refresh".into())),
    ] {
        assert_eq!(transport(&modes).read(None, None, kind), Err(wanted));
    }
}

#[test]
fn options_that_cannot_work_are_named() {
    let build = |change: &dyn Fn(&mut TransportOptions)| {
        let mut options = TransportOptions::default();
        change(&mut options);
        Transport::new(options).map(drop)
    };
    assert_eq!(build(&|_| ()), Ok(()));
    for modes in
        [vec![], vec![Mode::Json, Mode::Json], vec![Mode::OneCookie, Mode::Json, Mode::OneCookie]]
    {
        assert_eq!(build(&|o| o.modes.clone_from(&modes)), Err(TransportError::Modes));
    }
    for path in ["a", "/a", "a/", "/a/b/", "a-b._~/C9"] {
        assert_eq!(build(&|o| path.clone_into(&mut o.refresh_path)), Ok(()), "{path}");
    }
    for path in
        ["", "/", "//", "a//b", "a b", "a;b", "a,b", "a?b", "a#b", "a\nb", "é", "a%2fb", "a\"b"]
    {
        let error = build(&|o| path.clone_into(&mut o.refresh_path));
        assert_eq!(error, Err(TransportError::RefreshPath), "{path:?}");
    }
    for domain in ["example.com", ".example.com", "localhost", "xn--bcher-kva.example"] {
        assert_eq!(build(&|o| o.domain = Some(domain.to_owned())), Ok(()), "{domain}");
    }
    for domain in ["", "a;b", "a b", "a,b", "a\nb", "bücher.example", "https://a", "a:1", "a/"] {
        let error = build(&|o| o.domain = Some(domain.to_owned()));
        assert_eq!(error, Err(TransportError::Domain), "{domain:?}");
    }
    for prefix in [
        "",
        "__Host-",
        "__host-x",
        "__Secure-",
        "staging_",
        "a.b!#$%&'*+-^`|~",
        "__Http",
        "h\u{74}tp-",
    ] {
        assert_eq!(build(&|o| prefix.clone_into(&mut o.cookie_prefix)), Ok(()), "{prefix}");
    }
    for prefix in [
        "a b",
        "a;",
        "a=",
        "a,b",
        "a:b",
        "\u{e9}",
        "a\n",
        "__Http-",
        "__HTTP-x",
        "__Host-Http-",
        "__hOST-hTTP-x",
    ] {
        let error = build(&|o| prefix.clone_into(&mut o.cookie_prefix));
        assert_eq!(error, Err(TransportError::CookiePrefix), "{prefix:?}");
    }
    assert_eq!(CookiePrefix::parse(&"x".repeat(65)), None);
    assert!(CookiePrefix::parse(&"x".repeat(64)).is_some());
    for prefix in ["__Host-", "__HOST-", "__host-x", "__Secure-", ""] {
        let error = build(&|o| {
            prefix.clone_into(&mut o.cookie_prefix);
            o.domain = Some("example.com".to_owned());
        });
        let is_host = prefix.to_ascii_lowercase().starts_with("__host-");
        assert_eq!(error.err(), is_host.then_some(TransportError::HostPrefix), "{prefix}");
    }
    for path in ["", "/", "/backend", "backend/", "/a/b", "/~me/v1.0@x", "/b%C3%BCro"] {
        assert_eq!(build(&|o| path.clone_into(&mut o.public_path)), Ok(()), "{path}");
    }
    for path in ["a//b", "/..", "a;b", "a b", "https://example.com/a", "/a?b", "/a#b", "\u{e9}"] {
        let error = build(&|o| path.clone_into(&mut o.public_path));
        assert_eq!(error, Err(TransportError::PublicPath), "{path:?}");
    }
    for error in [
        TransportError::Modes,
        TransportError::RefreshPath,
        TransportError::Domain,
        TransportError::CookiePrefix,
        TransportError::HostPrefix,
        TransportError::PublicPath,
        TransportError::Schemes,
    ] {
        let fields = ["modes", "refresh_path", "domain", "cookie_prefix", "public_path", "schemes"];
        assert!(fields.contains(&error.field()));
        assert!(error.to_string().starts_with("expected "));
    }
}

#[test]
fn a_scheme_beside_bearer_is_read_as_it_is() {
    let with = |schemes: &[&str]| {
        Transport::new(TransportOptions {
            modes: vec![Mode::Json, Mode::OneCookie],
            schemes: schemes.iter().map(|&word| word.to_owned()).collect(),
            ..TransportOptions::default()
        })
    };
    let transport = with(&["JWT", "Token"]).unwrap();
    let read = |lines: &[&[u8]]| {
        let found = transport.read(lines, Some(&b"jwt_access=c"[..]), Kind::Access);
        found.map(|found| (String::from_utf8_lossy(found.token).into_owned(), found.mode))
    };
    for header in ["JWT t", "jwt t", "Token t", "Bearer t", "  JWT \t t "] {
        assert_eq!(read(&[header.as_bytes()]), Ok(("t".to_owned(), Mode::Json)), "{header}");
        let mode = transport.answering_mode(Some(header.as_bytes()), None);
        assert_eq!(mode, Mode::Json, "{header}");
    }
    for header in ["JWT", "JWT ", "JWT a b", "JWT a, Bearer b", "Basic a, JWT b", "JWT\u{a0}t"] {
        let refused = Err(ReadError::AuthorizationInvalid);
        assert_eq!(read(&[header.as_bytes()]), refused, "{header}");
    }
    assert_eq!(read(&[b"Basic x", b"JWT t"]), Err(ReadError::AuthorizationInvalid));
    for header in ["JWTx t", "Tokens t", "Basic t"] {
        assert_eq!(read(&[header.as_bytes()]), Ok(("c".to_owned(), Mode::OneCookie)), "{header}");
    }
    for word in ["", "J T", "J,T", "J\u{e9}T"] {
        assert_eq!(with(&[word]).unwrap_err(), TransportError::Schemes, "{word}");
    }
}

#[test]
fn a_name_has_its_prefix_or_is_no_name_of_ours() {
    let transport = Transport::new(TransportOptions {
        modes: vec![Mode::TwoCookies],
        cookie_prefix: "__Host-".to_owned(),
        ..TransportOptions::default()
    })
    .unwrap();
    let read = |header: &str| {
        let found = transport.read(None, Some(header.as_bytes()), Kind::Access);
        found.map(|found| String::from_utf8_lossy(found.token).into_owned())
    };
    let name = "__Host-jwt_access_token";
    assert_eq!(transport.cookie_name(TokenCookie::AccessToken), name);
    let missing = ReadError::CookieMissing(name.into());
    assert_eq!(missing.to_string(), format!("Cookie \"{name}\" cannot be empty."));
    for header in ["", "jwt_access_token=t", "__host-jwt_access_token=t", "__Host-jwt_access=t"] {
        assert_eq!(read(header), Err(missing.clone()), "{header}");
    }
    assert_eq!(
        read("jwt_access_token=x; __Host-jwt_access_token=t; jwt_access_token=y").unwrap(),
        "t"
    );
    let doubled = "__Host-jwt_access_token=a; __Host-jwt_access_token=b";
    assert_eq!(read(doubled), Err(ReadError::CookieAmbiguous(name.into())));
    // A neighbour can plant these: browsers look for the prefix at the start of the name.
    for before in ["\u{a0}", "\u{2003}", "\u{200b}", "\u{feff}", "\u{1}"] {
        let planted = format!("{before}__Host-jwt_access_token=x");
        assert_eq!(read(&planted), Err(missing.clone()), "{planted:?}");
        let beside = format!("{planted}; __Host-jwt_access_token=t; {planted}");
        assert_eq!(read(&beside).unwrap(), "t", "{beside:?}");
    }
}

#[test]
fn a_header_of_any_size_is_read() {
    let many = "a=b; ".repeat(100_000) + "jwt_access=t";
    let both = transport(&[Mode::OneCookie, Mode::Json]);
    assert_eq!(both.read(None, Some(many.as_bytes()), Kind::Access).unwrap().token, b"t");
    let long = format!("Bearer {}", "a".repeat(1_000_000));
    assert_eq!(
        both.read(Some(long.as_bytes()), None, Kind::Access).unwrap().token.len(),
        1_000_000
    );
}

fn any_modes() -> impl Strategy<Value = Vec<Mode>> {
    prop::sample::subsequence(Mode::ALL.to_vec(), 1..=3).prop_shuffle()
}

/// Bytes near to what the reader looks for.
fn near_cookies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"jwt_access"[..],
        b"jwt_access_token",
        b"jwt_refresh",
        b"=",
        b";",
        b"; ",
        b" ",
        b"\t",
        b"\xc2\xa0",
        b"\xe2\x80\x8b",
        b"\"",
        b"x",
        b"a.b.c",
        b"\0",
        b"\n",
        b",",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_of_headers_are_read_or_refused(
        modes in any_modes(),
        authorization in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
        cookie in prop::option::of(prop::collection::vec(any::<u8>(), 0..60)),
    ) {
        let transport = transport(&modes);
        for kind in [Kind::Access, Kind::Refresh] {
            let _ = transport.read(authorization.as_deref(), cookie.as_deref(), kind);
        }
        let mode = transport.answering_mode(authorization.as_deref(), cookie.as_deref());
        prop_assert!(modes.contains(&mode));
        let _ = transport.clear(cookie.as_deref(), "");
        let _ = transport.clear_doubled(cookie.as_deref(), "a.example", "/a", 1);
    }

    #[test]
    fn what_is_found_stands_in_the_header_under_its_name_once(
        modes in any_modes(), cookie in near_cookies(),
    ) {
        let transport = transport(&modes);
        for kind in [Kind::Access, Kind::Refresh] {
            let Ok(found) = transport.read(None, Some(&cookie[..]), kind) else { continue };
            prop_assert!(modes.contains(&found.mode) && !found.token.is_empty());
            let name = found.mode.cookie(kind).unwrap().name().as_bytes();
            let namesakes = cookie
                .split(|byte| *byte == b';')
                .filter_map(|pair| pair.split(|byte| *byte == b'=').next().filter(|n| n.len() < pair.len()))
                .filter(|found| {
                    let core: Vec<u8> = found.iter().copied().filter(u8::is_ascii_graphic).collect();
                    core == name
                })
                .count();
            prop_assert_eq!(namesakes, 1);
            prop_assert!(!found.token.contains(&b';'));
        }
    }

    #[test]
    fn a_bearer_header_decides_alone(token in "[A-Za-z0-9._~+/=-]{1,80}", cookie in near_cookies()) {
        let header = format!("Bearer {token}");
        let transport = transport(Mode::ALL);
        let found = transport.read(Some(header.as_bytes()), Some(&cookie[..]), Kind::Access).unwrap();
        prop_assert_eq!(found, Found { token: token.as_bytes(), mode: Mode::Json });
        let invalid = transport.read(Some(&b"Bearer a b"[..]), Some(&cookie[..]), Kind::Access);
        prop_assert_eq!(invalid, Err(ReadError::AuthorizationInvalid));
    }

    #[test]
    fn another_scheme_is_as_good_as_none(
        scheme in "[A-Za-z]{0,10}", rest in "( [ -~]{0,20})?", cookie in near_cookies(),
    ) {
        prop_assume!(!scheme.eq_ignore_ascii_case("bearer"));
        let header = format!("{scheme}{rest}");
        prop_assume!(!header.to_ascii_lowercase().contains("bearer"));
        let transport = transport(Mode::ALL);
        let without = transport.read(None, Some(&cookie[..]), Kind::Access);
        let with = transport.read(Some(header.as_bytes()), Some(&cookie[..]), Kind::Access);
        prop_assert_eq!(with, without);
    }
}

#[test]
fn a_login_gets_the_mode_that_it_names_if_that_is_offered() {
    let transport = transport(&[Mode::TwoCookies, Mode::Json]);
    assert_eq!(transport.offered(None), Ok(Mode::TwoCookies));
    assert_eq!(transport.offered(Some("JSON")), Ok(Mode::Json));
    for name in ["ONE-COOKIE", "json", "", "JSON "] {
        let refused = transport.offered(Some(name)).unwrap_err();
        assert_eq!((refused.code, &*refused.detail), (Code::ModeUnknown, "TWO-COOKIES, JSON"));
    }
}
