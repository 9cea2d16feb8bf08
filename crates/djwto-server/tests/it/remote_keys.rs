//! Keys by URL: fetched at the start, again for an unknown key, and kept when a fetch fails.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use djwto_core::key::published::{FETCH_SECONDS, MAX_BYTES};
use djwto_core::{Algorithm, Key};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::support::{Client, Program, Project, Reply, asked, command, send, until};

const CERTIFICATE: &str = include_str!("certificates/localhost.crt");
const KEY: &str = include_str!("certificates/localhost.key");
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/certificates/authority.crt");
const OTHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/certificates/one.crt");

/// A server with one document.
struct Source {
    address: SocketAddr,
    is_https: bool,
    /// What it answers; empty: nothing, and the connection stays open.
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Source {
    fn new(is_https: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let source = Self {
            address: listener.local_addr().unwrap(),
            is_https,
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let (answer, asked) = (Arc::clone(&source.answer), Arc::clone(&source.asked));
        let tls = is_https.then(tls);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, tls) = (Arc::clone(&answer), tls.clone());
                let asked = Arc::clone(&asked);
                thread::spawn(move || match tls {
                    Some(tls) => {
                        let session = ServerConnection::new(tls).unwrap();
                        serve(StreamOwned::new(session, stream.unwrap()), &answer, &asked);
                    }
                    None => serve(stream.unwrap(), &answer, &asked),
                });
            }
        });
        source
    }

    fn url(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://localhost:{}/keys?a=1", self.address.port())
    }

    fn answer(&self, status: &str, headers: &str, body: &str) {
        let length = if headers.contains("Content-Length") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n{body}");
    }

    /// Answers with a set of these keys.
    fn publish(&self, keys: &[&Value]) {
        self.answer(
            "200 OK",
            "Cache-Control: max-age=600\r\n",
            &json!({ "keys": keys }).to_string(),
        );
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn tls() -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn serve(mut stream: impl Read + Write, answer: &Mutex<String>, asked: &AtomicUsize) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        // A client that does not trust the certificate goes away.
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return;
        }
        request.extend(byte);
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("GET /keys?a=1 HTTP/1.1\r\nhost: localhost:"), "{request}");
    asked.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().unwrap().clone();
    if answer.is_empty() {
        let _ = stream.read(&mut byte);
    }
    // The client may have read enough, and be gone.
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
}

/// A project whose keys are at the source.
fn project(source: &Source, authority: &str) -> (Project, Value) {
    let mut project = Project::new();
    let key = project.export["keys"]["jwks"]["keys"][0].clone();
    project.export["keys"] = json!({"url": source.url()});
    project.config = format!("keys_ca = \"{authority}\"\n{}", project.config);
    project.write();
    (project, key)
}

fn get(program: &Program, path: &str) -> Reply {
    send(program.address, "GET", path, &[])
}

/// The code of a refusal; empty, if the request may pass.
fn ask(program: &Program, token: &str) -> String {
    let bearer = format!("Bearer {token}");
    let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
    let reply = send(program.address, "GET", "/auth", &headers);
    reply.header("x-djwto-code").unwrap_or_default().to_owned()
}

fn is_ready(program: &Program) -> bool {
    get(program, "/readyz").status == 200
}

fn fetches(program: &Program, result: &str) -> usize {
    let page = get(program, "/metrics").body;
    let name = format!("djwto_key_fetches_total{{result=\"{result}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[test]
fn a_flood_of_unknown_keys_is_one_fetch_which_brings_new_keys_and_drops_old_ones() {
    let source = Source::new(true);
    let (project, key) = project(&source, AUTHORITY);
    source.publish(&[&key]);
    let program = Program::start(&project);
    until(|| is_ready(&program));
    let token = project.access(&json!({}));
    assert_eq!(ask(&program, &token), "");
    assert!(get(&program, "/.well-known/jwks.json").body.contains(key["kid"].as_str().unwrap()));

    let other = Project::new();
    let new = other.access(&json!({}));
    source.publish(&[&other.export["keys"]["jwks"]["keys"][0]]);
    until(|| match ask(&program, &new).as_str() {
        "key_unknown" => false,
        code => {
            assert_eq!(code, "");
            true
        }
    });
    assert_eq!(source.asked(), 2);
    assert_eq!((fetches(&program, "succeeded"), fetches(&program, "failed")), (2, 0));
    assert_eq!(ask(&program, &token), "key_unknown");
    assert!(get(&program, "/metrics").body.contains("\ndjwto_keys 1\n"));
}

#[test]
fn a_failed_fetch_keeps_the_last_good_keys() {
    let source = Source::new(true);
    let (project, key) = project(&source, AUTHORITY);
    source.publish(&[&key]);
    let mut program = Program::start(&project);
    until(|| is_ready(&program));
    let token = project.access(&json!({}));

    let secret = Key::generate(Algorithm::Es256).unwrap();
    let private: Value = serde_json::from_str(&secret.to_jwk().unwrap()).unwrap();
    let hmac = json!({"kty": "oct", "alg": "HS256", "k": "AAAA"});
    let set = |keys: &[&Value]| json!({ "keys": keys }).to_string();
    let (good, large) = (set(&[&key]), format!("{}{}", " ".repeat(MAX_BYTES), set(&[&key])));
    let redirect = format!("Location: {}\r\n", source.url());
    let answers: [(&str, &str, &str, &str); 9] = [
        ("302 Found", &redirect, &good, "expected the status 200, found 302"),
        ("404 Not Found", "", &good, "expected the status 200, found 404"),
        ("200 OK", "", &large, "expected at most 65536 bytes"),
        ("200 OK", "Content-Length: 9999\r\n", &good, ""),
        ("200 OK", "", &set(&[&key, &private]), "expected only public keys"),
        ("200 OK", "", &set(&[&key, &hmac]), "expected only public keys"),
        ("200 OK", "", &set(&[&json!({"kty": "new"})]), "keys that can be used, found none"),
        ("200 OK", "", &set(&[]), "keys that can be used, found none"),
        ("200 OK", "", "<html>", "expected a JWK Set"),
    ];
    for (number, (status, headers, body, reason)) in answers.into_iter().enumerate() {
        source.answer(status, headers, body);
        program.signal("HUP");
        until(|| fetches(&program, "failed") == number + 1);
        assert_eq!(ask(&program, &token), "", "{reason}");
        let output = command(&project).arg("check").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("export.json: keys.url: ") && said.contains(reason), "{said}");
    }
    source.publish(&[&key]);
    program.signal("HUP");
    program.wait_for("it answers again");
    // A failure is said once.
    let said = program.log.iter().filter(|line| line.contains("The keys before stay in use"));
    assert_eq!(said.count(), 1, "{:#?}", program.log);
    assert!(is_ready(&program));
    let output = command(&project).arg("check").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(" keys 1,"));
}

