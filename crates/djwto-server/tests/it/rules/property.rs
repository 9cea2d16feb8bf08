//! Any rules and any path: the same answer as the slow second opinion.

use std::collections::BTreeSet;

use djwto_server::rules::{
    Allow, HostSettings, Hosts, HostsSettings, Method, Readings, RuleSettings,
};
use proptest::prelude::*;

use super::oracle;
use super::support::{HOST, answer, host};

const PARTS: &[&str] = &[
    "/",
    "/",
    "/",
    "//",
    "a",
    "b",
    "admin",
    "Admin",
    "public",
    "x.js",
    ".",
    "..",
    "/../",
    "/./",
    "...",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    ";",
    ";x=1",
    "..;",
    "%3b",
    "%3B",
    "%3f",
    "%23",
    "%25",
    "%2561",
    "%25c3%25bc",
    "%252e",
    "%2525",
    "%25252e",
    "%25%32%35",
    "2e",
    "%25%25361",
    "%25%25",
    "%61",
    "%41",
    "%c3%bc",
    "ü",
    "Ü",
    "%c3",
    "%20",
    "%00",
    "%",
    "%zz",
    "?",
    "?q=/../",
    "#",
    " ",
    "\\",
    "~",
    "@",
    "*",
    "ａ",
    "．",
    "／",
    "％",
    "２ｆ",
    "‥",
    "＼",
    "\u{2215}",
    "\u{212a}",
    "ı",
    "ß",
    "ẞ",
    "%c2%85",
    "\u{7f}",
];

const PATTERNS: &[&str] = &[
    "/",
    "/*",
    "/a",
    "/a/",
    "/a/*",
    "/a/b",
    "/A/*",
    "/b/*",
    "/admin",
    "/admin/*",
    "/Admin/*",
    "/admin/a/*",
    "/public/*",
    "/public/a",
    "/ü/*",
    "/Ü",
    "/ß",
    "/i/*",
    "/k",
    "/x.js",
    "/a b",
    "/~",
];

const METHODS: &[&[&str]] = &[&[], &[], &["GET"], &["POST", "PUT"], &["HEAD"]];

fn rules() -> impl Strategy<Value = Vec<oracle::Rule>> {
    let rule = (
        prop::sample::select(PATTERNS),
        prop::sample::select(METHODS),
        prop::sample::select(&["public", "login", "app.a", "app.b"][..]),
    );
    prop::collection::vec(rule, 1..7).prop_map(|rules| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let rule = |(pattern, methods, needs): (&str, &[&str], &str)| oracle::Rule {
            pattern: pattern.to_owned(),
            methods: owned(methods),
            needs: needs.to_owned(),
        };
        rules.into_iter().map(rule).collect()
    })
}

fn uris() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::collection::vec(prop::sample::select(PARTS), 0..8);
    let built = parts.prop_map(|parts| format!("/{}", parts.concat()).into_bytes());
    prop_oneof![9 => built, 1 => prop::collection::vec(any::<u8>(), 0..12)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn the_second_opinion_agrees(rules in rules(), uris in prop::collection::vec(uris(), 8)) {
        let (rules, hosts) = compiled(rules);
        for uri in uris {
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                let expected = oracle::decide(&rules, method, &uri);
                let found = answer(host(&hosts), method, &uri);
                prop_assert_eq!(found, expected, "{} {} {:?}", method, uri.escape_ascii(), rules);
            }
            let get = Method::parse(b"GET").unwrap();
            let explained = host(&hosts).explain(get, &uri).answer;
            prop_assert_eq!(explained, host(&hosts).decide(get, &uri).cloned());
        }
    }

    #[test]
    fn readings_are_those_of_the_second_opinion(uri in uris()) {
        let found = Readings::of(&uri).ok().map(|readings| {
            readings.iter().map(|reading| reading.text().to_owned()).collect::<BTreeSet<_>>()
        });
        prop_assert_eq!(found, oracle::readings(&uri), "{}", uri.escape_ascii());
    }
}

/// Without the rules that can never match, which the settings refuse.
fn compiled(mut rules: Vec<oracle::Rule>) -> (Vec<oracle::Rule>, Hosts) {
    loop {
        match Hosts::compile(settings(&rules), false) {
            Ok(hosts) => return (rules, hosts),
            Err(errors) => {
                let number = errors[0].rule.expect("the rules are at fault");
                rules.remove(number - 1);
            }
        }
    }
}

fn settings(rules: &[oracle::Rule]) -> HostsSettings {
    let rules = rules.iter().map(|rule| {
        let allow = match rule.needs.as_str() {
            "public" => Some(Allow::Public),
            "login" => Some(Allow::Login),
            _ => None,
        };
        RuleSettings {
            path: rule.pattern.clone(),
            methods: (!rule.methods.is_empty()).then(|| rule.methods.clone()),
            allow,
            permissions: allow.is_none().then(|| vec![rule.needs.clone()]),
        }
    });
    let host = HostSettings {
        tenant: None,
        audience: None,
        csrf: djwto_server::rules::CsrfMode::default(),
        origins: Vec::new(),
        rules: rules.collect(),
    };
    HostsSettings::from([(HOST.to_owned(), host)])
}
