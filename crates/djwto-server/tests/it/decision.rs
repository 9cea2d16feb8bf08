//! The decision as a plain function: no socket, no clock.

use std::sync::Arc;

use djwto_core::{Revocations, SessionId, UnixTime};
use djwto_server::config::Proxy;
use djwto_server::decision::{Asked, Decision, Ended, Keys, Known, Step, Unavailable, decide};
use djwto_server::forwarded::{Invalid, read};
use djwto_server::guard::{Files, Guard};
use hyper::Request;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::support::{Project, SID, asked};

const FRESH: Known = Known { keys: Keys::Settled, ended: Ended::Fresh, permissions: None };

/// A guard of a project, and its ended sessions.
fn guard(project: &Project) -> (Guard, Arc<Revocations>) {
    let files = Files::read(&project.path("djwto.toml")).unwrap();
    let ended = Arc::<Revocations>::default();
    (Guard::new(&files.config, &files.export, Arc::clone(&ended)).unwrap(), ended)
}

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri("/auth");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn step<'g>(guard: &'g Guard, headers: &[(&str, &str)], known: &Known) -> Step<'g> {
    step_at(guard, headers, known, UnixTime::from(std::time::SystemTime::now()))
}

fn step_at<'g>(
    guard: &'g Guard,
    headers: &[(&str, &str)],
    known: &Known,
    now: UnixTime,
) -> Step<'g> {
    let head = parts(headers);
    let forwarded = read(Proxy::Nginx, &head);
    decide(guard, &Asked { forwarded, headers: &head.headers }, known, now)
}

fn code(step: Step<'_>) -> String {
    match step {
        Step::Done(Decision { outcome: Ok(_), .. }) => "passed".to_owned(),
        Step::Done(Decision { outcome: Err(refused), .. }) => refused.code().slug().to_owned(),
        Step::Fetch => "fetch".to_owned(),
        Step::Wait => "wait".to_owned(),
        Step::Ask(user) => format!("ask {}", user.to_text()),
    }
}

fn bearer(project: &Project, more: &Value) -> String {
    format!("Bearer {}", project.access(more))
}

#[test]
fn the_steps_have_one_order() {
    let project = Project::new();
    let (guard, ended) = guard(&project);
    let token = project.access(&json!({"user": {"id": 7, "perms_omitted": true}}));
    let cookie = format!("jwt_access_token={token}");
    let cookie = ("Cookie", cookie.as_str());
    let old = Known { keys: Keys::Settled, ended: Ended::Old, permissions: None };
    // A bad host comes before a bad path, that before the token, that before a wait.
    let mut headers = asked("POST", "/%00", &[]);
    headers[2].1 = "other";
    assert_eq!(code(step(&guard, &headers, &old)), "host_unknown");
    assert_eq!(code(step(&guard, &asked("POST", "/%00", &[]), &old)), "path_invalid");
    assert_eq!(code(step(&guard, &asked("POST", "/static/x", &[]), &old)), "passed");
    assert_eq!(code(step(&guard, &asked("POST", "/x", &[]), &old)), "cookie_missing");
    // A wait comes before CSRF, that before permissions.
    assert_eq!(code(step(&guard, &asked("POST", "/x", &[cookie]), &old)), "wait");
    let unknown = Known { keys: Keys::Settled, ended: Ended::Unknown, permissions: None };
    let found = step(&guard, &asked("POST", "/x", &[cookie]), &unknown);
    assert_eq!(code(found), "store_unavailable");
    assert_eq!(code(step(&guard, &asked("POST", "/x", &[cookie]), &FRESH)), "csrf_failed");
    assert_eq!(code(step(&guard, &asked("GET", "/x", &[cookie]), &FRESH)), "ask 7");
    assert_eq!(code(step(&guard, &asked("GET", "/api/x", &[cookie]), &FRESH)), "passed");
    // An ended session is refused before a wait.
    ended.extend([(SessionId::parse(SID).unwrap(), i64::MAX)]);
    assert_eq!(code(step(&guard, &asked("POST", "/x", &[cookie]), &old)), "token_blacklisted");
}

