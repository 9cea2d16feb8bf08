use super::{Reply, ascii_json, page, reply};
use crate::config::Proxy;
use crate::decision::{Decision, Pass, Refused};
use djwto_core::Code;
use djwto_core::error::Failure;
use hyper::header::HeaderValue;

const ALL: [Proxy; 4] = [Proxy::Nginx, Proxy::Envoy, Proxy::Traefik, Proxy::Caddy];

fn decision(outcome: Result<Pass, Refused>) -> Decision<'static> {
    Decision { method: None, host: None, rule: None, outcome }
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let mut values = reply.headers().get_all(name).iter();
    let value = values.next()?;
    assert_eq!(values.next(), None, "{name} stands twice");
    value.to_str().ok()
}

#[test]
fn what_passes_always_sets_all_three_headers() {
    let cookie = Some(HeaderValue::from_static("a=1"));
    for proxy in ALL {
        let found = reply(proxy, &decision(Ok(Pass::default())));
        assert_eq!(found.status(), 200);
        for name in ["x-djwto-assertion", "cookie", "authorization"] {
            assert_eq!(header(&found, name), Some(""), "{name}");
        }
        assert_eq!(header(&found, "cache-control"), Some("no-store"));
        let removed = (proxy == Proxy::Envoy).then_some("cookie,authorization");
        assert_eq!(header(&found, "x-envoy-auth-headers-to-remove"), removed);
        let pass = Pass { cookie: cookie.clone(), ..Pass::default() };
        let found = reply(proxy, &decision(Ok(pass)));
        assert_eq!(header(&found, "cookie"), Some("a=1"));
        let removed = (proxy == Proxy::Envoy).then_some("authorization");
        assert_eq!(header(&found, "x-envoy-auth-headers-to-remove"), removed);
    }
}

#[test]
fn nginx_gets_401_or_403_and_the_real_reply_in_headers() {
    for (code, sent) in [
        (Code::TokenExpired, 401),
        (Code::CsrfFailed, 403),
        (Code::PathInvalid, 403),
        (Code::StoreUnavailable, 403),
    ] {
        let refused = Refused::new(Failure::new(code, "x"));
        for proxy in ALL {
            let found = reply(proxy, &decision(Err(refused.clone())));
            let real = code.status();
            let is_nginx = proxy == Proxy::Nginx;
            assert_eq!(found.status(), if is_nginx { sent } else { real });
            let status = real.to_string();
            assert_eq!(header(&found, "x-djwto-status"), is_nginx.then_some(&*status));
            assert_eq!(header(&found, "x-djwto-code"), is_nginx.then_some(code.slug()));
            assert_eq!(header(&found, "x-djwto-body").is_some(), is_nginx);
            assert_eq!(header(&found, "www-authenticate").is_some(), real == 401);
            assert_eq!(header(&found, "retry-after").is_some(), real == 503);
            assert_eq!(header(&found, "content-type"), Some("application/json"));
            assert_eq!(header(&found, "cache-control"), Some("private, no-store"));
            assert_eq!(header(&found, "vary"), Some("Cookie, Authorization"));
        }
    }
}

#[test]
fn a_redirect_is_303_or_for_nginx_a_401_with_its_target() {
    let refused = Refused {
        is_navigation: true,
        redirect: Some("https://portal/return/?next=x".to_owned()),
        ..Refused::new(Failure::new(Code::CookieMissing, "jwt_access"))
    };
    for proxy in ALL {
        let found = reply(proxy, &decision(Err(refused.clone())));
        let (status, name, absent) = match proxy {
            Proxy::Nginx => (401, "x-djwto-location", "location"),
            _ => (303, "location", "x-djwto-location"),
        };
        assert_eq!(found.status(), status);
        assert_eq!(header(&found, name), refused.redirect.as_deref());
        assert_eq!(header(&found, absent), None);
        assert_eq!(header(&found, "www-authenticate"), None);
        let real = (proxy == Proxy::Nginx).then_some("303");
        assert_eq!(header(&found, "x-djwto-status"), real);
    }
}

#[test]
fn a_body_is_one_line_of_ascii() {
    assert_eq!(ascii_json("\"é😀\""), "\"\\u00e9\\ud83d\\ude00\"");
    let page = page("Cookie \"<é>\"\n", "x");
    assert!(page.is_ascii() && !page.contains('\n'));
    assert!(page.contains("Cookie &#34;&#60;&#233;&#62;&#34;&#10;"), "{page}");
}
