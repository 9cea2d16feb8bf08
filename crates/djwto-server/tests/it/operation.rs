//! Start, reload, stop, bounds, logs: what an operator sees.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use base64::Engine as _;
use djwto_core::{Algorithm, Key};
use serde_json::json;

use crate::support::{Client, Program, Project, asked, command, send, until};

#[test]
fn changed_files_are_read_and_a_bad_one_keeps_the_last_good() {
    let mut project = Project::new();
    let mut program = Program::start(&project);
    let ask = |program: &Program| {
        let reply = send(program.address, "GET", "/auth", &asked("GET", "/new/x", &[]));
        reply.header("x-djwto-code").unwrap_or_default().to_owned()
    };
    assert_eq!(ask(&program), "cookie_missing");

    let good = project.config.clone();
    project.config = good.replace("/static/*", "/new/*");
    project.write();
    program.wait_for("read changed files");
    assert_eq!(ask(&program), "");

    project.config = good.replace("allow = \"public\"", "allow = \"geheim\"");
    project.write();
    let line = program.wait_for("kept the settings before");
    assert!(line.contains("unknown variant `geheim`") && line.contains("djwto.toml:"), "{line}");
    assert_eq!(ask(&program), "");

    // What only a restart can change waits for it, and the rules do not.
    project.config = good.replace("127.0.0.1:0", "127.0.0.1:1");
    project.write();
    assert!(program.wait_for("applied the rest").contains("Restart the server"));
    assert_eq!(ask(&program), "cookie_missing");
    let page = send(program.address, "GET", "/metrics", &[]).body;
    assert!(page.contains("djwto_restart_needed 1"), "{page}");

    project.config = good;
    project.write();
    program.wait_for("read changed files");
    assert_eq!(ask(&program), "cookie_missing");
    program.signal("HUP");
    program.wait_for("read changed files");

    let public = send(program.address, "GET", "/.well-known/djwto-assertions.json", &[]).body;
    project.write_key("keys.json", &Key::generate(Algorithm::EdDsa).unwrap());
    program.wait_for("read changed files");
    let reply = send(program.address, "GET", "/.well-known/djwto-assertions.json", &[]);
    assert_ne!(reply.body, public);
}

#[test]
fn a_new_key_of_django_is_known_after_a_reload_and_ended_sessions_stay() {
    let mut project = Project::new();
    let mut program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    project.end_session();
    let ask = |program: &Program| {
        let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
        send(program.address, "GET", "/auth", &headers).header("x-djwto-code").map(str::to_owned)
    };
    until(|| ask(&program).as_deref() == Some("token_blacklisted"));
    project.export["fingerprint"] = json!("sha256:01");
    project.write();
    assert!(program.wait_for("read changed files").contains("sha256:01"));
    let page = send(program.address, "GET", "/metrics", &[]).body;
    let lines: Vec<_> = page.lines().filter(|line| line.starts_with("djwto_export_info")).collect();
    assert_eq!(lines, ["djwto_export_info{fingerprint=\"sha256:01\"} 1"]);
    assert_eq!(ask(&program).as_deref(), Some("token_blacklisted"));
    let other = Key::generate(Algorithm::Es256).unwrap().to_public_jwk().unwrap();
    let other: serde_json::Value = serde_json::from_str(&other).unwrap();
    project.export["keys"] = json!({"jwks": {"keys": [other]}});
    project.write();
    program.wait_for("read changed files");
    assert_eq!(ask(&program).as_deref(), Some("key_unknown"));
}

