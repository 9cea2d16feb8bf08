//! Tokens into replies: every cookie with every attribute, and how it is cleared.

use crate::support::{ACCESS, NOW, access_with, at, engine, now};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use djwto_core::http::{
    Delivery, MAX_BEARER_BYTES, MAX_CLEARING_BYTES, MAX_COOKIE_BYTES, MAX_PATH_COOKIES_BYTES, Pair,
    SameSite, SetCookie,
};
use djwto_core::token::issue::Token;
use djwto_core::{Algorithm, Kind, Mode, Transport, TransportOptions};
use proptest::prelude::*;

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
            let cookies = cookies(transport.deliver(mode, &pair, None, "", now()));
            assert_eq!(shape(&cookies), wanted);
            for cookie in &cookies {
                assert_eq!((cookie.same_site, &cookie.domain), (same_site, &None));
                let life = if &*cookie.name == "jwt_refresh" { 86_400 } else { 300 };
                assert_eq!(cookie.max_age, Some(life));
            }
            assert_eq!(value(&cookies, "jwt_refresh"), refresh.text());
            assert_eq!(value(&cookies, mode.cookie(Kind::Access).unwrap().name()), access.text());
        }
    }
}

#[test]
fn the_payload_cookie_is_the_claims_in_padded_base64() {
    for name in ["a", "ab", "abc", "~~~???"] {
        let access = token(&access_with("name", &format!("\"{name}\"")));
        let pair = Pair { refresh: None, access: &access };
        let transport = build(&[Mode::TwoCookies], None, None);
        let cookies = cookies(transport.deliver(Mode::TwoCookies, &pair, None, "", now()));
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
    assert_eq!(transport.deliver(Mode::Json, &pair, cookie, "", now()), Delivery::Body);
}

#[test]
fn a_renewed_access_token_leaves_the_refresh_cookie_alone() {
    let access = token(ACCESS);
    let pair = Pair { refresh: None, access: &access };
    for (mode, wanted) in [(Mode::OneCookie, &ONE[1..]), (Mode::TwoCookies, &TWO[1..])] {
        let transport = build(&[mode], None, None);
        let header = Some(b"jwt_refresh=r".as_slice());
        assert_eq!(shape(&cookies(transport.deliver(mode, &pair, header, "", now()))), wanted);
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
        let cookies = cookies(transport.deliver(Mode::OneCookie, &pair, None, "", at(seconds)));
        assert_eq!(cookies.first().unwrap().max_age, wanted, "exp {exp} at {seconds}");
    }
}

#[test]
fn with_a_domain_the_cookie_of_the_host_alone_is_cleared_first() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    for (mode, wanted) in [(Mode::OneCookie, &ONE[..]), (Mode::TwoCookies, &TWO[..])] {
        let transport = build(&[mode], Some("example.com"), Some(SameSite::Lax));
        let cookies = cookies(transport.deliver(mode, &pair, None, "", now()));
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
            let cookies = cookies(transport.deliver(mode, &pair, header, "", now()));
            let own: Vec<_> = names(&cookies, |c| c.max_age != Some(0));
            assert!(own.iter().all(|name| !other.contains(name)));
            for name in other {
                let cleared: Vec<_> = cookies.iter().filter(|c| &*c.name == *name).collect();
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
            let set = cookies(transport.deliver(mode, &pair, None, "", now()));
            let cleared = transport.clear(None, "");
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
        let cleared = build(&modes, None, None).clear(Some(header.as_bytes()), "");
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
        let cleared = Transport::new(options).unwrap().clear(None, "");
        assert_eq!(cleared.first().unwrap().path, "/x/y");
    }
}

#[test]
fn a_token_fits_up_to_the_bound_and_no_further() {
    for prefix in ["", "__Host-"] {
        let transport = prefixed(Mode::ALL, prefix);
        let access = token(ACCESS).text().len();
        for (mode, kind, limit) in [
            (Mode::OneCookie, Kind::Access, MAX_COOKIE_BYTES - prefix.len() - "jwt_access".len()),
            (Mode::OneCookie, Kind::Refresh, MAX_COOKIE_BYTES - prefix.len() - "jwt_refresh".len()),
            (
                Mode::TwoCookies,
                Kind::Refresh,
                MAX_COOKIE_BYTES - prefix.len() - "jwt_refresh".len(),
            ),
            (Mode::Json, Kind::Access, MAX_BEARER_BYTES),
            (Mode::Json, Kind::Refresh, MAX_BEARER_BYTES),
        ] {
            let sizes = around(limit);
            for token in &sizes {
                let size = token.text().len();
                let fits = match kind {
                    Kind::Access => transport.fits(mode, access, Some(token)),
                    Kind::Refresh => transport.fits(mode, size, None),
                };
                assert_eq!(fits.is_ok(), size <= limit, "{mode} {kind:?} {size}");
                if let Err(error) = fits {
                    assert_eq!(error.size - error.limit, size - limit);
                    assert!(error.to_string().contains(&error.limit.to_string()));
                }
            }
        }
    }
}

#[test]
fn the_cookies_of_one_request_have_a_bound_together() {
    for (mode, prefix) in
        [(Mode::OneCookie, ""), (Mode::TwoCookies, ""), (Mode::TwoCookies, "__Host-")]
    {
        let transport = prefixed(&[mode], prefix);
        let refresh =
            if mode == Mode::OneCookie { around(3000).remove(0) } else { refresh_token() };
        let (mut fitted, mut refused) = (0, 0);
        for access in around(if mode == Mode::OneCookie {
            MAX_PATH_COOKIES_BYTES - 21 - refresh.text().len()
        } else {
            3050
        }) {
            let pair = Pair { refresh: Some(&refresh), access: &access };
            let set = cookies(transport.deliver(mode, &pair, None, "", now()));
            let size =
                set.iter().map(|cookie| cookie.name.len() + cookie.value.len()).sum::<usize>();
            let fits = transport.fits(mode, refresh.text().len(), Some(&access));
            assert_eq!(fits.is_ok(), size <= MAX_PATH_COOKIES_BYTES, "{mode} {size}");
            fitted += usize::from(fits.is_ok());
            refused += usize::from(fits.is_err());
        }
        assert!(fitted > 0 && refused > 0, "{mode} {fitted} {refused}");
    }
}

#[test]
fn the_prefix_stands_before_every_name() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    let header = Some(b"staging_jwt_access=a; jwt_access=b".as_slice());
    let transport = prefixed(&[Mode::TwoCookies, Mode::OneCookie], "staging_");
    let set = cookies(transport.deliver(Mode::TwoCookies, &pair, header, "", now()));
    let wanted = [
        "staging_jwt_refresh",
        "staging_jwt_access_token",
        "staging_jwt_access_payload",
        "staging_jwt_access",
    ];
    assert_eq!(names(&set, |_| true), wanted);
    assert_eq!(set.last().unwrap().max_age, Some(0));
    assert_eq!(transport.clear(header, "").len(), 4);
}

