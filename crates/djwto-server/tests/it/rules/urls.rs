//! Paths of real programs pass.

use super::support::{answer, host, hosts};

#[test]
fn paths_of_real_programs_have_one_answer() {
    let one = hosts(r#"{ path = "/*", allow = "login" }"#);
    // As a person would write them, with paths that are open to all or guarded better.
    let several = hosts(
        r#"
        { path = "/-/health", allow = "public" },
        { path = "/assets/*", allow = "public" },
        { path = "/static/*", allow = "public" },
        { path = "/admin/*", permissions = ["portal.administer"] },
        { path = "/api/v4/admin/*", permissions = ["portal.administer"] },
        { path = "/api/admin/*", permissions = ["portal.administer"] },
        { path = "/*", allow = "login" },
        "#,
    );
    let urls = include_str!("urls.txt").lines().filter(|line| line.starts_with('/'));
    let mut count = 0;
    for url in urls {
        count += 1;
        assert_eq!(answer(host(&one), "GET", url), "login", "{url}");
        let found = answer(host(&several), "GET", url);
        assert!(matches!(found.as_str(), "login" | "public"), "{url}: {found}");
    }
    assert!(count > 90, "{count}");
}
