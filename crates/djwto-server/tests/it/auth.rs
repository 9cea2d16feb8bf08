//! `/auth`, as each kind of proxy asks.

use djwto_core::token::assertion::{AssertionKeys, verify};
use djwto_core::{Key, KeyRing, UnixTime};
use serde_json::{Value, json};
use std::time::SystemTime;

use crate::support::{Client, Program, Project, Reply, SID, asked, send, until};

/// The headers of Envoy.
const ENVOY: [(&str, &str); 2] = [("Host", "models.example.org"), ("X-Forwarded-Proto", "https")];

#[test]
fn a_token_opens_what_its_rule_allows() {
    let project = Project::new();
    let program = Program::start(&project);
    let access = project.access(&json!({}));
    let bearer = format!("Bearer {access}");
    let cookie = format!("a=1; jwt_access_token={access}; b=2");
    let omitted = json!({"user": {"id": 7, "perms": [], "perms_omitted": true}});
    let unknown = json!({"user": {"id": 8, "perms": [], "perms_omitted": true}});
    let inactive = json!({"user": {"id": 9, "perms": [], "perms_omitted": true}});
    let [omitted, unknown, inactive] =
        [omitted, unknown, inactive].map(|more| format!("Bearer {}", project.access(&more)));
    let expired = format!("Bearer {}", project.access(&json!({"exp": 1})));
    let refresh = format!("Bearer {}", project.access(&json!({"type": "refresh"})));
    for (uri, header, code) in [
        ("/static/x", ("X-None", ""), None),
        ("/static/x", ("Authorization", expired.as_str()), None),
        ("/api/x", ("X-None", ""), Some("cookie_missing")),
        ("/api/x", ("Authorization", bearer.as_str()), None),
        ("/api/x", ("Authorization", expired.as_str()), Some("token_expired")),
        ("/api/x", ("Authorization", refresh.as_str()), Some("type_invalid")),
        ("/api/x", ("Authorization", "Bearer x"), Some("token_malformed")),
        ("/api/x", ("Authorization", "Bearer a b"), Some("authorization_invalid")),
        ("/api/x?q=/admin/", ("Cookie", cookie.as_str()), None),
        ("/models", ("Cookie", cookie.as_str()), None),
        ("/models", ("Authorization", omitted.as_str()), None),
        ("/models", ("Authorization", unknown.as_str()), Some("permissions_insufficient")),
        ("/models", ("Authorization", inactive.as_str()), Some("permissions_insufficient")),
        ("/admin/", ("Cookie", cookie.as_str()), Some("permissions_insufficient")),
        ("/admin/", ("Authorization", omitted.as_str()), Some("permissions_insufficient")),
        ("/api/..%2fadmin", ("Cookie", cookie.as_str()), Some("path_ambiguous")),
        ("/api/%00", ("Cookie", cookie.as_str()), Some("path_invalid")),
        ("api", ("Cookie", cookie.as_str()), Some("path_invalid")),
    ] {
        let reply = send(program.address, "GET", "/auth", &asked("GET", uri, &[header]));
        assert_eq!(reply.header("x-djwto-code"), code, "{uri} {reply:?}");
        assert_eq!(reply.status == 200, code.is_none());
    }
}

#[test]
fn an_upstream_gets_an_assertion_and_no_token() {
    let project = Project::new();
    let program = Program::start(&project);
    let access = project.access(&json!({}));
    let cookie = format!("a=1; jwt_access_token={access}; jwt_refresh=x; b=2");
    let text = std::fs::read_to_string(project.path("keys.json")).unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    let key = Key::from_jwk(set["keys"][0].to_string().as_bytes()).unwrap();
    let keys = AssertionKeys::new(KeyRing::new(key)).unwrap();
    let mut client = Client::connect(program.address);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let headers = [("Cookie", cookie.as_str()), ("Authorization", "Basic dTpw")];
        let reply = client.send("GET", "/auth", &asked("GET", "/api/x", &headers));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("cookie"), Some("a=1; b=2"));
        assert_eq!(reply.header("authorization"), Some("Basic dTpw"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.body.is_empty());
        let assertion = reply.header("x-djwto-assertion").unwrap();
        let now = UnixTime::from(SystemTime::now());
        let issuer = "https://portal.example.org";
        let asserted = verify(assertion.as_bytes(), &keys, issuer, "models", now).unwrap();
        assert_eq!((asserted.user.as_str(), asserted.session.to_string().as_str()), ("7", SID));
        seen.push(assertion.to_owned());
    }
    assert_eq!(seen[2], seen[3], "a token that comes again keeps its assertion");

    let bearer = format!("Bearer {access}");
    for uri in ["/api/x", "/static/x"] {
        let headers = [("Authorization", bearer.as_str()), ("Cookie", "jwt_access=x")];
        let reply = client.send("GET", "/auth", &asked("GET", uri, &headers));
        assert_eq!(reply.header("authorization"), Some(""), "{uri}");
        assert_eq!(reply.header("cookie"), Some(""), "{uri}");
        assert_eq!(reply.header("x-djwto-assertion") == Some(""), uri == "/static/x");
    }
    // Another name hides no token.
    let cookie = format!("own={access}; a=1; x.jwt={access}; b=2");
    let headers = [("Cookie", cookie.as_str())];
    let reply = client.send("GET", "/auth", &asked("GET", "/static/x", &headers));
    assert_eq!(reply.header("cookie"), Some("a=1; b=2"));

    let headers = [("Authorization", "Bearer npm_x")];
    let reply = client.send("GET", "/auth", &asked("GET", "/static/x", &headers));
    assert_eq!(reply.header("authorization"), Some("Bearer npm_x"));
}