#[test]
fn with_host_every_cookie_is_on_the_root() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    for prefix in ["__Host-", "__host-", "__HOST-x_"] {
        let transport = Transport::new(TransportOptions {
            modes: vec![Mode::TwoCookies],
            cookie_prefix: prefix.to_owned(),
            public_path: "/backend".to_owned(),
            ..TransportOptions::default()
        })
        .unwrap();
        let set = cookies(transport.deliver(Mode::TwoCookies, &pair, None, "/app", now()));
        let cleared = transport.clear(None, "/app");
        assert_eq!(shape(&cleared), shape(&set));
        for cookie in set.iter().chain(&cleared) {
            assert_eq!((cookie.path.as_str(), &cookie.domain), ("/", &None));
            assert!(cookie.name.starts_with(prefix));
        }
    }
}

#[test]
fn the_refresh_path_is_what_the_browser_sees() {
    let access = token(ACCESS);
    let pair = Pair { refresh: Some(&access), access: &access };
    for (public, script, wanted) in [
        ("", "", "/x/y"),
        ("", "/", "/x/y"),
        ("", "/app", "/app/x/y"),
        ("", "app/", "/app/x/y"),
        ("/backend", "", "/backend/x/y"),
        ("backend/v1/", "/app", "/backend/v1/app/x/y"),
        ("/", "/b\u{fc}ro; a", "/b%C3%BCro%3B%20a/x/y"),
        ("/b%C3%BCro", "", "/b%C3%BCro/x/y"),
    ] {
        let transport = Transport::new(TransportOptions {
            modes: vec![Mode::OneCookie],
            refresh_path: "x/y".to_owned(),
            public_path: public.to_owned(),
            ..TransportOptions::default()
        })
        .unwrap();
        let set = cookies(transport.deliver(Mode::OneCookie, &pair, None, script, now()));
        for list in [set, transport.clear(None, script)] {
            assert_eq!(list.first().unwrap().path, wanted, "{public} {script}");
            assert_eq!(list.last().unwrap().path, "/");
        }
    }
}

