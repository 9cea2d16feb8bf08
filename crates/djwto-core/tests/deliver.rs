//! Tokens into replies: every cookie with every attribute, and how it is cleared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use djwto_core::issue::Token;
use djwto_core::transport::{
    Delivery, MAX_BEARER_BYTES, MAX_COOKIE_BYTES, Pair, SameSite, SetCookie,
};
use djwto_core::{Algorithm, Kind, Mode, Transport, TransportOptions};
use proptest::prelude::*;
use support::{ACCESS, NOW, access_with, at, engine, now};

/// Name, path, `HttpOnly` of what each cookie mode sets.
const ONE: [(&str, &str, bool); 2] =
    [("jwt_refresh", "/api/token/refresh", true), ("jwt_access", "/", true)];
const TWO: [(&str, &str, bool); 3] = [
    ("jwt_refresh", "/api/token/refresh", true),
    ("jwt_access_token", "/", true),
    ("jwt_access_payload", "/", false),
];

#[test]
fn cookies_have_every_attribute() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    for same_site in [Some(SameSite::Lax), Some(SameSite::Strict), Some(SameSite::None), None] {
        for (mode, wanted) in [(Mode::OneCookie, &ONE[..]), (Mode::TwoCookies, &TWO[..])] {
            let transport = build(&[mode], None, same_site);
            let cookies = cookies(transport.deliver(mode, &pair, None, now()));
            assert_eq!(shape(&cookies), wanted);
            for cookie in &cookies {
                assert_eq!((cookie.same_site, &cookie.domain), (same_site, &None));
                let life = if cookie.name == "jwt_refresh" { 86_400 } else { 300 };
                assert_eq!(cookie.max_age, Some(life));
            }
            assert_eq!(value(&cookies, "jwt_refresh"), refresh.text());
            assert_eq!(value(&cookies, mode.cookie(Kind::Access).unwrap()), access.text());
        }
    }
}

#[test]
fn the_payload_cookie_is_the_claims_in_padded_base64() {
    for name in ["a", "ab", "abc", "~~~???"] {
        let access = token(&access_with("name", &format!("\"{name}\"")));
        let pair = Pair { refresh: None, access: &access };
        let transport = build(&[Mode::TwoCookies], None, None);
        let cookies = cookies(transport.deliver(Mode::TwoCookies, &pair, None, now()));
        let payload = value(&cookies, "jwt_access_payload");
        assert_eq!(payload.len() % 4, 0);
        assert_eq!(STANDARD.decode(payload).unwrap(), access.payload().as_bytes());
    }
}

#[test]
fn json_mode_sets_nothing() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    let transport = build(&[Mode::Json, Mode::OneCookie], Some("example.com"), None);
    let cookie = Some(b"jwt_access=a; jwt_access_token=b".as_slice());
    assert_eq!(transport.deliver(Mode::Json, &pair, cookie, now()), Delivery::Body);
}

#[test]
fn a_renewed_access_token_leaves_the_refresh_cookie_alone() {
    let access = token(ACCESS);
    let pair = Pair { refresh: None, access: &access };
    for (mode, wanted) in [(Mode::OneCookie, &ONE[1..]), (Mode::TwoCookies, &TWO[1..])] {
        let transport = build(&[mode], None, None);
        let header = Some(b"jwt_refresh=r".as_slice());
        assert_eq!(shape(&cookies(transport.deliver(mode, &pair, header, now()))), wanted);
    }
}

#[test]
fn max_age_is_the_time_left() {
    let transport = build(&[Mode::OneCookie], None, None);
    for (exp, seconds, wanted) in [
        ("1700000300", 1_700_000_000.0, Some(300)),
        ("1700000300", 1_700_000_000.25, Some(300)),
        ("1700000300", 1_700_000_299.5, Some(1)),
        ("1700000300", 1_700_000_300.0, Some(0)),
        ("1700000300", 1_800_000_000.0, Some(0)),
        ("1e300", 0.0, Some(u64::MAX)),
        ("null", 0.0, None),
    ] {
        let text = if exp == "null" {
            ACCESS.replace("\"exp\":1700000300,", "")
        } else {
            access_with("exp", exp)
        };
        let access = token(&text);
        let pair = Pair { refresh: None, access: &access };
        let cookies = cookies(transport.deliver(Mode::OneCookie, &pair, None, at(seconds)));
        assert_eq!(cookies.first().unwrap().max_age, wanted, "exp {exp} at {seconds}");
    }
}

