//! Any path, under several lists of rules: the answer is that of a slow second opinion, which the
//! tests of djwto-server use too. So no reading of a path that passes needs more than it was given.
//!
//! The input's first two bytes pick rules and method.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use djwto_server::rules::{
    Access, Allow, CsrfMode, HostSettings, Hosts, HostsSettings, Method, Readings, RuleSettings,
    Scheme,
};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/djwto-server/tests/it/rules/oracle.rs"]
mod oracle;

/// Patterns, methods, and what they ask for.
const RULES: &[&[(&str, &[&str], &str)]] = &[
    &[("/public/*", &[], "public"), ("/admin/*", &[], "a.b"), ("/*", &[], "login")],
    &[("/a", &[], "public"), ("/a/", &[], "login"), ("/a/b/*", &[], "a.b")],
    &[
        ("/", &[], "public"),
        ("/a/*", &["GET"], "login"),
        ("/a/*", &[], "a.b"),
        ("/*", &[], "public"),
    ],
    &[
        ("/Admin/*", &[], "a.b"),
        ("/ü/*", &[], "login"),
        ("/k/*", &[], "a.b"),
        ("/*", &[], "public"),
    ],
    &[
        ("/a b", &[], "a.b"),
        ("/i/ß", &["HEAD"], "a.b"),
        ("/.x/*", &[], "a.b"),
        ("/*", &[], "login"),
    ],
];
const METHODS: &[&str] = &["GET", "HEAD", "POST"];
const HOST: &str = "a.example";

static HOSTS: LazyLock<Vec<(Vec<oracle::Rule>, Hosts)>> =
    LazyLock::new(|| RULES.iter().map(|rules| compiled(rules)).collect());

fuzz_target!(|input: &[u8]| {
    let [first, second, uri @ ..] = input else { return };
    let (rules, hosts) = &HOSTS[usize::from(*first) % RULES.len()];
    let method = METHODS[usize::from(*second) % METHODS.len()];

    let found = Readings::of(uri).ok().map(|readings| {
        readings.iter().map(|reading| reading.text().to_owned()).collect::<BTreeSet<_>>()
    });
    assert_eq!(found, oracle::readings(uri));

    let host = hosts.find(Scheme::Https, HOST.as_bytes()).expect("the host is known");
    let known = Method::parse(method.as_bytes()).expect("the method is known");
    let answer = match host.decide(known, uri) {
        Ok(Access::Public) => "public".to_owned(),
        Ok(Access::Login) => "login".to_owned(),
        Ok(Access::Permissions(names)) => names.join(" "),
        Err(refusal) => refusal.slug().to_owned(),
    };
    assert_eq!(answer, oracle::decide(rules, method, uri));
    let _ = host.explain(known, uri).to_string();
});

fn compiled(rules: &[(&str, &[&str], &str)]) -> (Vec<oracle::Rule>, Hosts) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let settings = rules.iter().map(|(pattern, methods, needs)| {
        let allow = match *needs {
            "public" => Some(Allow::Public),
            "login" => Some(Allow::Login),
            _ => None,
        };
        RuleSettings {
            path: (*pattern).to_owned(),
            methods: (!methods.is_empty()).then(|| owned(methods)),
            allow,
            permissions: allow.is_none().then(|| owned(&[needs])),
        }
    });
    let host = HostSettings {
        tenant: None,
        audience: None,
        csrf: CsrfMode::Origin,
        origins: Vec::new(),
        rules: settings.collect(),
    };
    let hosts = Hosts::compile(HostsSettings::from([(HOST.to_owned(), host)]), false);
    let rules = rules.iter().map(|(pattern, methods, needs)| oracle::Rule {
        pattern: (*pattern).to_owned(),
        methods: owned(methods),
        needs: (*needs).to_owned(),
    });
    (rules.collect(), hosts.expect("the rules are good"))
}