#[test]
fn what_is_doubled_is_cleared_wherever_a_browser_may_hold_it() {
    let transport = build(&[Mode::TwoCookies], None, Some(SameSite::Lax));
    let header =
        Some(b"jwt_access_token=a; jwt_access_token=b; jwt_refresh=c; x=1; x=2".as_slice());
    for (host, domains) in [
        ("App.demo.example:8443", &[None, Some("app.demo.example"), Some("demo.example")][..]),
        ("example.com", &[None, Some("example.com")]),
        ("localhost:8002", &[None]),
        ("127.0.0.1:8002", &[None]),
        ("[::1]:8002", &[None]),
        ("", &[None]),
        ("a..b", &[None]),
        (".example.com", &[None]),
        ("example.com.", &[None]),
        ("a;b.example.com", &[None]),
    ] {
        let cleared = transport.clear_doubled(header, host, "/a/b/", 7);
        let found: Vec<_> =
            cleared.iter().map(|cookie| (cookie.path.as_str(), cookie.domain.as_deref())).collect();
        let wanted: Vec<_> = ["/", "/a", "/a/", "/a/b", "/a/b/"]
            .into_iter()
            .flat_map(|path| domains.iter().map(move |domain| (path, *domain)))
            .collect();
        assert_eq!(found.len(), wanted.len(), "{host}");
        assert!(wanted.iter().all(|place| found.contains(place)), "{host} {found:?}");
        for cookie in &cleared {
            assert_eq!(&*cookie.name, "jwt_access_token");
            assert_eq!((cookie.value.as_str(), cookie.max_age), ("", Some(0)));
        }
    }
    assert_eq!(transport.clear_doubled(Some(&b"jwt_refresh=a"[..]), "a.example", "/", 0), []);
    assert_eq!(transport.clear_doubled(None, "a.example", "/", 0), []);
    let host = prefixed(&[Mode::TwoCookies], "__Host-");
    let header = b"__Host-jwt_refresh=a; __Host-jwt_refresh=b";
    assert_eq!(host.clear_doubled(Some(&header[..]), "a.example", "/", 0), []);
}

#[test]
fn clearing_has_a_bound_and_reaches_everything_in_time() {
    let transport = build(&[Mode::TwoCookies], None, Some(SameSite::None));
    let name = "jwt_access_token=a; ";
    let header = name.repeat(2) + "jwt_refresh=a; jwt_refresh=b";
    let host = ["label"; 20].join(".");
    let path = "/segment".repeat(200);
    let mut seen = std::collections::HashSet::new();
    for turn in 0..2000 {
        let cleared = transport.clear_doubled(Some(header.as_bytes()), &host, &path, turn);
        let bytes: usize = cleared
            .iter()
            .map(|cookie| {
                let domain =
                    cookie.domain.as_ref().map_or(0, |domain| "; Domain=".len() + domain.len());
                "Set-Cookie: =; Max-Age=0; Path=; SameSite=None; Secure\r\n".len()
                    + cookie.name.len()
                    + cookie.path.len()
                    + domain
            })
            .sum();
        assert!((1..=MAX_CLEARING_BYTES).contains(&bytes), "{bytes}");
        seen.extend(cleared.into_iter().map(|cookie| (cookie.name, cookie.path, cookie.domain)));
    }
    // Two names, the first 40 prefixes of the path; the host alone, and 8 domains.
    assert_eq!(seen.len(), 2 * 40 * 9);
}

