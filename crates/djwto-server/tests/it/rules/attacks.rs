//! Ways around rules that are known from lists of attacks. None leads to what needs more.

use super::support::{USUAL, answer, decide, host, hosts};

/// Two dots.
const UP: &[&str] = &[
    "..",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25%32%65%25%32%65",
    "%25252e%25252e",
    "%25%32%35%32%65%25%32%35%32%65",
    "%2525%ef%bc%92e%2525%ef%bc%92e",
    "%2525２ｅ%2525２ｅ",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%c0%2e%c0%2e",
    "%ef%bc%8e%ef%bc%8e",
    "．．",
    "‥",
    "%e2%80%a5",
    "․․",
    "..;",
    "..;x=1",
    "..%3b",
    "%2e%2e;",
    "%2e%2e%3b",
    ".;/..",
    "..%00",
    "..%0d",
    "%u002e%u002e",
    "%uff0e%uff0e",
];

/// A slash.
const SLASH: &[&str] = &[
    "/",
    "//",
    "///",
    "/./",
    "/.//",
    "/%2e/",
    "/;/",
    "/;x/",
    "/.;/",
    "%2f",
    "%2F",
    "%2f/",
    "/%2f",
    "%2f%2f",
    "%252f",
    "%25%32%66",
    "%25252f",
    "%2525%32%66",
    "%2525２ｆ",
    "\\",
    "%5c",
    "%255c",
    "/\\",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    "／",
    "∕",
    "%e2%88%95",
    "⁄",
    "＼",
    "%ef%bc%bc",
    "%u2215",
    "%u2216",
    "%00/",
];

/// The name of the guarded path.
const ADMIN: &[&str] = &[
    "admin",
    "Admin",
    "ADMIN",
    "%61dmin",
    "%41dmin",
    "%2561dmin",
    "admin;x=1",
    "admin;",
    "admin%3bx",
    "admin%3fx",
    "admin%23x",
    "adm%69n",
    "ａｄｍｉｎ",
    "%ef%bd%81dmin",
    "admın",
    "ⓐdmin",
    "admin/",
    "admin//",
    "admin/.",
    "admin/;",
    "admin%2f",
    "admin/x/..",
    "admin%00",
    "admin%09",
    "x/../admin",
    "x/%2e%2e/admin",
    "x/..;/admin",
    "./admin",
    "/admin",
];

#[test]
fn no_detour_from_a_public_path_is_public() {
    let hosts = hosts(USUAL);
    let mut count = 0;
    for up in UP {
        for before in SLASH {
            for after in SLASH {
                for admin in ["admin", "x"] {
                    let uri = format!("/public{before}{up}{after}{admin}/users");
                    let found = answer(host(&hosts), "GET", &uri);
                    assert!(found != "public", "{uri} is public");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 50_000);
}

#[test]
fn no_spelling_of_a_guarded_path_needs_less() {
    let hosts = hosts(USUAL);
    for first in SLASH {
        for admin in ADMIN {
            for rest in ["", "/", "/users", ";/users", "?x", "%2fusers", "//users"] {
                let uri = format!("{first}{admin}{rest}");
                let found = answer(host(&hosts), "GET", &uri);
                let is_guarded = matches!(
                    found.as_str(),
                    "portal.administer" | "path_ambiguous" | "path_invalid"
                );
                assert!(is_guarded, "{uri}: {found}");
            }
        }
    }
}

#[test]
fn known_detours_have_these_answers() {
    for (uri, expected) in [
        ("/public/..;/admin", "path_ambiguous"),
        ("/public/%2e%2e/admin", "path_ambiguous"),
        ("/public/../admin", "path_ambiguous"),
        ("/public//../admin", "path_ambiguous"),
        ("/public/a/%2f../b", "public"),
        ("/public/%2f../../admin", "path_invalid"),
        ("/public/..%2fadmin", "path_ambiguous"),
        ("/public/%252e%252e/admin", "path_invalid"),
        ("/public/..%5cadmin", "path_invalid"),
        ("/public/%25252e%25252e/admin", "path_invalid"),
        ("/public/100%2525.txt", "public"),
        ("/public/%2525/%25252e%25252e/admin", "path_invalid"),
        ("/%2525/../%2561dmin", "path_ambiguous"),
        ("/public/../../admin", "path_invalid"),
        ("//admin", "path_ambiguous"),
        ("/./admin", "path_ambiguous"),
        ("/Admin", "path_ambiguous"),
        ("/admin;x", "path_ambiguous"),
        ("/%61dmin", "path_ambiguous"),
        ("/%2561dmin", "path_ambiguous"),
        ("/ａdmin", "path_ambiguous"),
        ("/admin", "portal.administer"),
        ("/admin/", "portal.administer"),
        ("/admin/a%2fb", "portal.administer"),
        ("//public/admin", "path_ambiguous"),
        ("//example.com/admin", "path_ambiguous"),
        ("/public%3f/../admin", "path_ambiguous"),
        ("/public/x?/../admin", "public"),
        ("http://app.example.org/admin", "path_invalid"),
        ("", "path_invalid"),
        ("*", "path_invalid"),
        ("?x", "path_invalid"),
        ("admin", "path_invalid"),
        ("/x", "login"),
    ] {
        assert_eq!(decide(USUAL, "GET", uri), expected, "{uri}");
    }
}

#[test]
fn a_slash_at_the_end_is_no_detour() {
    let rules = r#"{ path = "/secret", permissions = ["a.b"] }, { path = "/*", allow = "login" }"#;
    assert_eq!(decide(rules, "GET", "/secret"), "a.b");
    assert_eq!(decide(rules, "GET", "/secret/"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/secret//"), "path_ambiguous");
    assert_eq!(decide(rules, "GET", "/secret/x"), "login");
    let rules = r#"{ path = "/secret/", permissions = ["a.b"] }, { path = "/*", allow = "login" }"#;
    assert_eq!(decide(rules, "GET", "/secret"), "a.b");
    assert_eq!(decide(rules, "GET", "/secret/"), "a.b");
    assert_eq!(decide(rules, "GET", "/secret/x"), "login");
}

#[test]
fn a_long_path_costs_little() {
    let hosts = hosts(USUAL);
    for part in
        ["//", "/..", "/../a", "/;", ";/", "%2f", "%2f..", "%25", "／", "/./;a", "//a", "%3f;/"]
    {
        let uri = format!("/{}", part.repeat(8192 / part.len()));
        let start = std::time::Instant::now();
        let found = answer(host(&hosts), "GET", &uri);
        assert!(found != "public" && start.elapsed().as_millis() < 500, "{part}: {found}");
    }
}