#[test]
fn each_kind_of_proxy_gets_what_it_understands() {
    for proxy in ["nginx", "envoy", "traefik", "caddy"] {
        let mut project = Project::new();
        project.config = project.config.replace("\"nginx\"", &format!("{proxy:?}"));
        project.write();
        let program = Program::start(&project);
        let ask = |uri: &str, more: &[(&str, &str)]| -> Reply {
            let address = program.address;
            if proxy == "envoy" {
                let headers = [&ENVOY[..], more].concat();
                return send(address, "GET", &format!("/auth/envoy{uri}"), &headers);
            }
            send(address, "GET", "/auth", &asked("GET", uri, more))
        };
        let is_nginx = proxy == "nginx";
        let reply = ask("/api/x", &[]);
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(body["error"], "Cookie \"jwt_access_token\" cannot be empty.");
        assert_eq!((reply.status, reply.code()), (401, "cookie_missing".to_owned()));
        assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=api"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let expected = is_nginx.then_some(reply.body.as_str());
        assert_eq!(reply.header("x-djwto-body"), expected);
        assert_eq!(reply.header("x-djwto-type").is_some(), is_nginx);

        let reply = ask("/api/%00", &[]);
        assert_eq!(reply.status, if is_nginx { 403 } else { 400 });
        assert_eq!(reply.header("x-djwto-status"), is_nginx.then_some("400"));

        let page = [("Sec-Fetch-Mode", "navigate")];
        let reply = ask("/api/x?q=%2F&r", &page);
        let target = "https://portal.example.org/api/token/refresh/return/?next=\
                      https%3A%2F%2Fmodels.example.org%2Fapi%2Fx%3Fq%3D%252F%26r";
        let name = if is_nginx { "x-djwto-location" } else { "location" };
        assert_eq!(reply.header(name), Some(target));
        assert_eq!(reply.status, if is_nginx { 401 } else { 303 });

        let reply = ask("/api/%00", &page);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(reply.header(name), None);

        let reply = ask("/static/x", &[("Cookie", "jwt_refresh=x")]);
        let removed = (proxy == "envoy").then_some("cookie,authorization");
        assert_eq!(reply.header("x-envoy-auth-headers-to-remove"), removed);
    }
}

#[test]
fn what_a_proxy_does_not_say_once_is_refused() {
    let project = Project::new();
    let program = Program::start(&project);
    let good = asked("GET", "/static/x", &[]);
    for at in 0..good.len() {
        let mut missing = good.clone();
        missing.remove(at);
        let mut doubled = good.clone();
        doubled.push(good[at]);
        for headers in [missing, doubled] {
            let reply = send(program.address, "GET", "/auth", &headers);
            assert_eq!((reply.status, reply.code()), (403, "forwarded_invalid".to_owned()));
        }
    }
    for (name, value, code) in [
        ("X-Forwarded-Proto", "https,http", "forwarded_invalid"),
        ("X-Forwarded-Proto", "ftp", "forwarded_invalid"),
        ("X-Forwarded-Method", "get", "forwarded_invalid"),
        ("X-Forwarded-Method", "CONNECT", "forwarded_invalid"),
        ("X-Forwarded-Host", "models.example.org,models.example.org", "host_unknown"),
        ("X-Forwarded-Host", "other.example.org", "host_unknown"),
        ("X-Forwarded-Host", "models.example.org:8443", "host_unknown"),
        ("X-Forwarded-Host", "MODELS.example.org.:443", ""),
        ("X-Forwarded-Uri", "https://models.example.org/static/x", "path_invalid"),
        ("X-Forwarded-Uri", "/static/\u{e9}", ""),
    ] {
        let mut headers = good.clone();
        headers.retain(|(found, _)| *found != name);
        headers.push((name, value));
        let reply = send(program.address, "GET", "/auth", &headers);
        assert_eq!(reply.header("x-djwto-code").unwrap_or_default(), code, "{name}: {value}");
    }
    // Each kind asks at its own path.
    let reply = send(program.address, "GET", "/auth/envoy/static/x", &good);
    assert_eq!(reply.code(), "forwarded_invalid");
}