#[test]
fn ended_sessions_count_from_the_reload_on_that_says_so() {
    let off = json!({"interval": null, "max_age": null});
    let on = json!({"interval": 0.1, "max_age": 60.0});
    let without = |config: &str| config.replace("database = \"sqlite:db.sqlite3\"\n", "");
    for has_database in [true, false] {
        let mut project = Project::new();
        let config = project.config.clone();
        project.export["revocation"] = off.clone();
        if !has_database {
            project.config = without(&config);
        }
        project.write();
        let mut program = Program::start(&project);
        let bearer = format!("Bearer {}", project.access(&json!({})));
        project.end_session();
        let ask = |program: &Program| {
            let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
            let reply = send(program.address, "GET", "/auth", &headers);
            reply.header("x-djwto-code").map(str::to_owned)
        };
        assert_eq!(ask(&program), None);

        project.export["revocation"] = on.clone();
        project.config = config.clone();
        project.write();
        program.wait_for("read changed files");
        // Not one request passes before the first look.
        assert_eq!(ask(&program).as_deref(), Some("token_blacklisted"), "{has_database}");
        let page = send(program.address, "GET", "/metrics", &[]).body;
        assert!(page.contains("djwto_restart_needed 0"), "{page}");

        // What is less strict waits for a restart.
        for less in [&off, &json!({"interval": 5.0, "max_age": 60.0})] {
            project.export["revocation"] = less.clone();
            project.write();
            assert!(program.wait_for("applied the rest").contains("revocation: it has changed"));
            assert_eq!(ask(&program).as_deref(), Some("token_blacklisted"));
            project.export["revocation"] = on.clone();
            project.write();
            program.wait_for("read changed files");
        }
    }
}

#[test]
fn a_file_that_others_may_change_is_refused_at_the_start_and_later() {
    for name in ["djwto.toml", "export.json"] {
        let project = Project::new();
        let mut program = Program::start(&project);
        let path = project.path(name);
        for mode in [0o620, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let expected = format!("found mode {mode:o}: what stands in it decides who may pass");
            for arguments in ["check", "serve"] {
                let output = command(&project).arg(arguments).output().unwrap();
                let text = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(1), "{text}");
                assert!(text.contains(&expected), "{text}");
                assert!(text.contains(&format!("Run: chmod go-w {}", path.display())), "{text}");
            }
            let line = program.wait_for("kept the settings before");
            assert!(line.contains(&expected), "{line}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            program.wait_for("read changed files");
        }
    }
}