#[test]
fn with_a_domain_the_cookie_of_the_host_alone_is_cleared_first() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    for (mode, wanted) in [(Mode::OneCookie, &ONE[..]), (Mode::TwoCookies, &TWO[..])] {
        let transport = build(&[mode], Some("example.com"), Some(SameSite::Lax));
        let cookies = cookies(transport.deliver(mode, &pair, None, now()));
        assert_eq!(cookies.len(), wanted.len() * 2);
        for (two, one) in cookies.chunks(2).zip(wanted) {
            let [cleared, set] = two else { panic!("expected two") };
            assert_eq!(shape(two), [*one, *one]);
            assert_eq!((cleared.max_age, &cleared.domain), (Some(0), &None));
            assert_eq!(cleared.value, "");
            assert_eq!(set.domain.as_deref(), Some("example.com"));
            assert!(set.max_age > Some(0) && !set.value.is_empty());
        }
    }
}

#[test]
fn login_clears_the_cookies_of_the_other_mode_that_the_request_holds() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    let header = Some(b"jwt_access=a; jwt_access_token=b; jwt_access_payload=; x=1".as_slice());
    for domain in [None, Some("example.com")] {
        for (mode, other) in [
            (Mode::OneCookie, &["jwt_access_token", "jwt_access_payload"][..]),
            (Mode::TwoCookies, &["jwt_access"][..]),
        ] {
            let transport = build(&[mode], domain, Some(SameSite::Lax));
            let cookies = cookies(transport.deliver(mode, &pair, header, now()));
            let own: Vec<_> = names(&cookies, |c| c.max_age != Some(0));
            assert!(own.iter().all(|name| !other.contains(name)));
            for name in other {
                let cleared: Vec<_> = cookies.iter().filter(|c| c.name == *name).collect();
                assert_eq!(cleared.len(), if domain.is_some() { 2 } else { 1 });
                assert!(cleared.iter().all(|c| c.max_age == Some(0) && c.value.is_empty()));
                assert_eq!(cleared.last().unwrap().domain.as_deref(), domain);
            }
        }
    }
}

#[test]
fn clearing_takes_the_attributes_of_setting() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    for domain in [None, Some("example.com")] {
        for mode in [Mode::OneCookie, Mode::TwoCookies] {
            let transport = build(&[mode], domain, Some(SameSite::Strict));
            let set = cookies(transport.deliver(mode, &pair, None, now()));
            let cleared = transport.clear(None);
            assert_eq!(shape(&cleared), shape(&set));
            for (cleared, set) in cleared.iter().zip(&set) {
                assert_eq!((cleared.max_age, cleared.value.as_str()), (Some(0), ""));
                assert_eq!((&cleared.domain, cleared.same_site), (&set.domain, set.same_site));
            }
        }
    }
}

#[test]
fn logout_clears_what_the_modes_set_and_what_the_request_holds() {
    for (modes, header, wanted) in [
        (vec![Mode::Json], "", vec![]),
        (vec![Mode::Json], "jwt_access=a", vec!["jwt_access"]),
        (vec![Mode::OneCookie], "", vec!["jwt_refresh", "jwt_access"]),
        (
            vec![Mode::TwoCookies, Mode::Json],
            "",
            vec!["jwt_refresh", "jwt_access_token", "jwt_access_payload"],
        ),
        (
            vec![Mode::OneCookie],
            "jwt_access_payload=p; y=1",
            vec!["jwt_refresh", "jwt_access", "jwt_access_payload"],
        ),
        (
            vec![Mode::OneCookie, Mode::TwoCookies],
            "",
            vec!["jwt_refresh", "jwt_access", "jwt_access_token", "jwt_access_payload"],
        ),
    ] {
        let cleared = build(&modes, None, None).clear(Some(header.as_bytes()));
        assert_eq!(names(&cleared, |_| true), wanted, "{modes:?} {header}");
        assert!(cleared.iter().all(|cookie| cookie.max_age == Some(0)));
    }
}

#[test]
fn the_refresh_path_has_one_slash_before_it_and_none_after() {
    for path in ["x/y", "/x/y", "x/y/", "/x/y/"] {
        let options = TransportOptions {
            modes: vec![Mode::OneCookie],
            refresh_path: path.to_owned(),
            ..TransportOptions::default()
        };
        let cleared = Transport::new(options).unwrap().clear(None);
        assert_eq!(cleared.first().unwrap().path, "/x/y");
    }
}

