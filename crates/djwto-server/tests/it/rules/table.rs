//! Which rule decides.

use super::support::{USUAL, decide, host, hosts};
use djwto_server::rules::{Access, Method, Refusal};

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = r#"
        { path = "/api/v1/*", allow = "public" },
        { path = "/api/*", methods = ["GET"], allow = "login" },
        { path = "/api/*", permissions = ["a.write"] },
    "#;
    for (method, uri, expected) in [
        ("GET", "/api/v1", "public"),
        ("POST", "/api/v1/x", "public"),
        ("GET", "/api", "login"),
        ("GET", "/api/", "login"),
        ("GET", "/api/x/y", "login"),
        ("HEAD", "/api/x", "login"),
        ("OPTIONS", "/api/x", "a.write"),
        ("POST", "/api/x", "a.write"),
        ("GET", "/apix", "rule_missing"),
        ("GET", "/", "rule_missing"),
        ("GET", "/ap", "rule_missing"),
        ("get", "/api/x", "forwarded_invalid"),
        ("GET ", "/api/x", "forwarded_invalid"),
        ("", "/api/x", "forwarded_invalid"),
        ("FOO", "/api/v1", "forwarded_invalid"),
        ("TRACE", "/api/v1", "forwarded_invalid"),
        ("CONNECT", "/api/v1", "forwarded_invalid"),
    ] {
        assert_eq!(decide(rules, method, uri), expected, "{method} {uri}");
    }
}

#[test]
fn head_alone_is_not_get() {
    let rules = r#"{ path = "/*", methods = ["HEAD"], allow = "public" }"#;
    assert_eq!(decide(rules, "HEAD", "/"), "public");
    assert_eq!(decide(rules, "GET", "/"), "rule_missing");
}

#[test]
fn permissions_are_a_set() {
    let rules = r#"
        { path = "/a/*", permissions = ["a.x", "a.w", "a.x"] },
        { path = "/b/*", permissions = ["a.w", "a.x"] },
    "#;
    assert_eq!(decide(rules, "GET", "/a"), "a.w a.x");
    // The readings meet two rules, which ask for the same.
    assert_eq!(decide(rules, "GET", "/a/..;/b"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/a/x/../../b"), "a.w a.x");
}

#[test]
fn a_reading_without_a_rule_is_refused() {
    let rules = r#"{ path = "/a/*", allow = "public" }"#;
    assert_eq!(decide(rules, "GET", "/a%2fb"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/A"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/B"), "rule_missing");
}

#[test]
fn patterns_are_decoded_text() {
    let rules = r#"{ path = "/büro/*", allow = "public" }, { path = "/my files/*", allow = "login" },
        { path = "/[x]", allow = "login" }"#;
    assert_eq!(decide(rules, "GET", "/b%C3%BCro/x"), "public");
    assert_eq!(decide(rules, "GET", "/b%c3%bcro"), "public");
    assert_eq!(decide(rules, "GET", "/büro/"), "public");
    assert_eq!(decide(rules, "GET", "/B%C3%9CRO/x"), "path_ambiguous");
    // Decomposed, as some file systems have it.
    assert_eq!(decide(rules, "GET", "/bu%CC%88ro/x"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/my%20files/x"), "login");
    assert_eq!(decide(rules, "GET", "/%5Bx%5D"), "login");
}

#[test]
fn patterns_with_upper_case_stand_for_their_case() {
    let rules = r#"{ path = "/Docs/*", allow = "public" }, { path = "/*", allow = "login" }"#;
    assert_eq!(decide(rules, "GET", "/Docs/x"), "public");
    assert_eq!(decide(rules, "GET", "/docs/x"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/x"), "login");
}

#[test]
fn an_explanation_names_the_rule_of_each_reading() {
    let hosts = hosts(USUAL);
    let get = Method::parse(b"GET").unwrap();
    let explained = host(&hosts).explain(get, b"/public/..%2fAdmin");
    assert_eq!(explained.answer, Err(Refusal::PathAmbiguous));
    assert_eq!(
        explained.to_string(),
        "\
GET /public/..%2fAdmin on app.example.org: refused, path_ambiguous: readings of the path need different access
  /public/..%2FAdmin (as sent): rule 1 /public/*, public
  /public/..%2fadmin (as sent, without regard to case): rule 1 /public/*, public
  /public/../Admin (decoded, %2F as a slash): rule 1 /public/*, public
  /public/../admin (decoded, %2F as a slash, without regard to case): rule 1 /public/*, public
  /Admin (decoded, %2F as a slash, dot segments removed): rule 3 /*, login
  /admin (decoded, %2F as a slash, dot segments removed, without regard to case): rule 2 /admin/*, permissions portal.administer"
    );
    let explained = host(&hosts).explain(get, b"/x");
    assert_eq!(explained.answer, Ok(Access::Login));
    assert_eq!(
        explained.to_string(),
        "GET /x on app.example.org: login\n  /x (as sent): rule 3 /*, login"
    );
    let explained = host(&hosts).explain(get, b"/\x1b[0m\xff");
    assert_eq!(
        explained.to_string(),
        "GET /\\u{1b}[0m\u{fffd} on app.example.org: refused, path_invalid: the path has a control character"
    );
}
