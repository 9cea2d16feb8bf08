//! The rule by what the browser says of a page. `vectors/csrf.json` has Django's rule, by token.

use djwto_core::Code;
use djwto_core::error::Failure;
use djwto_core::http::Lines;
use djwto_core::http::csrf::{Csrf, CsrfError, Request, TokenNames, is_safe};
use djwto_core::http::origin::TrustedOrigins;
use proptest::prelude::*;

const SECRET: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

fn trusted() -> TrustedOrigins {
    let listed = ["https://app.example", "https://*.trusted.example", "null"];
    TrustedOrigins::new(listed.map(str::to_owned))
}

fn by_origin() -> Csrf {
    Csrf::by_origin(trusted())
}

fn by_token() -> Csrf {
    let (cookie, header) = ("csrftoken".to_owned(), "X-CSRFToken".to_owned());
    Csrf::by_token(trusted(), TokenNames { cookie, header, domain: None })
}

fn post<'h>(origin: Option<&'h str>, fetch_site: Option<&'h str>) -> Request<'h> {
    Request {
        method: "POST",
        scheme: "https",
        host: "own.example",
        origin: origin.map(str::as_bytes).into(),
        fetch_site: fetch_site.map(str::as_bytes).into(),
        ..Request::default()
    }
}

#[test]
fn an_unsafe_method_needs_one_of_two_headers() {
    let own = Some("https://own.example");
    let evil = Some("https://evil.example");
    for (origin, fetch_site, is_good) in [
        (None, None, false),
        (None, Some("same-origin"), true),
        (None, Some("none"), true),
        (None, Some("same-site"), false),
        (None, Some("cross-site"), false),
        (None, Some("Same-Origin"), false),
        (None, Some(" same-origin"), false),
        (None, Some(""), false),
        (own, None, true),
        (own, Some("cross-site"), true),
        (own, Some("same-site"), true),
        (evil, None, false),
        (evil, Some("cross-site"), false),
        (evil, Some("same-site"), false),
        (evil, Some("same-origin"), true),
        (Some("https://app.example"), Some("cross-site"), true),
        (Some("https://a.trusted.example"), Some("same-site"), true),
        (Some("http://own.example"), None, false),
        (Some("https://own.example:8443"), None, false),
        (Some("https://own.example/"), None, false),
        (Some("https://sub.own.example"), None, false),
        (Some(""), None, false),
        // Also where the operator lists it.
        (Some("null"), None, false),
        (Some("null"), Some("cross-site"), false),
        (Some("null"), Some("same-origin"), true),
    ] {
        let request = post(origin, fetch_site);
        assert_eq!(by_origin().check(&request).is_ok(), is_good, "{origin:?} {fetch_site:?}");
        for method in ["PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND", "get", "Get", ""] {
            let request = Request { method, ..request };
            assert_eq!(by_origin().check(&request).is_ok(), is_good, "{method}");
        }
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(by_origin().check(&Request { method, ..request }).is_ok() && is_safe(method));
        }
    }
}

#[test]
fn a_doubled_header_is_none_that_matches() {
    let sites = [&b"same-origin"[..], b"same-origin"];
    let origins = [&b"https://own.example"[..], b"https://own.example"];
    let stars = [&b"https://a.trusted.example"[..], b"https://b.trusted.example"];
    for (origin, fetch_site) in [
        (Lines::default(), Lines::from(&sites[..])),
        (Lines::from(&origins[..]), Lines::default()),
        (Lines::from(&stars[..]), Lines::default()),
        (Lines::from(&origins[..]), Lines::from(&sites[..])),
    ] {
        let request = Request { origin, fetch_site, ..post(None, None) };
        assert!(by_origin().check(&request).is_err());
        let socket = Request { is_socket: true, method: "GET", ..request };
        assert!(by_origin().check(&socket).is_err() && by_token().check(&socket).is_err());
    }
}

#[test]
fn a_socket_needs_an_origin_under_both_rules_and_with_any_method() {
    for (origin, is_good) in [
        (None, false),
        (Some("https://own.example"), true),
        (Some("https://app.example"), true),
        (Some("https://evil.example"), false),
        (Some("null"), false),
    ] {
        for fetch_site in [None, Some("same-origin"), Some("none")] {
            let socket = Request { is_socket: true, method: "GET", ..post(origin, fetch_site) };
            assert_eq!(by_origin().check(&socket).is_ok(), is_good, "{origin:?}");
            assert_eq!(by_token().check(&socket).is_ok(), is_good, "{origin:?}");
            let unsafe_ = Request { method: "POST", ..socket };
            assert_eq!(by_origin().check(&unsafe_).is_ok(), is_good, "{origin:?}");
            assert!(by_token().check(&unsafe_).is_err(), "{origin:?}");
        }
    }
}

#[test]
fn null_is_never_trusted_by_token_either() {
    let cookie = format!("csrftoken={SECRET}");
    let request = |origin| Request {
        cookie: Some(cookie.as_bytes()).into(),
        token: Some(SECRET.as_bytes()).into(),
        ..post(origin, None)
    };
    assert_eq!(by_token().check(&request(Some("https://app.example"))), Ok(()));
    let refused = by_token().check(&request(Some("null"))).unwrap_err();
    assert_eq!(refused, CsrfError::Origin("null".to_owned()));
}

#[test]
fn a_refusal_says_which_rule_does_not_hold() {
    let start = "CSRF verification failed: ";
    for (origin, fetch_site, sentence) in [
        (None, None, "The headers Sec-Fetch-Site and Origin are missing."),
        (None, Some("cross-site"), "The browser calls the request 'cross-site'."),
        (
            Some("https://evil.example"),
            Some("cross-site"),
            "Origin checking failed - https://evil.example does not match any trusted origins.",
        ),
    ] {
        let error = by_origin().check(&post(origin, fetch_site)).unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(failure.code, Code::CsrfFailed);
        assert_eq!(failure.to_string(), format!("{start}{sentence}"));
    }
}

proptest! {
    #[test]
    fn a_refusal_is_one_short_line(header in prop::collection::vec(any::<u8>(), 0..800)) {
        let header = Some(&header[..]);
        let requests = [
            Request { origin: header.into(), ..post(None, None) },
            Request { fetch_site: header.into(), ..post(None, None) },
            Request { referer: header.into(), ..post(None, None) },
        ];
        for request in requests {
            for rule in [by_origin(), by_token()] {
                let sentence = rule.check(&request).unwrap_err().to_string();
                prop_assert!(!sentence.chars().any(char::is_control));
                prop_assert!(sentence.chars().count() < 2200);
            }
        }
    }

    #[test]
    fn every_mask_of_the_secret_is_good_and_no_other_letter(
        mask in "[a-zA-Z0-9]{32}", place in 0_usize..64, other in "[a-zA-Z0-9]",
    ) {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let number = |letter: u8| LETTERS.iter().position(|one| *one == letter).unwrap();
        let masked = SECRET.bytes().zip(mask.bytes()).map(|(a, b)| LETTERS[(number(a) + number(b)) % 62]);
        let mut token = mask.clone().into_bytes();
        token.extend(masked);
        let cookie = format!("csrftoken={SECRET}");
        let check = |token: &[u8]| {
            let origin = Some("https://own.example");
            let (cookie, token) = (Some(cookie.as_bytes()).into(), Some(token).into());
            by_token().check(&Request { cookie, token, ..post(origin, None) }).is_ok()
        };
        prop_assert!(check(&token));
        let is_same = token[place] == other.as_bytes()[0];
        token[place] = other.as_bytes()[0];
        prop_assert_eq!(check(&token), is_same);
    }
}