#[test]
fn the_store_answers_for_a_token_without_permissions() {
    let mut project = Project::new();
    let omitted = bearer(&project, &json!({"user": {"id": 7, "perms_omitted": true}}));
    let headers = asked("GET", "/x", &[("Authorization", omitted.as_str())]);
    let list =
        |names: &[&str]| Some(Ok(Some(names.iter().map(|name| (*name).to_owned()).collect())));
    let (with_store, _) = guard(&project);
    for (permissions, expected) in [
        (None, "ask 7"),
        (Some(Err(Unavailable)), "store_unavailable"),
        (Some(Ok(None)), "permissions_insufficient"),
        (list(&[]), "permissions_insufficient"),
        (list(&["portal.other"]), "permissions_insufficient"),
        (list(&["a.b", "portal.use_models"]), "passed"),
        (list(&["*"]), "passed"),
    ] {
        let known = Known { keys: Keys::Settled, ended: Ended::Fresh, permissions };
        assert_eq!(code(step(&with_store, &headers, &known)), expected);
    }
    project.export["capabilities"]["permissions"] = json!("process_perms was replaced");
    project.export["database"]["permissions"] = Value::Null;
    project.write();
    let (without, _) = guard(&project);
    assert_eq!(code(step(&without, &headers, &FRESH)), "permissions_unavailable");
    let none = bearer(&project, &json!({"user": {"id": 7}}));
    let headers = asked("GET", "/x", &[("Authorization", none.as_str())]);
    assert_eq!(code(step(&without, &headers, &FRESH)), "permissions_invalid");
}

#[test]
fn the_sentence_of_a_refusal_is_that_of_django() {
    let project = Project::new();
    let (guard, _) = guard(&project);
    for (more, sentence) in [
        (json!({"exp": 1}), "Signature has expired"),
        (json!({"type": "refresh"}), "Token must be of type \"access\""),
        (json!({"sid": "x"}), "The session of this token is not known."),
        (json!({"iat": "x"}), "Claim \"iat\" has the wrong type or an impossible value"),
    ] {
        // The engine that signs refuses some of these, so they are left out.
        let Some(token) = project.try_access(&more) else { continue };
        let token = format!("Bearer {token}");
        let headers = asked("GET", "/api/x", &[("Authorization", token.as_str())]);
        let Step::Done(Decision { outcome: Err(refused), .. }) = step(&guard, &headers, &FRESH)
        else {
            panic!("{more} has passed");
        };
        assert_eq!(refused.failure.to_string(), sentence);
    }
    let cookie = [("Cookie", "jwt_access_token=a; jwt_access_token=b")];
    let found = step(&guard, &asked("GET", "/api/x", &cookie), &FRESH);
    let Step::Done(Decision { outcome: Err(refused), .. }) = found else { panic!() };
    let sentence =
        "Cookie \"jwt_access_token\" was sent more than once or under a look-alike name.";
    assert_eq!(refused.failure.to_string(), sentence);
}

#[test]
fn a_tenant_of_a_host_is_required_of_its_tokens() {
    let mut project = Project::new();
    project.export["tenants"] = json!(true);
    project.config = project.config.replace("audience =", "tenant = \"acme\"\naudience =");
    project.write();
    let (guard, _) = guard(&project);
    for (more, expected) in [
        (json!({"tenant": "acme"}), "passed"),
        (json!({"tenant": "other"}), "tenant_invalid"),
        (json!({}), "tenant_invalid"),
    ] {
        let token = bearer(&project, &more);
        let headers = asked("GET", "/api/x", &[("Authorization", token.as_str())]);
        assert_eq!(code(step(&guard, &headers, &FRESH)), expected, "{more}");
    }
}

#[test]
fn django_s_csrf_token_opens_a_host_that_asks_for_it() {
    let mut project = Project::new();
    project.config = project.config.replace("audience =", "csrf = \"token\"\naudience =");
    project.write();
    let (guard, _) = guard(&project);
    let secret = "a".repeat(32);
    let cookie = format!("csrftoken={secret}; jwt_access_token={}", project.access(&json!({})));
    let cookie = ("Cookie", cookie.as_str());
    let own = ("Origin", "https://models.example.org");
    let token = ("X-CSRFToken", secret.as_str());
    for (headers, expected) in [
        (vec![cookie, own, token], "passed"),
        (vec![cookie, own], "csrf_failed"),
        (vec![cookie, own, ("X-CSRFToken", "b")], "csrf_failed"),
        (vec![cookie, ("Origin", "https://evil.example"), token], "csrf_failed"),
        (vec![cookie, ("Referer", "https://models.example.org/x"), token], "passed"),
        (vec![cookie, ("Sec-Fetch-Site", "same-origin")], "csrf_failed"),
    ] {
        assert_eq!(code(step(&guard, &asked("POST", "/api/x", &headers), &FRESH)), expected);
    }
}

