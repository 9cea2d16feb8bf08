//! What `[hosts.*]` may not say, and how it is told.

use super::support::{compile, host, hosts};
use djwto_server::rules::{Hosts, HostsSettings};

#[test]
fn faults_of_a_rule_name_it_and_say_what_to_write() {
    for (rules, expected) in [
        (r#"{ path = "/x" }"#, "rule 1: has neither allow nor permissions; add allow = \"public\""),
        (
            r#"{ path = "/x", allow = "login", permissions = ["a.b"] }"#,
            "rule 1: has both allow and permissions",
        ),
        (r#"{ path = "/x", permissions = [] }"#, "rule 1: permissions is empty"),
        (
            r#"{ path = "/x", permissions = ["use"] }"#,
            "rule 1: permissions has \"use\"; write the app",
        ),
        (r#"{ path = "/x", permissions = [".use"] }"#, "rule 1: permissions has"),
        (r#"{ path = "/x", permissions = ["a."] }"#, "rule 1: permissions has"),
        (r#"{ path = "/x", permissions = ["a.b c"] }"#, "rule 1: permissions has"),
        (r#"{ path = "/x", allow = "login", methods = [] }"#, "rule 1: methods is empty"),
        (
            r#"{ path = "/x", allow = "login", methods = ["GET", "post"] }"#,
            "rule 1: methods has \"post\", but methods are case-sensitive; write \"POST\"",
        ),
        (
            r#"{ path = "/x", allow = "login", methods = ["GTE"] }"#,
            "rule 1: methods has \"GTE\", which is no method",
        ),
        (
            r#"{ path = "x", allow = "login" }"#,
            "rule 1: the path \"x\" does not begin with a slash",
        ),
        (r#"{ path = "", allow = "login" }"#, "rule 1: the path \"\" does not begin with a slash"),
        (
            r#"{ path = "*", allow = "login" }"#,
            "rule 1: the path \"*\" does not begin with a slash",
        ),
        (r#"{ path = "/x//y", allow = "login" }"#, "has two slashes in a row: write one"),
        (r#"{ path = "/x//", allow = "login" }"#, "has two slashes in a row: write one"),
        (r#"{ path = "//*", allow = "login" }"#, "has two slashes in a row: write one"),
        (r#"{ path = "/x/../y", allow = "login" }"#, "has a . or .. between slashes"),
        (r#"{ path = "/x/.", allow = "login" }"#, "has a . or .. between slashes"),
        (r#"{ path = "/./*", allow = "login" }"#, "has a . or .. between slashes"),
        (r#"{ path = "/x;y", allow = "login" }"#, "has a ';'"),
        (r#"{ path = "/x%20y", allow = "login" }"#, "has a '%'; write the letter itself"),
        (r#"{ path = "/x?y", allow = "login" }"#, "has a '?'; rules see no query"),
        (r#"{ path = "/x#y", allow = "login" }"#, "has a '#'"),
        (r#"{ path = "/x\\y", allow = "login" }"#, "has a '\\\\'"),
        (r#"{ path = "/x*", allow = "login" }"#, "has a '*'; * stands only at the end"),
        (r#"{ path = "/*/x", allow = "login" }"#, "has a '*'"),
        (r#"{ path = "/x/**", allow = "login" }"#, "has a '*'"),
        (r#"{ path = "/*/*", allow = "login" }"#, "has a '*'"),
        (r#"{ path = "/x\ty", allow = "login" }"#, "has a '\\t'"),
        (
            r#"{ path = "/ｘ", allow = "login" }"#,
            "has letters with a plainer form (NFKC): write \"/x\"",
        ),
        (r#"{ path = "/u\u0308", allow = "login" }"#, "write \"/ü\""),
    ] {
        let errors = compile(&format!("['x.org']\nrules = [{rules}]")).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let text = errors[0].to_string();
        assert!(text.starts_with("hosts.\"x.org\", rule 1: "), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_rule_that_can_never_match_is_refused() {
    let covers = |rules: &str| {
        let errors = compile(&format!("['x.org']\nrules = [{rules}]")).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (rules, expected) in [
        (r#"{ path = "/*", allow = "login" }, { path = "/x", allow = "public" }"#, "rule 1 (/*)"),
        (
            r#"{ path = "/x/*", allow = "login" }, { path = "/x", allow = "public" }"#,
            "rule 1 (/x/*)",
        ),
        (
            r#"{ path = "/x/*", allow = "login" }, { path = "/x/", allow = "public" }"#,
            "rule 1 (/x/*)",
        ),
        (r#"{ path = "/x/", allow = "login" }, { path = "/x", allow = "public" }"#, "rule 1 (/x/)"),
        (r#"{ path = "/x", allow = "login" }, { path = "/x", allow = "login" }"#, "rule 1 (/x)"),
        (
            r#"{ path = "/x/*", allow = "login" }, { path = "/x/y/*", methods = ["GET"], allow = "public" }"#,
            "rule 1 (/x/*)",
        ),
        (
            r#"{ path = "/*", methods = ["GET"], allow = "login" },
               { path = "/x", methods = ["POST"], allow = "login" },
               { path = "/x", methods = ["HEAD", "POST"], allow = "public" }"#,
            "rule 2 (/x)",
        ),
    ] {
        let errors = covers(rules);
        assert!(errors.len() == 1 && errors[0].contains("never matches"), "{rules}: {errors:?}");
        assert!(errors[0].contains(expected), "{rules}: {errors:?}");
    }
    for rules in [
        r#"{ path = "/x", allow = "login" }, { path = "/x/", allow = "login" }"#,
        r#"{ path = "/x/", allow = "login" }, { path = "/x/*", allow = "login" }"#,
        r#"{ path = "/x/*", allow = "login" }, { path = "/xy", allow = "public" }"#,
        r#"{ path = "/*", methods = ["GET"], allow = "login" }, { path = "/x", allow = "public" }"#,
        r#"{ path = "/X/*", allow = "login" }, { path = "/x/*", allow = "login" }"#,
        r#"{ path = "/", allow = "public" }, { path = "/*", allow = "login" }"#,
    ] {
        assert_eq!(covers(rules), [""; 0], "{rules}");
    }
    let errors =
        covers(r#"{ path = "/X/*", allow = "login" }, { path = "/x/*", allow = "public" }"#);
    assert!(errors[0].contains("differs from rule 1 (/X/*) in upper and lower case alone"));
}

#[test]
fn faults_of_a_host_name_it() {
    let rules = r#"rules = [{ path = "/*", allow = "login" }]"#;
    for (settings, expected) in [
        ("['x.org']\nrules = []".to_owned(), "hosts.\"x.org\": has no rules"),
        (format!("['x y']\n{rules}"), "hosts.\"x y\": is no host; write a name alone"),
        (format!("['https://x.org']\n{rules}"), "is no host"),
        (format!("['x.org/']\n{rules}"), "is no host"),
        (format!("['*.x.org']\n{rules}"), "is no host"),
        (format!("['büro.de']\n{rules}"), "write it as it is sent, in ASCII: \"xn--…\""),
        (
            format!("['x.org:443']\n{rules}"),
            "names port 443, which URLs leave out; write \"x.org\"",
        ),
        (format!("['x.org']\naudience = ''\n{rules}"), "audience is empty"),
        (format!("['x.org']\ntenant = 'a'\n{rules}"), "has a tenant, but the export has none"),
        (
            format!("['x.org']\norigins = ['x.org']\n{rules}"),
            "origins has \"x.org\", which is no origin",
        ),
        (format!("['x.org']\norigins = ['https://x.org/']\n{rules}"), "which is no origin"),
        (
            format!("['X.org']\n{rules}\n['x.org.']\n{rules}"),
            "hosts.\"x.org.\": is the same host as \"X.org\"",
        ),
    ] {
        let errors = compile(&settings).unwrap_err();
        assert!(errors.len() == 1 && errors[0].to_string().contains(expected), "{errors:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let errors = compile(
        r#"
        ["a.org"]
        audience = ""
        rules = [{ path = "/x" }, { path = "y", methods = ["get"], permissions = [] }]
        ["b org"]
        rules = []
        "#,
    )
    .unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.host.as_str(), error.rule)).collect();
    let second = ("a.org", Some(2));
    let expected = [("a.org", None), ("a.org", Some(1)), second, second, second];
    assert_eq!(places[..5], expected);
    assert_eq!(places[5..], [("b org", None), ("b org", None)]);
}

#[test]
fn a_host_has_a_tenant_where_the_export_has_some() {
    let parsed = |tenant: &str| -> HostsSettings {
        let rules = r#"rules = [{ path = "/*", allow = "login" }]"#;
        toml::from_str(&format!("['x.org']\n{tenant}\n{rules}")).unwrap()
    };
    let hosts = Hosts::compile(parsed("tenant = 'acme'"), true).unwrap();
    assert_eq!(hosts.iter().next().unwrap().tenant(), Some("acme"));
    for (tenant, expected) in [("", "tenant is missing"), ("tenant = ''", "tenant is empty")] {
        let errors = Hosts::compile(parsed(tenant), true).unwrap_err();
        assert!(errors[0].to_string().contains(expected), "{errors:?}");
    }
}

#[test]
fn unknown_members_are_errors() {
    for (settings, expected) in [
        ("['x']\nrule = []", "unknown field `rule`"),
        ("['x']\nrules = [{ path = '/', alow = 'login' }]", "unknown field `alow`"),
        ("['x']\nrules = [{ path = '/', allow = 'all' }]", "unknown variant `all`"),
        ("['x']\ncsrf = 'off'\nrules = []", "unknown variant `off`"),
        ("['x']\ncsrf = 'origin'", "missing field `rules`"),
        ("['x']\nrules = [{ allow = 'login' }]", "missing field `path`"),
    ] {
        let error = toml::from_str::<HostsSettings>(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn methods_of_webdav_are_known() {
    let hosts = hosts(r#"{ path = "/*", methods = ["PROPFIND", "REPORT"], allow = "login" }"#);
    assert_eq!(super::support::answer(host(&hosts), "PROPFIND", "/x"), "login");
    assert_eq!(super::support::answer(host(&hosts), "GET", "/x"), "rule_missing");
}