#[test]
fn a_token_fits_up_to_the_bound_and_no_further() {
    let transport = build(Mode::ALL, None, None);
    for (mode, kind, limit) in [
        (Mode::OneCookie, Kind::Access, MAX_COOKIE_BYTES - "jwt_access".len()),
        (Mode::TwoCookies, Kind::Access, MAX_COOKIE_BYTES - "jwt_access_token".len()),
        (Mode::OneCookie, Kind::Refresh, MAX_COOKIE_BYTES - "jwt_refresh".len()),
        (Mode::TwoCookies, Kind::Refresh, MAX_COOKIE_BYTES - "jwt_refresh".len()),
        (Mode::Json, Kind::Access, MAX_BEARER_BYTES),
        (Mode::Json, Kind::Refresh, MAX_BEARER_BYTES),
    ] {
        let sizes: Vec<_> = (limit * 3 / 4 - 400..limit * 3 / 4)
            .map(|size| token(&access_with("x", &format!("\"{}\"", "a".repeat(size - 100)))))
            .collect();
        assert!(sizes.iter().any(|token| token.text().len() <= limit));
        assert!(sizes.iter().any(|token| token.text().len() > limit));
        for token in &sizes {
            let fits = transport.fits(mode, kind, token);
            assert_eq!(fits.is_ok(), token.text().len() <= limit);
            if let Err(error) = fits {
                assert_eq!(error.size - error.limit, token.text().len() - limit);
                assert!(error.to_string().contains(&error.limit.to_string()));
            }
        }
    }
}

#[test]
fn debug_never_shows_a_token() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    let transport = build(&[Mode::TwoCookies], None, None);
    let delivery = transport.deliver(Mode::TwoCookies, &pair, None, now());
    let shown = format!("{pair:?} {delivery:?} {access:?}");
    assert!(shown.contains("jwt_access_payload") && shown.contains("max_age"));
    for token in [&refresh, &access] {
        assert!(token.text().split('.').all(|part| !shown.contains(part)));
    }
    assert!(!shown.contains(&STANDARD.encode(access.payload())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_payload_cookie_fits_wherever_the_token_does(extra in support::any_json()) {
        let access = token(&access_with("extra", &extra.to_string()));
        let pair = Pair { refresh: None, access: &access };
        let transport = build(&[Mode::TwoCookies], None, None);
        let cookies = cookies(transport.deliver(Mode::TwoCookies, &pair, None, now()));
        let size = |name| name_and_value(&cookies, name);
        prop_assert!(size("jwt_access_payload") < size("jwt_access_token"));
        for cookie in &cookies {
            // RFC 6265 §4.1.1: letters that need no quotes.
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+/=".contains(&b);
            prop_assert!(cookie.value.bytes().all(plain));
        }
    }
}

fn build(modes: &[Mode], domain: Option<&str>, same_site: Option<SameSite>) -> Transport {
    Transport::new(TransportOptions {
        modes: modes.to_vec(),
        same_site,
        domain: domain.map(str::to_owned),
        ..TransportOptions::default()
    })
    .unwrap()
}

fn token(claims: &str) -> Token {
    engine(Algorithm::Hs256).sign(claims).unwrap()
}

fn refresh_token() -> Token {
    token(&access_with("exp", &(NOW + 86_400).to_string()).replace("access", "refresh"))
}

fn cookies(delivery: Delivery) -> Vec<SetCookie> {
    match delivery {
        Delivery::Cookies(cookies) => cookies,
        Delivery::Body => panic!("expected cookies"),
    }
}

fn shape(cookies: &[SetCookie]) -> Vec<(&str, &str, bool)> {
    cookies.iter().map(|cookie| (cookie.name, cookie.path.as_str(), cookie.http_only)).collect()
}

fn names(cookies: &[SetCookie], keep: impl Fn(&SetCookie) -> bool) -> Vec<&str> {
    cookies.iter().filter(|cookie| keep(cookie)).map(|cookie| cookie.name).collect()
}

fn value<'c>(cookies: &'c [SetCookie], name: &str) -> &'c str {
    &cookies.iter().find(|cookie| cookie.name == name).unwrap().value
}

fn name_and_value(cookies: &[SetCookie], name: &str) -> usize {
    name.len() + value(cookies, name).len()
}
