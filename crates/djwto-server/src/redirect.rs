//! Where a browser goes whose tokens are not good: to `return/` of the portal, which renews them.

use djwto_core::Code;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::forwarded::Forwarded;
use crate::rules::{Method, Scheme};

const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const PURPOSES: [HeaderName; 2] =
    [HeaderName::from_static("sec-purpose"), HeaderName::from_static("purpose")];

/// The longest address that `return/` sends a browser back to, in bytes.
const MAX_NEXT_BYTES: usize = 2048;

/// Whether a browser opens a page: a script's request has another mode, and a program sends none.
pub fn is_navigation(method: Method, headers: &HeaderMap) -> bool {
    let mode = only(headers, &FETCH_MODE);
    matches!(method.name(), "GET" | "HEAD") && mode.is_some_and(|mode| mode == "navigate")
}

/// Whether new tokens, or a login, cure a refusal. For another one, such as an unknown key, the browser
/// would come back with tokens that are refused again, without an end.
pub fn is_cured_by_renewal(code: Code) -> bool {
    matches!(
        code,
        Code::CookieMissing
            | Code::AuthorizationMissing
            | Code::TokenExpired
            | Code::TokenBlacklisted
            | Code::SessionUnknown
    )
}

/// Whether the cookies of the portal reach a host: by their `Domain`, or because it is the portal.
/// Otherwise a browser would come back without them, without an end.
pub fn shares_cookies(portal: &str, domain: Option<&str>, host: &str) -> bool {
    let name = |host: &str| -> String {
        let port = host.rfind(':').filter(|_| !host.ends_with(']'));
        host.get(..port.unwrap_or(host.len())).unwrap_or_default().to_ascii_lowercase()
    };
    let portal = portal.split_once("://").map_or(portal, |(_, host)| host);
    let (host, portal) = (name(host), name(portal));
    let Some(domain) = domain else { return host == portal };
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let is_below = |host: &str| host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
    [host, portal].iter().all(|host| *host == domain || is_below(host))
}

/// Whether a navigation may leave for another page: it fills a tab, and a person waits for it. A frame
/// could not log in, and a prefetch would renew tokens for nothing.
pub fn may_leave(headers: &HeaderMap) -> bool {
    let is_tab = !headers.contains_key(FETCH_DEST)
        || only(headers, &FETCH_DEST).is_some_and(|dest| dest == "document");
    let is_ahead = |value: &HeaderValue| {
        let words = value.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
        words.into_iter().any(|word| word.eq_ignore_ascii_case(b"prefetch"))
    };
    is_tab && !PURPOSES.iter().any(|name| headers.get_all(name).iter().any(is_ahead))
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The address of the page `return/`, with the address of the request as `next`. `return/` takes only
/// https, printable ASCII and 2,048 bytes, so for another address `next` is the root of the host.
pub fn return_url(page: &str, scheme: Scheme, host: &str, forwarded: &Forwarded<'_>) -> String {
    let root = [b"https://", host.as_bytes(), b"/"].concat();
    let whole = [b"https://", host.as_bytes(), forwarded.uri].concat();
    let is_plain = whole.iter().all(u8::is_ascii_graphic) && whole.len() <= MAX_NEXT_BYTES;
    let next = if is_plain && scheme == Scheme::Https { whole } else { root };
    let mut url = String::with_capacity(page.len() + next.len() * 2);
    url.push_str(page);
    url.push_str("?next=");
    for byte in next {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
            continue;
        }
        url.push('%');
        for digit in [byte >> 4, byte & 15] {
            let digit = char::from_digit(digit.into(), 16).unwrap_or('0');
            url.push(digit.to_ascii_uppercase());
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::{MAX_NEXT_BYTES, may_leave, return_url, shares_cookies};
    use crate::forwarded::Forwarded;
    use crate::rules::Scheme;
    use hyper::HeaderMap;

    #[test]
    fn an_address_that_return_refuses_becomes_the_root() {
        let url = |scheme, uri: &str| {
            let (method, uri) = (&b"GET"[..], uri.as_bytes());
            let forwarded = Forwarded { method, scheme: b"", host: b"A:443", uri };
            return_url("https://p/r/", scheme, "a", &forwarded)
        };
        let root = "https://p/r/?next=https%3A%2F%2Fa%2F";
        let longest = format!("/{}", "b".repeat(MAX_NEXT_BYTES - "https://a/".len()));
        for (scheme, uri, expected) in [
            (Scheme::Https, "/b?c=%20", format!("{root}b%3Fc%3D%2520")),
            (Scheme::Https, "/", root.to_owned()),
            (Scheme::Http, "/b", root.to_owned()),
            (Scheme::Https, "/\u{e9}", root.to_owned()),
            (Scheme::Https, "/b c", root.to_owned()),
            (Scheme::Https, &longest, format!("{root}{}", longest.trim_start_matches('/'))),
            (Scheme::Https, &format!("{longest}b"), root.to_owned()),
        ] {
            assert_eq!(url(scheme, uri), expected);
        }
    }

    #[test]
    fn cookies_reach_the_hosts_of_their_domain() {
        for (domain, host, expected) in [
            (None, "portal.a.org", true),
            (None, "portal.a.org:8443", true),
            (None, "models.a.org", false),
            (Some("a.org"), "models.a.org", true),
            (Some(".A.org"), "a.org:8443", true),
            (Some("a.org"), "nota.org", false),
            (Some("models.a.org"), "models.a.org", false),
        ] {
            let found = shares_cookies("https://Portal.a.org:443", domain, host);
            assert_eq!(found, expected, "{domain:?} {host}");
        }
    }

    #[test]
    fn a_frame_and_a_prefetch_stay() {
        for (headers, expected) in [
            (&[][..], true),
            (&[("sec-fetch-dest", "document")], true),
            (&[("sec-fetch-dest", "iframe")], false),
            (&[("sec-fetch-dest", "document"), ("sec-fetch-dest", "document")], false),
            (&[("sec-purpose", "prefetch;prerender")], false),
            (&[("purpose", "Prefetch")], false),
            (&[("sec-purpose", "other")], true),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(may_leave(&map), expected, "{headers:?}");
        }
    }
}