#[test]
fn without_keys_the_server_is_not_ready_and_refuses_tokens() {
    let source = Source::new(true);
    let (mut project, key) = project(&source, OTHER);
    source.publish(&[&key]);
    let mut program = Program::start(&project);
    let line = program.wait_for("no connection by TLS");
    assert!(line.contains("UnknownIssuer"), "{line}");
    until(|| get(&program, "/metrics").body.contains("djwto_ended_sessions_fresh 1"));
    let token = project.access(&json!({}));
    assert_eq!(ask(&program, &token), "store_unavailable");
    for path in ["/readyz", "/.well-known/jwks.json"] {
        assert_eq!(get(&program, path).status, 503, "{path}");
    }
    assert_eq!(get(&program, "/healthz").status, 200);
    let code = |uri| send(program.address, "GET", "/auth", &asked("GET", uri, &[]));
    assert_eq!(code("/static/x").status, 200);
    assert_eq!(code("/api/x").header("x-djwto-code"), Some("cookie_missing"));
    assert_eq!(source.asked(), 0);

    project.config = project.config.replace(OTHER, AUTHORITY);
    project.write();
    until(|| is_ready(&program));
    assert_eq!(ask(&program, &token), "");
}

#[test]
fn a_request_waits_for_the_fetch_and_not_too_long() {
    let source = Source::new(false);
    let (mut project, key) = project(&source, AUTHORITY);
    project.config += "[limits]\nrequest_seconds = 60\n";
    project.write();
    let mut program = Program::start(&project);
    let token = project.access(&json!({}));
    until(|| source.asked() > 0);
    let begun = Instant::now();
    assert_eq!(ask(&program, &token), "store_unavailable");
    assert!(begun.elapsed() < Duration::from_secs_f64(FETCH_SECONDS));
    program.wait_for("no answer within 5 seconds");
    source.publish(&[&key]);
    until(|| is_ready(&program));
    assert_eq!(ask(&program, &token), "");
    // What is kept of a token that was good says nothing of one that is not.
    assert_eq!(ask(&program, &Project::new().access(&json!({}))), "key_unknown");
}

#[test]
fn validate_access_waits_for_a_new_key() {
    let source = Source::new(false);
    let (mut project, key) = project(&source, AUTHORITY);
    project.config += "[limits]\nrequest_seconds = 60\n";
    project.write();
    let program = Program::start(&project);
    let validate = |token: &str| {
        let bearer = format!("Bearer {token}");
        let passed_on = [
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "portal.example.org"),
            ("Authorization", bearer.as_str()),
        ];
        let reply = Client::connect(program.address).post("/validate_access/", &passed_on, b"");
        if reply.status == 200 { String::new() } else { reply.code() }
    };
    let (token, other) = (project.access(&json!({})), Project::new());
    until(|| source.asked() > 0);
    assert_eq!(validate(&token), "store_unavailable");
    source.publish(&[&key]);
    until(|| is_ready(&program));
    assert_eq!(validate(&token), "");
    let new = other.access(&json!({}));
    assert_eq!(validate(&new), "key_unknown");
    source.publish(&[&key, &other.export["keys"]["jwks"]["keys"][0]]);
    until(|| match validate(&new).as_str() {
        "key_unknown" => false,
        code => {
            assert_eq!(code, "");
            true
        }
    });
    assert_eq!(validate(&token), "");
}

#[test]
fn an_export_may_change_from_keys_to_a_url_and_back() {
    let source = Source::new(false);
    let (mut project, key) = project(&source, AUTHORITY);
    source.publish(&[&key]);
    let token = project.access(&json!({}));
    let by_url = project.export["keys"].clone();
    project.export["keys"] = json!({"jwks": {"keys": [key]}});
    project.write();
    let mut program = Program::start(&project);
    until(|| is_ready(&program));
    assert_eq!((ask(&program, &token), source.asked()), (String::new(), 0));
    project.export["keys"] = by_url;
    project.write();
    program.wait_for("read changed files");
    // The first request waits for the fetch.
    assert_eq!((ask(&program, &token), source.asked()), (String::new(), 1));
    // A change of another file keeps what was fetched.
    source.answer("404 Not Found", "", "");
    project.config += "\n";
    project.write();
    program.wait_for("read changed files");
    assert_eq!((ask(&program, &token), source.asked()), (String::new(), 1));
    project.export["keys"] = json!({"jwks": {"keys": [key]}});
    project.write();
    program.wait_for("read changed files");
    assert_eq!((ask(&program, &token), source.asked()), (String::new(), 1));
}
