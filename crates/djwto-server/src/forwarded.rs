//! What a proxy says of the request that it asks about.
//!
//! Each kind of proxy says it in its own headers, and only those of the peer's kind are read: a client
//! could send the others. A header that is there twice, or not at all, refuses the request.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName};
use hyper::http::request::Parts;

use crate::config::Proxy;

/// Where Envoy asks: the path of the request follows.
pub const ENVOY_PREFIX: &str = "/auth/envoy";
/// Where the other proxies ask.
pub const PATH: &str = "/auth";

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// The request that a proxy asks about, as it came to the proxy. Nothing of it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded<'r> {
    /// The method.
    pub method: &'r [u8],
    /// The scheme: `http` or `https`.
    pub scheme: &'r [u8],
    /// The host, perhaps with a port.
    pub host: &'r [u8],
    /// The path, with the query.
    pub uri: &'r [u8],
}

/// The header that is not there exactly once, by the name that an operator knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

/// Reads the headers of this kind of proxy.
///
/// # Errors
///
/// [`Invalid`] names the header that is missing or doubled.
pub fn read(proxy: Proxy, request: &Parts) -> Result<Forwarded<'_>, Invalid> {
    let headers = &request.headers;
    let scheme = one(headers, &PROTO, "X-Forwarded-Proto")?;
    if proxy == Proxy::Envoy {
        return Ok(Forwarded {
            method: request.method.as_str().as_bytes(),
            scheme,
            host: one(headers, &HOST, "Host")?,
            uri: behind_prefix(request).ok_or(Invalid(":path"))?,
        });
    }
    if request.uri.path() != PATH {
        return Err(Invalid(":path"));
    }
    Ok(Forwarded {
        method: one(headers, &METHOD, "X-Forwarded-Method")?,
        scheme,
        host: one(headers, &FORWARDED_HOST, "X-Forwarded-Host")?,
        uri: one(headers, &URI, "X-Forwarded-Uri")?,
    })
}

/// Reads a request that a proxy passes on to an endpoint of this server. Method and path are the request's
/// own; scheme and host are in the headers that [`read`] takes them from.
///
/// # Errors
///
/// [`Invalid`] names the header that is missing or doubled.
pub fn passed_on(proxy: Proxy, request: &Parts) -> Result<Forwarded<'_>, Invalid> {
    let headers = &request.headers;
    let host = match proxy {
        Proxy::Envoy => one(headers, &HOST, "Host")?,
        Proxy::Nginx | Proxy::Traefik | Proxy::Caddy => {
            one(headers, &FORWARDED_HOST, "X-Forwarded-Host")?
        }
    };
    Ok(Forwarded {
        method: request.method.as_str().as_bytes(),
        scheme: one(headers, &PROTO, "X-Forwarded-Proto")?,
        host,
        uri: request.uri.path().as_bytes(),
    })
}

/// The value of a header that is there once and is not empty.
fn one<'r>(
    headers: &'r HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<&'r [u8], Invalid> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value.as_bytes()),
        _ => Err(Invalid(shown)),
    }
}

/// Path and query behind the prefix. A request line with a host in it is not Envoy's: the host would
/// be said twice.
///
/// hyper cuts a path at `#`. Envoy itself refuses such a path (`http_reject_path_with_fragment`, on by
/// default); without that, the service would get what the guard has not read.
fn behind_prefix(request: &Parts) -> Option<&[u8]> {
    let path = request.uri.path_and_query().filter(|_| request.uri.authority().is_none())?;
    let rest = path.as_str().strip_prefix(ENVOY_PREFIX)?;
    rest.starts_with('/').then_some(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Forwarded, Invalid, passed_on, read};
    use crate::config::Proxy;
    use hyper::Request;
    use hyper::http::request::Parts;

    fn parts(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method("PUT").uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    const GOOD: [(&str, &str); 5] = [
        ("X-Forwarded-Method", "POST"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a.example"),
        ("X-Forwarded-Uri", "/a%2Fb?c"),
        ("Host", "guard.internal"),
    ];

    #[test]
    fn each_kind_reads_its_own_headers() {
        let asked = parts("/auth?x", &GOOD);
        let expected =
            Forwarded { method: b"POST", scheme: b"https", host: b"a.example", uri: b"/a%2Fb?c" };
        for proxy in [Proxy::Nginx, Proxy::Traefik, Proxy::Caddy] {
            assert_eq!(read(proxy, &asked), Ok(expected));
        }
        let asked = parts("/auth/envoy//a%2Fb?c", &GOOD);
        let expected =
            Forwarded { method: b"PUT", host: b"guard.internal", uri: b"//a%2Fb?c", ..expected };
        assert_eq!(read(Proxy::Envoy, &asked), Ok(expected));
    }

    #[test]
    fn a_header_that_is_missing_doubled_or_empty_refuses() {
        for at in 0..4 {
            let name = GOOD[at].0;
            let mut missing = GOOD.to_vec();
            missing.remove(at);
            let mut doubled = GOOD.to_vec();
            doubled.push(GOOD[at]);
            let mut empty = GOOD.to_vec();
            empty[at].1 = "";
            for headers in [missing, doubled, empty] {
                assert_eq!(read(Proxy::Nginx, &parts("/auth", &headers)), Err(Invalid(name)));
            }
        }
        let doubled = [&GOOD[..], &[("Host", "b")]].concat();
        assert_eq!(read(Proxy::Envoy, &parts("/auth/envoy/", &doubled)), Err(Invalid("Host")));
    }

    #[test]
    fn a_request_that_is_passed_on_has_the_host_of_its_kind() {
        let own = parts("/validate_access/", &GOOD);
        for (proxy, host) in [(Proxy::Nginx, "a.example"), (Proxy::Envoy, "guard.internal")] {
            let (scheme, uri) = (&b"https"[..], &b"/validate_access/"[..]);
            let expected = Forwarded { method: b"PUT", scheme, host: host.as_bytes(), uri };
            assert_eq!(passed_on(proxy, &own), Ok(expected));
        }
        let doubled = [&GOOD[..], &[("X-Forwarded-Host", "b")]].concat();
        let doubled = parts("/validate_access/", &doubled);
        assert_eq!(passed_on(Proxy::Nginx, &doubled), Err(Invalid("X-Forwarded-Host")));
        assert!(passed_on(Proxy::Envoy, &doubled).is_ok());
    }

    #[test]
    fn each_kind_asks_at_its_own_path() {
        for (proxy, target) in [
            (Proxy::Nginx, "/auth/envoy/a"),
            (Proxy::Nginx, "/auth/"),
            (Proxy::Envoy, "/auth"),
            (Proxy::Envoy, "/auth/envoy"),
            (Proxy::Envoy, "/auth/envoya"),
            (Proxy::Envoy, "/auth/envoy?a"),
            (Proxy::Envoy, "http://a.example/auth/envoy/a"),
        ] {
            assert_eq!(read(proxy, &parts(target, &GOOD)), Err(Invalid(":path")), "{target}");
        }
    }
}
