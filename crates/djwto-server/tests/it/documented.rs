//! The tables of docs/guard-anything.md say what the program does.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use djwto_server::config::{Config, SocketMode};
use serde_json::json;
use toml::{Table, Value};

use crate::support::{Program, Project, asked, command, send};

const PAGE: &str = include_str!("../../../../docs/guard-anything.md");

/// The cells of the rows below this head, without the backquotes of the first.
fn rows(head: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = PAGE.split_once(&format!("\n{head}\n")).expect(head);
    let lines = below.lines().skip(1).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<_>> =
        lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "{head}");
    rows
}

/// The words in backquotes.
fn code(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The block of the page that begins with these lines.
fn block(fence: &str) -> &'static str {
    let (_, below) = PAGE.split_once(&format!("\n{fence}\n")).expect(fence);
    below.split_once("```").unwrap().0
}

#[test]
fn the_commands_of_the_page_work_with_its_file() {
    let mut project = Project::new();
    project.config = block("```toml title=\"/etc/djwto/djwto.toml\"").replace("/srv/portal/", "");
    project.write();
    for words in ["keys init", "check", "explain GET https://models.example.com/%61dmin/x"] {
        let output = command(&project).args(words.split(' ')).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
        if words.starts_with("explain") {
            let shown =
                format!("djwto-server --config /etc/djwto/djwto.toml {words}\n```\n\n```text");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), block(&shown));
        }
    }
}

// --- djwto.toml -----------------------------------------------------------------------------------

const KEYS: &str = "| key | type | default | meaning |";

const FULL: &str = r#"
export = "export.json"
listen = ["127.0.0.1:0"]
portal = "https://portal.example.org"
[[peers]]
address = "127.0.0.1"
proxy = "nginx"
[assertions]
issuer = "https://portal.example.org"
keys = "keys.json"
[hosts.name]
rules = [{ path = "/*", allow = "login" }]
[log]
[limits]
[tls]
certificate = "one.crt"
key = "one.key"
"#;

fn parse(table: &Table) -> Result<Config, String> {
    let text = toml::to_string(table).unwrap();
    Config::parse(Path::new("djwto.toml"), &text, |_| None).map_err(|error| error.to_string())
}

/// Splits a key of the page into that of its table and its own.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// The full file with a change in the table of this key.
fn changed(table: &str, change: impl FnOnce(&mut Table)) -> Table {
    let mut full: Table = toml::from_str(FULL).unwrap();
    let mut at = &mut full;
    for part in table.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[]").trim_matches('"');
        at = match at.get_mut(name).expect(table) {
            Value::Array(list) => list[0].as_table_mut().unwrap(),
            found => found.as_table_mut().unwrap(),
        };
    }
    change(at);
    full
}

fn with(key: &str, value: Value) -> Result<Config, String> {
    let (table, name) = split(key);
    parse(&changed(table, |table| drop(table.insert(name.to_owned(), value))))
}

#[test]
fn the_keys_of_djwto_toml_are_those_of_the_page() {
    let found: Vec<_> = rows(KEYS).iter().map(|row| row[0].trim_matches('`')).collect();
    let tables: BTreeSet<_> = found.iter().map(|key| split(key).0).collect();
    for table in &tables {
        let unknown = changed(table, |table| drop(table.insert("unknown".to_owned(), 1.into())));
        let error = parse(&unknown).unwrap_err();
        let (_, expected) = error.split_once("expected").expect(&error);
        let named = found.iter().copied().chain(tables.iter().copied().filter(|t| !t.is_empty()));
        let named = named.filter_map(|key| {
            let (of, name) = split(key);
            (of == *table).then(|| name.trim_end_matches("[]").to_owned())
        });
        let mut named: BTreeSet<_> = named.collect();
        if table.is_empty() {
            // Its tables have names of hosts.
            named.insert("hosts".to_owned());
        }
        assert_eq!(named, code(expected), "[{table}]");
    }
}

#[test]
fn the_types_of_djwto_toml_are_those_of_the_page() {
    for row in rows(KEYS) {
        let (key, kind) = (row[0].trim_matches('`'), row[1]);
        let error = with(key, true.into()).unwrap_err();
        match kind {
            "path" => assert!(error.contains("expected path string"), "{key}: {error}"),
            "text" => assert!(error.contains("expected a string"), "{key}: {error}"),
            "list" => assert!(error.contains("expected a sequence"), "{key}: {error}"),
            "whole number" => assert!(error.contains("expected usize"), "{key}: {error}"),
            "number" => assert!(error.contains("expected f64"), "{key}: {error}"),
            words => {
                let error = with(key, "unknown".into()).unwrap_err();
                let (_, expected) = error.split_once("expected").expect(&error);
                assert_eq!(code(words), code(expected), "{key}");
            }
        }
    }
}

