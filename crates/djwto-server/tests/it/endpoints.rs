//! Django's endpoints that the server has too, as a proxy passes requests on to them.

use serde_json::{Value, json};

use crate::support::{Client, Program, Project, Reply, SID, send};

const PATH: &str = "/validate_access/";
const CSRF: &str = "abcdefghijklmnopqrstuvwxyz012345";
/// What the proxy says of a request for the portal.
const PASSED_ON: [(&str, &str); 2] =
    [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "portal.example.org")];

fn post(program: &Program, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers = [&PASSED_ON[..], headers].concat();
    Client::connect(program.address).post(PATH, &headers, body.as_bytes())
}

fn code(reply: &Reply) -> (u16, String) {
    let is_good = reply.status == 200;
    (reply.status, if is_good { reply.body.clone() } else { reply.code() })
}

fn good() -> (u16, String) {
    (200, r#"{"msg": "Token is valid"}"#.to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_token_is_good_until_its_session_ends() {
    let project = Project::new();
    let program = Program::start(&project);
    let bearer = |more: &Value| format!("Bearer {}", project.access(more));
    let ask = |bearer: &str| post(&program, &[("Authorization", bearer)], "");
    let alice = bearer(&json!({}));
    let reply = ask(&alice);
    assert_eq!(code(&reply), good());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    for (more, expected) in [
        (json!({"exp": 1}), "token_expired"),
        (json!({"type": "refresh"}), "type_invalid"),
        (json!({"sid": SID.replace('6', "7")}), "token_blacklisted"),
        (json!({"user": {"id": 9}}), "token_blacklisted"),
        (json!({"user": {"id": 10}}), "token_blacklisted"),
    ] {
        let reply = ask(&bearer(&more));
        assert_eq!(code(&reply), refused(401, expected), "{more}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(code(&post(&program, &[], "")), refused(401, "cookie_missing"));
    // By the database, and not by the set, which hears of it later.
    project.end_session();
    assert_eq!(code(&ask(&alice)), refused(401, "token_blacklisted"));
}

#[test]
fn a_token_of_an_older_version_may_have_no_session() {
    let project = Project::new();
    let program = Program::start(&project);
    let legacy = format!("Bearer {}", project.access(&json!({"sid": null})));
    assert_eq!(code(&post(&program, &[("Authorization", &legacy)], "")), good());
}

#[test]
fn a_cookie_needs_the_csrf_token_of_django() {
    let mut project = Project::new();
    project.export["csrf"]["trusted_origins"] = json!(["https://app.example.org"]);
    project.write();
    let program = Program::start(&project);
    let cookie = format!("jwt_access_token={}; csrftoken={CSRF}", project.access(&json!({})));
    let cookie = ("Cookie", cookie.as_str());
    let token = ("X-CSRFToken", CSRF);
    let own = ("Referer", "https://portal.example.org/page");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let field = format!("csrfmiddlewaretoken={CSRF}");
    let wrong = CSRF.replace('a', "b");
    for (headers, body, is_good) in [
        (&[cookie, token, own][..], "", true),
        (&[cookie, token, ("Origin", "https://portal.example.org")], "", true),
        (&[cookie, token, ("Origin", "https://app.example.org")], "", true),
        (&[cookie, form, own], &field, true),
        (&[cookie, form, own, token], "csrfmiddlewaretoken=", true),
        (&[cookie, own], "", false),
        (&[cookie, token], "", false),
        (&[cookie, own, ("X-CSRFToken", &wrong)], "", false),
        (&[cookie, form, own, token], "csrfmiddlewaretoken=x", false),
        (&[cookie, token, ("Origin", "https://evil.example")], "", false),
        (&[cookie, token, ("Origin", "https://models.example.org")], "", false),
        (&[cookie, token, ("Origin", "http://portal.example.org")], "", false),
        (&[cookie, token, ("Sec-Fetch-Site", "same-origin")], "", false),
    ] {
        let expected = if is_good { good() } else { refused(403, "csrf_failed") };
        assert_eq!(code(&post(&program, headers, body)), expected, "{headers:?} {body}");
    }
    let type_of = |word: &str| post(&program, &[cookie, token, own, form], word);
    assert_eq!(code(&type_of("jwt_type=access")), good());
    assert_eq!(code(&type_of("jwt_type=refresh")), refused(400, "jwt_type_wrong"));
    assert_eq!(code(&type_of("jwt_type=x")), refused(400, "jwt_type_unknown"));
}

#[test]
fn without_djangos_cookie_a_token_of_a_cookie_cannot_be_checked() {
    for (name, value, expected) in [
        ("use_sessions", json!(true), refused(403, "csrf_unavailable")),
        ("on", json!(false), good()),
    ] {
        let mut project = Project::new();
        project.export["csrf"][name] = value;
        project.write();
        let program = Program::start(&project);
        let access = project.access(&json!({}));
        let cookie = format!("jwt_access_token={access}; csrftoken={CSRF}");
        let own = ("Referer", "https://portal.example.org/");
        let headers = [("Cookie", cookie.as_str()), ("X-CSRFToken", CSRF), own];
        assert_eq!(code(&post(&program, &headers, "")), expected, "{name}");
        let bearer = format!("Bearer {access}");
        assert_eq!(code(&post(&program, &[("Authorization", &bearer)], "")), good());
    }
}

#[test]
fn a_body_is_read_as_django_reads_it() {
    let mut project = Project::new();
    project.export["forms"] =
        json!({"max_bytes": 1000, "max_fields": 3, "max_files": 1, "name_field": "email"});
    project.write();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let ask = |content_type: &str, body: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", content_type)];
        code(&post(&program, &headers, body))
    };
    let form = "application/x-www-form-urlencoded";
    let long = "x".repeat(1000);
    for (content_type, body, expected) in [
        ("text/plain", "", good()),
        ("text/plain", "x", refused(415, "media_type_unsupported")),
        ("", "x", refused(415, "media_type_unsupported")),
        (form, "a=1&b=2&c=3", good()),
        (form, "a=1&b=2&c=3&d=4", refused(400, "body_unreadable")),
        (form, "a=%ff", refused(400, "body_unreadable")),
        (form, "email=a&email=b", refused(400, "body_unreadable")),
        (form, &long, good()),
        (form, &format!("{long}x"), refused(413, "body_too_large")),
        ("application/json", "{\"a\": 1}", good()),
        ("application/json", "[1]", refused(400, "body_unreadable")),
        ("application/json; charset=latin-1", "{}", refused(400, "body_unreadable")),
        ("multipart/form-data; boundary=b", "--b--", good()),
        ("multipart/form-data; boundary=b", "--b", refused(400, "body_unreadable")),
    ] {
        assert_eq!(ask(content_type, body), expected, "{content_type} {body:.40}");
    }
    // A whole body is read before the refusal, so a proxy that still sends it sees the refusal.
    assert_eq!(ask(form, &"x".repeat(4_000_000)), refused(413, "body_too_large"));
}

#[test]
fn a_body_that_does_not_come_is_the_fault_of_the_client() {
    let mut project = Project::new();
    project.config.push_str("\n[limits]\nrequest_seconds = 0.2\n");
    project.write();
    let program = Program::start(&project);
    let mut client = Client::connect(program.address);
    let lines = PASSED_ON.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 9\r\n\r\n");
    client.write(head.as_bytes());
    assert_eq!(code(&client.read(false)), refused(400, "body_unreadable"));
}

#[test]
fn only_the_portal_and_guarded_hosts_are_served_and_only_to_peers() {
    let mut project = Project::new();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let ask = |headers: &[(&str, &str)]| {
        let headers = [headers, &[("Authorization", bearer.as_str())]].concat();
        code(&Client::connect(program.address).post(PATH, &headers, b""))
    };
    let (https, host) = (("X-Forwarded-Proto", "https"), "X-Forwarded-Host");
    let invalid = || refused(403, "forwarded_invalid");
    for (headers, expected) in [
        (&[https, (host, "portal.example.org")][..], good()),
        (&[https, (host, "PORTAL.example.org:443")], good()),
        (&[https, (host, "models.example.org")], good()),
        (&[https, (host, "other.example.org")], refused(403, "host_unknown")),
        (&[https, (host, "portal.example.org:444")], refused(403, "host_unknown")),
        (
            &[("X-Forwarded-Proto", "http"), (host, "portal.example.org")],
            refused(403, "host_unknown"),
        ),
        (&[https], invalid()),
        (&[(host, "portal.example.org")], invalid()),
        (&[https, (host, "portal.example.org"), (host, "portal.example.org")], invalid()),
    ] {
        assert_eq!(ask(headers), expected, "{headers:?}");
    }
    // A proxy that only asks would take the answer for another one.
    let asking = [&PASSED_ON[..], &[("X-Forwarded-Uri", "/")]].concat();
    assert_eq!(send(program.address, "POST", PATH, &asking).status, 404);
    drop(program);

    project.config = project.config.replace("address = \"127.0.0.1\"", "address = \"10.0.0.1\"");
    project.write();
    let program = Program::start(&project);
    let reply = post(&program, &[("Authorization", &bearer)], "");
    assert_eq!(code(&reply), refused(403, "peer_unknown"));
}

#[test]
fn a_doubled_cookie_is_refused_and_cleared() {
    let project = Project::new();
    let program = Program::start(&project);
    let cookie = format!("jwt_access_token={0}; jwt_access_token={0}", project.access(&json!({})));
    let reply = post(&program, &[("Cookie", &cookie)], "");
    assert_eq!(code(&reply), refused(401, "cookie_ambiguous"));
    let cleared: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, line)| line)
        .collect();
    let has = |text: &str| cleared.iter().any(|line| line.contains(text));
    assert!(cleared.iter().all(|line| line.starts_with("jwt_access_token=; ")), "{cleared:?}");
    assert!(has("Path=/;") && has("Path=/validate_access;"), "{cleared:?}");
    assert!(has("Domain=portal.example.org") && has("Domain=example.org"), "{cleared:?}");
}

