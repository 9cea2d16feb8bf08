//! Logins that a page of another site has sent. `vectors/origins.json` has the verdicts.

use djwto_core::Code;
use djwto_core::error::Failure;
use djwto_core::http::origin::{Provenance, TrustedOrigins};
use proptest::prelude::*;

fn refused(origin: Option<&str>) -> Failure {
    let fetch_site = Some("cross-site");
    Provenance { origin, is_trusted: false, fetch_site }.check_login().unwrap_err()
}

#[test]
fn a_refusal_says_what_the_browser_has_said() {
    for (origin, sentence) in [
        (None, "Login from another site is refused: the browser calls it cross-site"),
        (
            Some("https://evil.example"),
            "Login from another site is refused: its origin is 'https://evil.example'",
        ),
        (Some(""), "Login from another site is refused: its origin is ''"),
    ] {
        let failure = refused(origin);
        assert_eq!((failure.code, failure.to_string().as_str()), (Code::OriginRefused, sentence));
    }
}

proptest! {
    #[test]
    fn a_refusal_is_one_short_line(origin in any::<String>()) {
        let sentence = refused(Some(&origin.repeat(100))).to_string();
        prop_assert!(!sentence.chars().any(char::is_control));
        prop_assert!(sentence.chars().count() < 2200);
    }

    #[test]
    fn without_a_star_an_origin_is_trusted_letter_by_letter(origin in any::<String>(), own in any::<String>()) {
        let trusted = TrustedOrigins::new(["https://app.example".to_owned()]);
        let is_trusted = trusted.trusts(&origin, Some(&own));
        prop_assert_eq!(is_trusted, origin == own || origin == "https://app.example");
        prop_assert!(trusted.trusts(&own, Some(&own)));
    }

    #[test]
    fn a_star_trusts_no_host_that_is_not_in_the_domain(host in "[a-z.@:\\[\\]/?#-]{0,20}") {
        let trusted = TrustedOrigins::new(["https://*.example.com".to_owned()]);
        for origin in [format!("https://{host}/.example.com"), format!("https://{host}.evil.example")] {
            prop_assert!(!trusted.trusts(&origin, None) || host.ends_with(".example.com"), "{origin}");
        }
    }
}