#[test]
fn a_stop_ends_idle_connections_and_the_program() {
    for name in ["TERM", "INT"] {
        let project = Project::new();
        let program = Program::start(&project);
        let mut client = Client::connect(program.address);
        assert_eq!(client.send("GET", "/healthz", &[]).status, 200);
        program.signal(name);
        assert!(client.is_closed());
        let address = program.address;
        let (code, log) = program.end();
        assert_eq!(code, Some(0));
        assert!(log.iter().any(|line| line.contains("stopped")), "{log:?}");
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_stop_waits_for_a_request_that_is_under_way() {
    let mut project = Project::new();
    project.config += "[limits]\ndrain_seconds = 20\n";
    project.write();
    let mut program = Program::start(&project);
    let mut client = Client::connect(program.address);
    client.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    // The answer to another request says that the first lines have come.
    assert_eq!(send(program.address, "GET", "/healthz", &[]).status, 200);
    program.signal("TERM");
    program.wait_for("stopping");
    client.write(b"\r\n");
    assert_eq!(client.read(false).status, 200);
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_stop_does_not_wait_for_a_connection_without_a_request() {
    let mut project = Project::new();
    project.config += "[limits]\ndrain_seconds = 3600\n";
    project.write();
    let program = Program::start(&project);
    let mut client = Client::connect(program.address);
    client.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    let silent = Client::connect(program.address);
    assert_eq!(send(program.address, "GET", "/healthz", &[]).status, 200);
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
    drop(silent);
}

#[test]
fn a_stop_waits_no_longer_than_its_limit() {
    let mut project = Project::new();
    project.config += "[limits]\ndrain_seconds = 0.5\nrequest_seconds = 3600\n";
    project.write();
    let mut program = Program::start(&project);
    let mut client = Client::connect(program.address);
    let passed_on = "X-Forwarded-Proto: https\r\nX-Forwarded-Host: portal.example.org\r\n";
    let head = format!("POST /validate_access/ HTTP/1.1\r\nHost: x\r\n{passed_on}");
    client.write(format!("{head}Content-Length: 5\r\n\r\n").as_bytes());
    let under_way = "\ndjwto_requests_under_way 2\n";
    until(|| send(program.address, "GET", "/metrics", &[]).body.contains(under_way));
    program.signal("TERM");
    program.wait_for("some requests were not answered within 0.5 seconds");
    assert_eq!(program.end().0, Some(0));
    assert!(client.is_closed());
}

#[test]
fn a_slow_client_that_is_not_listed_is_dropped_sooner() {
    let mut project = Project::new();
    project.config = project.config.replace("\"127.0.0.1\"\nproxy", "\"127.0.0.2\"\nproxy");
    project.config += "[limits]\nidle_seconds = 3600\n";
    project.write();
    let program = Program::start(&project);
    let mut client = Client::connect(program.address);
    client.write(b"GET /healthz HTTP/1.1\r\nHost");
    assert!(client.is_closed());
}

#[test]
fn headers_are_bounded_and_a_slow_client_is_dropped() {
    let mut project = Project::new();
    project.config += "[limits]\nheader_bytes = 8192\nidle_seconds = 0.2\n";
    project.write();
    let program = Program::start(&project);
    let long = "a".repeat(10_000);
    let reply = send(program.address, "GET", "/auth", &[("X-Long", long.as_str())]);
    assert_eq!(reply.status, 431);
    let names: Vec<_> = (0..200).map(|number| format!("x{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(send(program.address, "GET", "/auth", &many).status, 431);
    let mut client = Client::connect(program.address);
    client.write(b"GET /healthz HTTP/1.1\r\nHost");
    assert!(client.is_closed());
}

#[test]
fn a_body_is_never_waited_for() {
    let project = Project::new();
    let program = Program::start(&project);
    let headers = asked("POST", "/static/x", &[("Content-Length", "1000000000")]);
    let reply = send(program.address, "POST", "/auth", &headers);
    assert_eq!(reply.status, 200);
    let headers = asked("GET", "/static/x", &[("Expect", "100-continue"), ("Content-Length", "5")]);
    assert_eq!(send(program.address, "GET", "/auth", &headers).status, 200);
}

#[test]
fn a_connection_is_kept_and_any_method_may_ask() {
    let project = Project::new();
    let program = Program::start(&project);
    let mut client = Client::connect(program.address);
    for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS"] {
        let reply = client.send(method, "/auth", &asked("GET", "/static/x", &[]));
        assert_eq!(reply.status, 200, "{method}");
    }
    for (target, status) in [("/", 404), ("/auth/", 404), ("/authx", 404), ("/healthz/", 404)] {
        assert_eq!(client.send("GET", target, &[]).status, status, "{target}");
    }
    let reply = client.send("POST", "/metrics", &[]);
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn a_unix_socket_is_its_own_peer() {
    let mut project = Project::new();
    let socket = project.path("guard.sock");
    let listen = format!("[\"127.0.0.1:0\", \"unix:{}\"]", socket.display());
    project.config = project.config.replace("[\"127.0.0.1:0\"]", &listen).replace(
        "[assertions]",
        "[[peers]]\naddress = \"unix\"\nproxy = \"caddy\"\n\n[assertions]",
    );
    project.write();
    let mut program = Program::start(&project);
    program.wait_for("listening on unix:");
    let mode = || fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o660);
    let mut client = Client::new(UnixStream::connect(&socket).unwrap());
    let reply = client.send("GET", "/auth", &asked("GET", "/api/%00", &[]));
    assert_eq!(reply.status, 400);
    let taken = command(&project).arg("serve").output().unwrap();
    let message = String::from_utf8(taken.stderr).unwrap();
    assert!(!taken.status.success() && message.contains("another server"), "{message}");

    // A server that was killed leaves its socket.
    program.signal("KILL");
    program.end();
    assert!(socket.exists());
    project.config.insert_str(0, "socket_mode = \"666\"");
    project.write();
    let mut program = Program::start(&project);
    program.wait_for("listening on unix:");
    assert_eq!(mode(), 0o666);
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
    assert!(!socket.exists());
}

#[test]
fn no_token_is_logged_and_a_decision_is_one_line() {
    for format in ["text", "json"] {
        let mut project = Project::new();
        project.config += &format!("[log]\nformat = \"{format}\"\nlevel = \"trace\"\n");
        project.write();
        let mut program = Program::start(&project);
        let access = project.access(&json!({}));
        let signature = access.rsplit('.').next().unwrap().to_owned();
        let (cookie, bearer) = (format!("jwt_access_token={access}"), format!("Bearer {access}"));
        let uri = format!("/api/x?token={access}");
        let mut assertions = Vec::new();
        for header in [("Cookie", cookie.as_str()), ("Authorization", bearer.as_str())] {
            for id in ["0b9d6f0c7a1e4f1f9a50c6f3f0a3f1d2", access.as_str()] {
                let headers = asked("GET", &uri, &[header, ("X-Request-Id", id)]);
                let reply = send(program.address, "GET", "/auth", &headers);
                assertions.push(reply.header("x-djwto-assertion").unwrap().to_owned());
            }
        }
        let line = program.wait_for("0b9d6f0c7a1e4f1f9a50c6f3f0a3f1d2");
        for part in ["models.example.org", "GET", "passed", "nginx"] {
            assert!(line.contains(part), "{line}");
        }
        if format == "text" {
            assert!(line.contains("rule=2"), "{line}");
        } else {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&line["code"], &line["rule"]), (&json!("passed"), &json!(2)));
        }
        program.signal("TERM");
        let (_, log) = program.end();
        let log = log.join("\n");
        assert_eq!(log.matches("decided").count(), 4, "{log}");
        assert!(!log.contains(&signature) && !log.contains("token="), "{log}");
        assert!(assertions.iter().all(|assertion| !log.contains(assertion.as_str())));
    }
}

#[test]
fn metrics_count_and_name_no_one() {
    let project = Project::new();
    let program = Program::start(&project);
    let bearer = format!("Bearer {}", project.access(&json!({})));
    // A request that waits for the first look reads its token twice.
    until(|| send(program.address, "GET", "/readyz", &[]).status == 200);
    for _ in 0..3 {
        let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
        send(program.address, "GET", "/auth", &headers);
    }
    send(program.address, "GET", "/auth", &asked("GET", "/api/x", &[]));
    let reply = send(program.address, "GET", "/metrics", &[]);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "djwto_decisions_total{code=\"passed\"} 3",
        "djwto_decisions_total{code=\"cookie_missing\"} 1",
        "djwto_decision_seconds_count 4",
        "djwto_decision_seconds_bucket{le=\"+Inf\"} 4",
        "djwto_assertions_total{source=\"signed\"} 2",
        "djwto_assertions_total{source=\"kept\"} 1",
        "djwto_cache_entries 1",
        "djwto_ended_sessions_fresh 1",
        "djwto_export_info{fingerprint=\"sha256:00\"} 1",
    ] {
        assert!(reply.body.lines().any(|found| found == line), "{line}\n{}", reply.body);
    }
    for word in ["alice", "models.example.org", "127.0.0.1"] {
        assert!(!reply.body.contains(word), "{word}");
    }
}

#[test]
fn the_public_keys_are_published() {
    let project = Project::new();
    let program = Program::start(&project);
    for path in ["/.well-known/jwks.json", "/.well-known/djwto-assertions.json"] {
        let reply = send(program.address, "GET", path, &[]);
        let set: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(set["keys"].as_array().unwrap().len(), 1, "{path}");
        assert!(!reply.body.contains("\"d\""));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    }
}

#[test]
fn a_proxy_that_asks_at_a_page_opens_nothing() {
    let project = Project::new();
    let program = Program::start(&project);
    for path in ["/healthz", "/metrics", "/.well-known/jwks.json"] {
        assert_eq!(send(program.address, "GET", path, &[]).status, 200, "{path}");
        let headers = asked("GET", "/static/x", &[]);
        assert_eq!(send(program.address, "GET", path, &headers).status, 404, "{path}");
    }
}

#[test]
fn keys_that_have_leaked_are_thrown_away() {
    let project = Project::new();
    fs::remove_file(project.path("keys.json")).unwrap();
    let run = |words: &[&str]| assert!(command(&project).args(words).status().unwrap().success());
    run(&["keys", "init"]);
    let mut program = Program::start(&project);
    let public = |program: &Program| -> Vec<String> {
        let reply = send(program.address, "GET", "/.well-known/djwto-assertions.json", &[]);
        let set: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let keys = set["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let before = public(&program);
    run(&["keys", "rotate", "--leaked"]);
    program.wait_for("read changed files");
    let after = public(&program);
    assert_eq!((before.len(), after.len()), (2, 2));
    assert!(after.iter().all(|kid| !before.contains(kid)), "{before:?} {after:?}");
    let bearer = format!("Bearer {}", project.access(&json!({})));
    let headers = asked("GET", "/api/x", &[("Authorization", bearer.as_str())]);
    let reply = send(program.address, "GET", "/auth", &headers);
    let head = reply.header("x-djwto-assertion").unwrap().split('.').next().unwrap();
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    assert!(after.iter().any(|kid| head["kid"] == kid.as_str()), "{head}");
}

#[test]
fn every_problem_is_named_and_no_secret_is_shown() {
    let mut project = Project::new();
    let run = |project: &Project, arguments: &[&str]| {
        let output = command(project).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text.concat())
    };
    let (code, text) = run(&project, &["check"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("hosts 1, keys 1, assertions signed, database sqlite"), "{text}");

    project.export["csrf"]["use_sessions"] = json!(true);
    project.export["keys"]["jwks"]["keys"][0]["crv"] = json!("P-384");
    project.config = project
        .config
        .replace("origins =", "csrf = \"token\"\norigins =")
        .replace("keys.json", "none.json");
    project.write();
    let (code, text) = run(&project, &["check"]);
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "export.json: keys.jwks.keys[0]:",
        "csrf: expected \"origin\", found \"token\": CSRF_USE_SESSIONS",
        "none.json: expected the keys of assertions, found no file. Run: djwto-server keys init",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(run(&project, &["serve"]).0, Some(1));

    let project = Project::new();
    fs::remove_file(project.path("keys.json")).unwrap();
    let (code, text) = run(&project, &["keys", "init"]);
    assert!(code == Some(0) && text.contains(" active\n") && text.contains(" next\n"), "{text}");
    assert_eq!(run(&project, &["keys", "init"]).0, Some(1));
    assert_eq!(run(&project, &["check"]).0, Some(0));
    let (code, text) = run(&project, &["keys", "rotate"]);
    assert!(code == Some(1) && text.contains("--force"), "{text}");
    assert_eq!(run(&project, &["keys", "rotate", "--force"]).0, Some(0));

    let url = "https://models.example.org/static/x";
    let (code, text) = run(&project, &["explain", "GET", url]);
    assert!(code == Some(0) && text.contains("public") && text.contains("/static/*"), "{text}");
    let (code, text) = run(&project, &["explain", "GET", "https://other.example.org/"]);
    assert!(code == Some(1) && text.contains("there are rules for models.example.org"), "{text}");
    assert_eq!(run(&project, &["nothing"]).0, Some(2));

    fs::remove_file(project.path("djwto.toml")).unwrap();
    let mut file = fs::File::create(project.path("djwto.toml")).unwrap();
    let url = "postgresql://u:geheim@127.0.0.1/d";
    write!(file, "export = \"export.json\"\nlisten = []\ndatabase = \"{url}\"").unwrap();
    let (code, text) = run(&project, &["check"]);
    assert!(code == Some(1) && !text.contains("geheim"), "{text}");
}

#[test]
fn a_log_that_no_one_reads_stops_nothing_and_is_counted() {
    for is_closed in [false, true] {
        let project = Project::new();
        let program = Program::start(&project);
        assert_eq!(dropped(&program), 0);
        program.stop_reading(is_closed);
        let mut client = Client::connect(program.address);
        // Far more lines than the pipe and the queue hold.
        for _ in 0..6000 {
            let reply = client.send("GET", "/auth", &asked("GET", "/static/x", &[]));
            assert_eq!(reply.status, 200);
        }
        assert_eq!(send(program.address, "GET", "/healthz", &[]).status, 200);
        // Where no one reads, all but those lines are lost; where standard error is closed, all.
        until(|| dropped(&program) > if is_closed { 5000 } else { 500 });
        assert!(dropped(&program) <= 6000);
    }
}

#[test]
fn a_log_that_is_read_loses_nothing() {
    let project = Project::new();
    let program = Program::start(&project);
    for _ in 0..100 {
        send(program.address, "GET", "/auth", &asked("GET", "/static/x", &[]));
    }
    assert_eq!(dropped(&program), 0);
    program.signal("TERM");
    let (_, log) = program.end();
    assert_eq!(log.iter().filter(|line| line.contains("decided")).count(), 100);
}

fn dropped(program: &Program) -> u32 {
    let page = send(program.address, "GET", "/metrics", &[]).body;
    let mut values =
        page.lines().filter_map(|line| line.strip_prefix("djwto_log_lines_dropped_total "));
    values.next().expect("the counter is there").parse().unwrap()
}