#[test]
fn without_a_database_no_token_is_called_valid() {
    let mut project = Project::new();
    project.export["revocation"] = json!({"interval": null, "max_age": null});
    project.config = project.config.replace("database = \"sqlite:db.sqlite3\"\n", "");
    project.write();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let reply = post(&program, &[("Authorization", &bearer)], "");
    assert_eq!(code(&reply), refused(503, "store_unavailable"));
    assert!(reply.header("retry-after").is_some());
}

#[test]
fn other_methods_are_named() {
    let project = Project::new();
    let program = Program::start(&project);
    for (path, good, bad, allowed) in [
        (PATH, "POST", "GET", "POST, OPTIONS"),
        ("/.well-known/jwks.json", "GET", "POST", "GET, HEAD, OPTIONS"),
    ] {
        let ask = |method: &str| send(program.address, method, path, &PASSED_ON);
        assert_ne!(ask(good).status, 405);
        let options = ask("OPTIONS");
        assert_eq!((options.status, options.body.as_str()), (200, ""));
        assert_eq!(options.header("allow"), Some(allowed));
        for method in [bad, "PUT", "DELETE", "TRACE", "BREW"] {
            let reply = ask(method);
            assert_eq!(code(&reply), refused(405, "method_not_allowed"), "{method} {path}");
            assert_eq!(reply.header("allow"), Some(allowed));
        }
    }
    assert_eq!(send(program.address, "HEAD", PATH, &PASSED_ON).status, 405);
}

#[test]
fn the_public_keys_have_a_tag() {
    let project = Project::new();
    let program = Program::start(&project);
    let get =
        |headers: &[(&str, &str)]| send(program.address, "GET", "/.well-known/jwks.json", headers);
    let reply = get(&[]);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let tag = reply.header("etag").unwrap();
    for given in [tag.to_owned(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let again = get(&[("If-None-Match", &given)]);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{given}");
        assert_eq!(again.header("etag"), Some(tag));
        assert_eq!(again.header("cache-control"), Some("public, max-age=300"));
    }
    assert_eq!(get(&[("If-None-Match", "\"x\"")]).status, 200);
}