#[test]
fn a_browser_is_redirected_where_that_may_help() {
    let project = Project::new();
    let (guard, _) = guard(&project);
    let page = ("Sec-Fetch-Mode", "navigate");
    let token = bearer(&project, &json!({}));
    let token = ("Authorization", token.as_str());
    for (method, uri, headers, is_redirected) in [
        ("GET", "/api/x", vec![page], true),
        ("HEAD", "/api/x", vec![page], true),
        ("POST", "/api/x", vec![page], false),
        ("GET", "/api/x", vec![("Sec-Fetch-Mode", "cors")], false),
        ("GET", "/api/x", vec![page, page], false),
        ("GET", "/api/x", vec![page, ("Sec-Fetch-Dest", "document")], true),
        ("GET", "/api/x", vec![page, ("Sec-Fetch-Dest", "iframe")], false),
        ("GET", "/api/x", vec![page, ("Sec-Purpose", "prefetch")], false),
        ("GET", "/admin/x", vec![page, token], false),
        ("GET", "/%00", vec![page], false),
    ] {
        let found = step(&guard, &asked(method, uri, &headers), &FRESH);
        let Step::Done(Decision { outcome: Err(refused), .. }) = found else { panic!() };
        assert_eq!(refused.redirect.is_some(), is_redirected, "{method} {uri} {headers:?}");
    }
    // A key that is not known would not be known the next time either.
    let other = Project::new();
    let cookie = format!("jwt_access_token={}", other.access(&json!({})));
    let found = step(&guard, &asked("GET", "/api/x", &[page, ("Cookie", &cookie)]), &FRESH);
    let Step::Done(Decision { outcome: Err(refused), .. }) = found else { panic!() };
    assert_eq!((refused.code().slug(), refused.redirect), ("key_unknown", None));

    let mut project = project;
    project.export["transport"]["domain"] = Value::Null;
    project.write();
    let (guard, _) = self::guard(&project);
    let found = step(&guard, &asked("GET", "/api/x", &[page]), &FRESH);
    let Step::Done(Decision { outcome: Err(refused), .. }) = found else { panic!() };
    assert_eq!((refused.redirect, refused.is_navigation), (None, true));
    project.export["transport"]["domain"] = json!("example.org");
    project.export["login"]["return_path"] = Value::Null;
    project.write();
    let (guard, _) = self::guard(&project);
    let found = step(&guard, &asked("GET", "/api/x", &[page]), &FRESH);
    let Step::Done(Decision { outcome: Err(refused), .. }) = found else { panic!() };
    assert_eq!((refused.redirect, refused.is_navigation), (None, true));
}

#[test]
fn no_bytes_from_outside_panic_or_pass() {
    let project = Project::new();
    let (guard, _) = guard(&project);
    let now = UnixTime::from_whole(0);
    let odd =
        ["", " ", "\u{e9}", "%", "*", "//", "a:b:c", "[::1", "\"", "Bearer", "Bearer ", "a=b; =;;"];
    for method in odd {
        for value in odd {
            let more = [("Cookie", value), ("Authorization", value), ("Origin", value)];
            for headers in [
                asked(method, value, &more),
                asked("GET", value, &more),
                asked("GET", "/api/x", &more),
            ] {
                let found = code(step_at(&guard, &headers, &FRESH, now));
                assert_ne!(found, "passed", "{headers:?}");
            }
        }
    }
    let head = parts(&[]);
    let asked = Asked { forwarded: Err(Invalid("Host")), headers: &head.headers };
    let Step::Done(Decision { outcome: Err(refused), .. }) = decide(&guard, &asked, &FRESH, now)
    else {
        panic!()
    };
    assert!(refused.failure.to_string().contains("\"Host\""));
}
