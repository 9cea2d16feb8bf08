//! How a failure looks as a reply.

use djwto_core::Code;
use djwto_core::error::Failure;
use djwto_core::http::reply::{Notice, Reply, status_of};
use proptest::prelude::*;
use serde_json::{Value, json};

fn reply(slug: &str, status: u16, retry_after: Option<u64>) -> Reply {
    Notice { slug, sentence: "A sentence.", status, retry_after }.reply()
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    let mut found = reply.headers.iter().filter(|(header, _)| *header == name);
    let value = found.next().map(|(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} is there twice");
    value
}

#[test]
fn every_401_has_a_challenge_and_names_the_token_where_that_was_wrong() {
    for code in Code::ALL {
        let found = reply(code.slug(), code.status(), None);
        let is_of_no_token = matches!(
            code,
            Code::AuthorizationMissing | Code::CookieMissing | Code::CredentialsInvalid
        );
        let wanted = match code.status() {
            401 if is_of_no_token => Some("Bearer realm=api"),
            401 => Some("Bearer realm=api, error=\"invalid_token\""),
            _ => None,
        };
        assert_eq!(header(&found, "WWW-Authenticate"), wanted, "{code:?}");
        assert_eq!(found.status, code.status());
    }
}

#[test]
fn a_slug_that_a_project_invented_is_not_about_the_token() {
    let found = reply("use_sso", 401, None);
    assert_eq!(header(&found, "WWW-Authenticate"), Some("Bearer realm=api"));
    assert_eq!(status_of("use_sso"), 403);
    assert_eq!(status_of("token_expired"), 401);
    // A status that a project gives decides, not the list's.
    assert_eq!(header(&reply("token_expired", 400, None), "WWW-Authenticate"), None);
}

#[test]
fn retry_after_is_what_is_known_and_five_seconds_for_a_503() {
    assert_eq!(header(&reply("login_throttled", 429, Some(17)), "Retry-After"), Some("17"));
    assert_eq!(header(&reply("login_throttled", 429, None), "Retry-After"), None);
    assert_eq!(header(&reply("login_busy", 503, Some(1)), "Retry-After"), Some("1"));
    assert_eq!(header(&reply("sms_down", 503, None), "Retry-After"), Some("5"));
    assert_eq!(header(&reply("processing_failed", 500, None), "Retry-After"), None);
}

#[test]
fn a_failure_has_the_status_and_the_sentence_of_its_code() {
    let found = Reply::from(&Failure::new(Code::CookieMissing, "jwt_access"));
    assert_eq!(found.status, 401);
    let body: Value = serde_json::from_str(&found.json()).unwrap();
    let sentence = "Cookie \"jwt_access\" cannot be empty.";
    assert_eq!(body, json!({"error": sentence, "code": "cookie_missing"}));
}

proptest! {
    #[test]
    fn the_body_is_json_with_any_letters(slug in any::<String>(), sentence in any::<String>()) {
        let refusal = Notice { slug: &slug, sentence: &sentence, status: 403, retry_after: None };
        let body: Value = serde_json::from_str(&refusal.reply().json()).unwrap();
        prop_assert_eq!(body, json!({"error": sentence, "code": slug}));
    }

    #[test]
    fn no_header_holds_what_a_project_says(slug in any::<String>(), status in 400..600_u16) {
        let found = reply(&slug, status, Some(1));
        prop_assert!(found.headers.iter().all(|(_, value)| value.is_ascii()));
    }
}