#[test]
fn a_cookie_as_text() {
    let transport = build(&[Mode::OneCookie], Some("example.com"), Some(SameSite::Lax));
    let access = token(ACCESS);
    let pair = Pair { refresh: None, access: &access };
    let set = cookies(transport.deliver(Mode::OneCookie, &pair, None, "", now()));
    let attributes = "Path=/; Secure; Domain=example.com; Max-Age=300; HttpOnly; SameSite=Lax";
    let wanted = format!("jwt_access={}; {attributes}", access.text());
    assert_eq!(set.last().unwrap().to_string(), wanted);
    // A browser that knows no `Max-Age` drops it too.
    let cleared = build(&[Mode::OneCookie], None, None).clear(None, "");
    assert_eq!(
        cleared.last().unwrap().to_string(),
        "jwt_access=; Path=/; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly"
    );
    // Where many are cleared there is no room for that.
    let doubled = Some(&b"jwt_access=a; jwt_access=b"[..]);
    let cleared = transport.clear_doubled(doubled, "", "/", 0);
    assert_eq!(cleared.first().unwrap().to_string(), "jwt_access=; Path=/; Secure; Max-Age=0");
}

#[test]
fn debug_never_shows_a_token() {
    let (refresh, access) = (refresh_token(), token(ACCESS));
    let pair = Pair { refresh: Some(&refresh), access: &access };
    let transport = build(&[Mode::TwoCookies], None, None);
    let delivery = transport.deliver(Mode::TwoCookies, &pair, None, "", now());
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
    fn the_payload_cookie_fits_wherever_the_token_does(extra in crate::support::any_json()) {
        let access = token(&access_with("extra", &extra.to_string()));
        let pair = Pair { refresh: None, access: &access };
        let transport = build(&[Mode::TwoCookies], None, None);
        let cookies = cookies(transport.deliver(Mode::TwoCookies, &pair, None, "", now()));
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

fn prefixed(modes: &[Mode], prefix: &str) -> Transport {
    Transport::new(TransportOptions {
        modes: modes.to_vec(),
        cookie_prefix: prefix.to_owned(),
        ..TransportOptions::default()
    })
    .unwrap()
}

/// Tokens of sizes around this one, in bytes, the smallest first.
fn around(size: usize) -> Vec<Token> {
    let sizes: Vec<_> = (size * 3 / 4 - 300..size * 3 / 4)
        .map(|bytes| token(&access_with("x", &format!("\"{}\"", "a".repeat(bytes - 100)))))
        .collect();
    assert!(sizes.iter().any(|token| token.text().len() <= size));
    assert!(sizes.iter().any(|token| token.text().len() > size));
    sizes
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
    cookies.iter().map(|cookie| (&*cookie.name, cookie.path.as_str(), cookie.http_only)).collect()
}

fn names(cookies: &[SetCookie], keep: impl Fn(&SetCookie) -> bool) -> Vec<&str> {
    cookies.iter().filter(|cookie| keep(cookie)).map(|cookie| &*cookie.name).collect()
}

fn value<'c>(cookies: &'c [SetCookie], name: &str) -> &'c str {
    &cookies.iter().find(|cookie| &*cookie.name == name).unwrap().value
}

fn name_and_value(cookies: &[SetCookie], name: &str) -> usize {
    name.len() + value(cookies, name).len()
}