#[test]
fn the_defaults_of_djwto_toml_are_those_of_the_page() {
    for row in rows(KEYS) {
        let (key, default) = (row[0].trim_matches('`'), row[2]);
        let (table, name) = split(key);
        let without = parse(&changed(table, |table| drop(table.remove(name))));
        if default == "needed" {
            let error = without.unwrap_err();
            assert!(error.contains(&format!("missing field `{name}`")), "{key}: {error}");
            continue;
        }
        let config = without.unwrap_or_else(|error| panic!("{key}: {error}"));
        let host = &config.hosts["name"];
        let (limits, log) = (&config.limits, &config.log);
        let found = match name {
            "database" | "database_env" => config.database.as_ref().map(|_| String::new()),
            "keys_ca" => config.keys_ca.as_ref().map(|_| String::new()),
            "portal" => config.portal.clone(),
            "socket_mode" => Some(format!("{:o}", SocketMode::default().bits())),
            "methods" => host.rules[0].methods.as_ref().map(|found| format!("{found:?}")),
            "allow" => host.rules[0].allow.map(|found| format!("{found:?}")),
            "permissions" => host.rules[0].permissions.as_ref().map(|found| format!("{found:?}")),
            "audience" => host.audience.clone(),
            "tenant" => host.tenant.clone(),
            "csrf" => Some(format!("{:?}", host.csrf).to_lowercase()),
            "origins" => Some(format!("{:?}", host.origins)),
            "format" => Some(format!("{:?}", log.format).to_lowercase()),
            "level" => Some(log.level.clone()),
            "header_bytes" => Some(limits.header_bytes.to_string()),
            "request_seconds" => Some(limits.request.as_secs_f64().to_string()),
            "idle_seconds" => Some(limits.idle.as_secs_f64().to_string()),
            "drain_seconds" => Some(limits.drain.as_secs_f64().to_string()),
            _ => panic!("{key}: what is its default?"),
        };
        // A default in words means that there is no value.
        let written = default.starts_with('`').then(|| default.trim_matches('`').to_owned());
        assert_eq!(written, found, "{key}");
    }
}

// --- what the program sends -------------------------------------------------------------------------

#[test]
fn the_metrics_are_those_of_the_page() {
    let project = Project::new();
    let program = Program::start(&project);
    let page = send(program.address, "GET", "/metrics", &[]).body;
    let kinds = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let found: BTreeSet<_> = kinds
        .map(|(name, kind)| {
            let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            let samples = page.lines().filter_map(|line| line.strip_prefix(&name));
            let labels = samples.filter_map(|rest| rest.strip_prefix('{')?.split_once('='));
            let labels: BTreeSet<_> = labels.map(|(label, _)| label).collect();
            let labels: Vec<_> = labels.into_iter().collect();
            (name, kind.to_owned(), labels.join(", "))
        })
        .collect();
    let rows = rows("| metric | type | labels | meaning |");
    let named = rows.iter().map(|row| {
        let [name, labels] = [row[0], row[2]].map(|cell| cell.replace('`', ""));
        (name, row[1].to_owned(), labels)
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), found);
}

#[test]
fn a_service_gets_the_headers_and_claims_of_the_page() {
    let project = Project::new();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
    let reply = send(program.address, "GET", "/auth", &headers);
    let of_http = ["cache-control", "content-length", "date"];
    let sent = reply.headers.iter().map(|(name, _)| name.clone());
    let sent: BTreeSet<_> = sent.filter(|name| !of_http.contains(&name.as_str())).collect();
    let named = rows("| header | value |");
    let named = named.iter().flat_map(|row| code(&row[0].to_lowercase()));
    assert_eq!(named.collect::<BTreeSet<_>>(), sent);

    let assertion = reply.header("x-djwto-assertion").unwrap();
    let parts = assertion.split('.').take(2).map(|part| BASE64_URL_SAFE_NO_PAD.decode(part));
    let parts: Vec<Table> =
        parts.map(|part| serde_json::from_slice(&part.unwrap()).unwrap()).collect();
    let named = rows("| claim | value |");
    let named = named.iter().flat_map(|row| code(row[0]));
    assert_eq!(named.collect::<BTreeSet<_>>(), parts[1].keys().cloned().collect());
    assert!(PAGE.contains(&format!("`typ` = `{}`", parts[0]["typ"].as_str().unwrap())));
}
