//! The cases of `vectors/`: the verdicts that `tests/test_vectors.py` gives.

use std::time::Duration;

use crate::support::{at, engine_with, forge, keys, transport, verified};
use djwto_core::http::csrf::{self, Csrf, TokenNames};
use djwto_core::http::origin::{Provenance, TrustedOrigins};
use djwto_core::policy::{Audience, Subject};
use djwto_core::{Algorithm, Kind, Mode, Policy, PolicyOptions, Wanted};
use serde_json::{Value, json};

#[test]
fn verify() {
    let file = read("verify.json");
    let mut wrong = Vec::new();
    for case in cases(&file) {
        let expected = text(case, "expect").unwrap();
        let found = verdict(case, &file);
        if found != expected {
            wrong.push(format!("{}: expected {expected}, found {found}", name(case)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn transports() {
    let mut wrong = Vec::new();
    for case in cases(&read("transport.json")) {
        let modes: Vec<_> = case["modes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mode| Mode::from_name(mode.as_str().unwrap()).unwrap())
            .collect();
        let transport = transport(&modes);
        let (authorization, cookie) = (latin_1(case, "authorization"), latin_1(case, "cookie"));
        let kind = text(case, "kind").map_or(Kind::Access, |name| Kind::from_name(name).unwrap());
        let found = match transport.read(authorization.as_deref(), cookie.as_deref(), kind) {
            Ok(found) => json!({
                "mode": found.mode.name(),
                "token": found.token.iter().copied().map(char::from).collect::<String>(),
            }),
            Err(error) => json!(error.code().slug()),
        };
        if found != case["expect"] {
            wrong.push(format!("{}: expected {}, found {found}", name(case), case["expect"]));
        }
        let mode = transport.answering_mode(authorization.as_deref(), cookie.as_deref()).name();
        if text(case, "answers_in").is_some_and(|wanted| wanted != mode) {
            wrong.push(format!("{}: answers in {mode}", name(case)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn origins() {
    let file = read("origins.json");
    let mut wrong = Vec::new();
    for case in cases(&file) {
        let host = text(case, "host").or_else(|| text(&file, "host")).unwrap();
        let scheme = if case.get("secure") == Some(&json!(false)) { "http" } else { "https" };
        let own = format!("{scheme}://{host}");
        let own = (case.get("refused") != Some(&json!(true))).then_some(own.as_str());
        let listed = case.get("trusted").and_then(Value::as_array).into_iter().flatten();
        let trusted = TrustedOrigins::new(listed.map(|one| one.as_str().unwrap().to_owned()));
        let origin = text(case, "origin");
        let provenance = Provenance {
            origin,
            is_trusted: origin.is_some_and(|origin| trusted.trusts(origin, own)),
            fetch_site: text(case, "fetch_site"),
        };
        let found = provenance.check_login().map_or_else(|error| error.code.slug(), |()| "ok");
        assert_eq!(provenance.is_foreign(), found != "ok");
        if Some(found) != text(case, "expect") {
            wrong.push(format!("{}: found {found}", name(case)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn csrf() {
    let file = read("csrf.json");
    let mut wrong = Vec::new();
    for case in cases(&file) {
        let word = |name, default| text(case, name).unwrap_or(default);
        let listed = case.get("trusted").and_then(Value::as_array).into_iter().flatten();
        let names = TokenNames {
            cookie: word("cookie_name", "csrftoken").to_owned(),
            header: word("header", "X-CSRFToken").to_owned(),
            domain: text(case, "domain").map(str::to_owned),
        };
        let [origin, referer, cookie, token] =
            ["origin", "referer", "cookie", "token"].map(|name| latin_1_lines(case, name));
        let [origin, referer, cookie, token] = [&origin, &referer, &cookie, &token]
            .map(|lines| lines.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let request = csrf::Request {
            method: word("method", "POST"),
            scheme: word("scheme", "https"),
            host: text(case, "host").or_else(|| text(&file, "host")).unwrap(),
            is_socket: case.get("socket") == Some(&json!(true)),
            origin: origin[..].into(),
            referer: referer[..].into(),
            cookie: cookie[..].into(),
            token: token[..].into(),
            form_token: text(case, "form"),
            ..csrf::Request::default()
        };
        let trusted =
            || TrustedOrigins::new(listed.clone().map(|one| one.as_str().unwrap().to_owned()));
        let found = |rule: Csrf| {
            rule.check(&request).map_or_else(|error| error.to_string(), |()| "ok".to_owned())
        };
        let by_token = found(Csrf::by_token(trusted(), names));
        if Some(by_token.as_str()) != text(case, "expect") {
            wrong.push(format!("{}: found {by_token}", name(case)));
        }
        // Of a socket and of a safe method, the rule by origin says the same.
        if request.is_socket || csrf::is_safe(request.method) {
            assert_eq!(found(Csrf::by_origin(trusted())), by_token, "{}", name(case));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn verdict(case: &Value, file: &Value) -> &'static str {
    let algorithm = text(case, "algorithm").or_else(|| text(file, "algorithm")).unwrap();
    let keys = keys(Algorithm::from_name(algorithm).unwrap());
    let engine = engine_with(keys, policy(case, file));
    let kind = setting(case, file, "kind").as_str().map(|kind| Kind::from_name(kind).unwrap());
    let now = at(setting(case, file, "now").as_f64().unwrap());
    let token = token(case, file);
    let wanted = Wanted::from(kind).of_tenant(text(case, "tenant"));
    match verified(&engine, token.as_bytes(), wanted, now) {
        Ok(verified) => {
            if let Some(payload) = text(case, "payload") {
                assert_eq!(verified.payload(), payload.as_bytes());
            }
            "ok"
        }
        Err(error) => error.code().slug(),
    }
}

fn token(case: &Value, file: &Value) -> String {
    if let Some(token) = text(case, "token") {
        return token.to_owned();
    }
    let header = setting(case, file, "header").as_str().unwrap();
    match text(case, "payload_hex") {
        Some(hex) => forge(header.as_bytes(), &crate::support::bytes(hex)),
        None => forge(header.as_bytes(), text(case, "payload").unwrap().as_bytes()),
    }
}

fn policy(case: &Value, file: &Value) -> Policy {
    let field = |name: &str| {
        let changed = case.get("policy").and_then(|policy| policy.get(name));
        changed.unwrap_or(&file["policy"][name]).clone()
    };
    let words = |name: &str| field(name).as_str().map(str::to_owned);
    let seconds = |name: &str| field(name).as_u64().map(Duration::from_secs);
    Policy::new(PolicyOptions {
        issuer: words("issuer"),
        subject: words("subject").map(Subject::Text),
        audience: match field("audience") {
            Value::String(one) => Some(Audience::One(one)),
            Value::Array(several) => Some(Audience::Several(
                several.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            )),
            _ => None,
        },
        issued_at: field("issued_at").as_bool().unwrap(),
        id: field("jti").as_bool().unwrap(),
        access_lifetime: seconds("access_lifetime"),
        refresh_lifetime: seconds("refresh_lifetime"),
        ..PolicyOptions::default()
    })
    .unwrap()
}

/// What the case says, else what the file says for all.
fn setting<'v>(case: &'v Value, file: &'v Value, name: &str) -> &'v Value {
    case.get(name).unwrap_or(&file[name])
}

/// A header as Python holds it: one letter for one byte.
fn latin_1(case: &Value, name: &str) -> Option<Vec<u8>> {
    text(case, name).map(bytes_of)
}

/// A header of one line or of several.
fn latin_1_lines(case: &Value, name: &str) -> Vec<Vec<u8>> {
    match case.get(name) {
        Some(Value::Array(lines)) => {
            lines.iter().map(|line| bytes_of(line.as_str().unwrap())).collect()
        }
        _ => latin_1(case, name).into_iter().collect(),
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(letter).unwrap()).collect()
}

fn text<'v>(case: &'v Value, name: &str) -> Option<&'v str> {
    case.get(name).and_then(Value::as_str)
}

fn name(case: &Value) -> &str {
    text(case, "name").unwrap()
}

fn cases(file: &Value) -> &[Value] {
    file["cases"].as_array().unwrap()
}

fn read(name: &str) -> Value {
    crate::support::json(&crate::support::vectors().join(name))
}
