//! Which host a request is for.

use super::support::compile;
use djwto_server::rules::{Host, Refusal, Scheme};

const SETTINGS: &str = r#"
    ["app.example.org"]
    rules = [{ path = "/*", allow = "login" }]
    ["App.Example.Org.:8443"]
    audience = "other"
    csrf = "token"
    origins = ["https://pages.example.org", "https://*.example.net:8443"]
    rules = [{ path = "/*", allow = "public" }]
    ["[2001:DB8::0:1]:9000"]
    rules = [{ path = "/*", allow = "login" }]
    ["127.0.0.1"]
    rules = [{ path = "/*", allow = "login" }]
"#;

#[test]
fn a_host_is_found_by_name_and_port() {
    let hosts = compile(SETTINGS).unwrap();
    for (scheme, host, expected) in [
        (Scheme::Https, "app.example.org", Some("app.example.org")),
        (Scheme::Https, "APP.example.org", Some("app.example.org")),
        (Scheme::Https, "app.example.org.", Some("app.example.org")),
        (Scheme::Https, "app.example.org:443", Some("app.example.org")),
        (Scheme::Https, "app.example.org.:443", Some("app.example.org")),
        (Scheme::Http, "app.example.org:80", Some("app.example.org")),
        (Scheme::Http, "app.example.org", Some("app.example.org")),
        (Scheme::Https, "app.example.org:8443", Some("app.example.org:8443")),
        (Scheme::Https, "[2001:db8::1]:9000", Some("[2001:db8::1]:9000")),
        (Scheme::Https, "[2001:db8:0:0:0:0:0:1]:9000", Some("[2001:db8::1]:9000")),
        (Scheme::Https, "127.0.0.1", Some("127.0.0.1")),
        (Scheme::Http, "app.example.org:443", None),
        (Scheme::Https, "app.example.org:80", None),
        (Scheme::Https, "app.example.org:9", None),
        (Scheme::Https, "app.example.org:", None),
        (Scheme::Https, "app.example.org:0443", None),
        (Scheme::Https, "app.example.org:+443", None),
        (Scheme::Https, "app.example.org:65979", None),
        (Scheme::Https, "app.example.org:443:443", None),
        (Scheme::Https, "app.example.org..", None),
        (Scheme::Https, ".app.example.org", None),
        (Scheme::Https, "x.app.example.org", None),
        (Scheme::Https, "example.org", None),
        (Scheme::Https, "user@app.example.org", None),
        (Scheme::Https, "app.example.org/", None),
        (Scheme::Https, "app.example.org, app.example.org", None),
        (Scheme::Https, " app.example.org", None),
        (Scheme::Https, "app.example.org\0", None),
        (Scheme::Https, "ａpp.example.org", None),
        (Scheme::Https, "[2001:db8::1]", None),
        (Scheme::Https, "2001:db8::1", None),
        (Scheme::Https, "[2001:db8::1%25eth0]:9000", None),
        (Scheme::Https, "[2001:db8::1]9000", None),
        (Scheme::Https, "[2001:db8::1", None),
        (Scheme::Https, "127.1", None),
        (Scheme::Https, "0x7f.0.0.1", None),
        (Scheme::Https, "", None),
        (Scheme::Https, ":443", None),
    ] {
        let found = hosts.find(scheme, host.as_bytes()).map(Host::name);
        assert_eq!(found, expected.ok_or(Refusal::HostUnknown), "{scheme:?} {host:?}");
    }
    assert!(hosts.find(Scheme::Https, b"\xff").is_err());
    assert_eq!(hosts.iter().count(), 4);
}

#[test]
fn a_host_has_its_settings() {
    let hosts = compile(SETTINGS).unwrap();
    let plain = hosts.find(Scheme::Https, b"app.example.org").unwrap();
    assert_eq!((plain.audience(), plain.tenant()), ("app.example.org", None));
    assert_eq!(format!("{:?} {:?}", plain.csrf(), plain.origins()), "Origin []");
    let other = hosts.find(Scheme::Https, b"app.example.org:8443").unwrap();
    assert_eq!(other.audience(), "other");
    assert_eq!(
        format!("{:?} {:?}", other.csrf(), other.origins()),
        r#"Token ["https://pages.example.org", "https://*.example.net:8443"]"#
    );
}

#[test]
fn a_scheme_is_http_or_https() {
    assert_eq!(Scheme::parse(b"HTTPS"), Ok(Scheme::Https));
    assert_eq!(Scheme::parse(b"http"), Ok(Scheme::Http));
    for name in ["", "ws", "wss", "https,http", " https", "ftp"] {
        assert_eq!(Scheme::parse(name.as_bytes()), Err(Refusal::SchemeInvalid), "{name:?}");
    }
}