#[test]
fn a_peer_that_is_not_listed_is_refused() {
    let mut project = Project::new();
    project.config = project.config.replace("\"127.0.0.1\"\nproxy", "\"127.0.0.2\"\nproxy");
    project.write();
    let program = Program::start(&project);
    let reply = send(program.address, "GET", "/auth", &asked("GET", "/static/x", &[]));
    assert_eq!((reply.status, reply.code()), (403, "peer_unknown".to_owned()));
    assert_eq!(reply.header("x-djwto-code"), None);
    assert_eq!(send(program.address, "GET", "/healthz", &[]).status, 200);
}

#[test]
fn an_unsafe_request_by_cookie_needs_a_good_origin() {
    let project = Project::new();
    let program = Program::start(&project);
    let access = project.access(&json!({}));
    let (cookie, bearer) = (format!("jwt_access_token={access}"), format!("Bearer {access}"));
    let (cookie, bearer) = (("Cookie", cookie.as_str()), ("Authorization", bearer.as_str()));
    let socket = ("Sec-WebSocket-Key", "x");
    let over_http2 = ("Sec-WebSocket-Version", "13");
    let own = ("Origin", "https://models.example.org");
    for (method, headers, is_good) in [
        ("POST", vec![cookie], false),
        ("POST", vec![bearer], true),
        ("POST", vec![cookie, own], true),
        ("POST", vec![cookie, ("Origin", "https://friend.example.org")], true),
        ("POST", vec![cookie, ("Origin", "http://models.example.org")], false),
        ("POST", vec![cookie, ("Origin", "null")], false),
        ("POST", vec![cookie, own, ("Origin", "https://evil.example")], false),
        ("POST", vec![cookie, ("Sec-Fetch-Site", "same-origin")], true),
        ("POST", vec![cookie, ("Sec-Fetch-Site", "cross-site")], false),
        ("GET", vec![cookie, ("Origin", "https://evil.example")], true),
        ("GET", vec![cookie, socket], false),
        ("GET", vec![cookie, socket, own], true),
        ("GET", vec![cookie, over_http2], false),
        ("GET", vec![cookie, socket, ("Origin", "https://evil.example")], false),
        ("GET", vec![bearer, socket], true),
    ] {
        let reply = send(program.address, "GET", "/auth", &asked(method, "/api/x", &headers));
        let expected = if is_good { "" } else { "csrf_failed" };
        let code = reply.header("x-djwto-code").unwrap_or_default();
        assert_eq!(code, expected, "{method} {:?}", headers.get(1..));
    }
}

#[test]
fn an_ended_session_opens_nothing() {
    let project = Project::new();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let mut client = Client::connect(program.address);
    let mut ask = || {
        let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
        client.send("GET", "/auth", &headers)
    };
    for _ in 0..3 {
        assert_eq!(ask().status, 200);
    }
    project.end_session();
    until(|| ask().header("x-djwto-code") == Some("token_blacklisted"));
}

#[test]
fn without_the_database_nothing_but_public_paths_is_open() {
    let mut project = Project::new();
    project.config = project.config.replace("db.sqlite3", "none.sqlite3");
    project.write();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let headers = [("Authorization", bearer.as_str())];
    let reply = send(program.address, "GET", "/auth", &asked("GET", "/api/x", &headers));
    assert_eq!((reply.status, reply.code()), (403, "store_unavailable".to_owned()));
    assert_eq!(reply.header("x-djwto-status"), Some("503"));
    assert_eq!(reply.header("retry-after"), Some("5"));
    let reply = send(program.address, "GET", "/auth", &asked("GET", "/static/x", &headers));
    assert_eq!(reply.status, 200);
    assert_eq!(send(program.address, "GET", "/readyz", &[]).status, 503);
    assert!(!project.path("none.sqlite3").exists(), "the server has created a database");
}
