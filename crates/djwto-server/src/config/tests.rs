use super::{Config, Listen, LogFormat, Peer, Proxy, SocketMode};
use crate::rules::CsrfMode;
use std::path::Path;

const GOOD: &str = r#"
export = "export.json"
database = "sqlite:db.sqlite3"
listen = ["127.0.0.1:9901", "unix:/run/djwto/guard.sock"]
portal = "https://portal.example.org"

[[peers]]
address = "10.0.0.0/8"
proxy = "traefik"

[[peers]]
address = "10.1.2.3"
proxy = "nginx"

[[peers]]
address = "unix"
proxy = "envoy"

[assertions]
issuer = "https://portal.example.org"
keys = "keys.json"

[hosts."models.example.org"]
csrf = "token"
rules = [{ path = "/*", allow = "login" }]

[log]
format = "json"
"#;

fn parse(text: &str) -> Result<Config, String> {
    let variable = |name: &str| (name == "DB").then(|| "postgresql://u:geheim@h/d".to_owned());
    Config::parse(Path::new("/srv/djwto.toml"), text, variable).map_err(|error| error.to_string())
}

#[test]
fn a_good_file_is_read() {
    let config = parse(GOOD).unwrap();
    assert_eq!(config.export, Path::new("/srv/export.json"));
    assert_eq!(config.database.as_ref().unwrap().secret(), "sqlite:/srv/db.sqlite3");
    assert_eq!(config.listen[1], Listen::Unix("/run/djwto/guard.sock".into(), SocketMode::Group));
    assert_eq!(config.hosts["models.example.org"].csrf, CsrfMode::Token);
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "info"));
    assert_eq!(config.watched().len(), 3);
    for (address, proxy) in [
        ("10.9.9.9", Some(Proxy::Traefik)),
        ("10.1.2.3", Some(Proxy::Nginx)),
        ("::ffff:10.1.2.3", Some(Proxy::Nginx)),
        ("127.0.0.1", None),
    ] {
        assert_eq!(config.peers.proxy(Peer::Address(address.parse().unwrap())), proxy, "{address}");
    }
    assert_eq!(config.peers.proxy(Peer::Unix), Some(Proxy::Envoy));
}

#[test]
fn the_mode_of_a_unix_socket_can_be_set() {
    for (text, mode) in
        [("600", SocketMode::Owner), ("660", SocketMode::Group), ("666", SocketMode::All)]
    {
        let config = parse(&format!("socket_mode = \"{text}\"{GOOD}")).unwrap();
        assert_eq!(config.listen[1], Listen::Unix("/run/djwto/guard.sock".into(), mode));
        assert_eq!(format!("{:o}", mode.bits()), text);
    }
    for bad in ["\"777\"", "660", "0o660"] {
        let found = parse(&format!("socket_mode = {bad}{GOOD}")).unwrap_err();
        assert!(found.starts_with("/srv/djwto.toml:1:15: "), "{found}");
    }
}

#[test]
fn a_database_may_stand_in_the_environment() {
    let text = GOOD.replace("database = \"sqlite:db.sqlite3\"", "database_env = \"DB\"");
    let config = parse(&text).unwrap();
    assert_eq!(config.database.as_ref().unwrap().secret(), "postgresql://u:geheim@h/d");
    assert!(!format!("{config:?}").contains("geheim"));
}

#[test]
fn a_fault_names_its_place_and_shows_no_value() {
    for (good, bad, expected) in [
        ("export = ", "exports = ", "djwto.toml:2:1: unknown field `exports`"),
        ("\"sqlite:db.sqlite3\"", "\"mysql://u:geheim@h\"", "djwto.toml: database: expected"),
        ("\"sqlite:db.sqlite3\"", "{ url = \"geheim\" }", "djwto.toml:3:12: invalid type: map"),
        ("\"export.json\"", "[\"geheim\"]", "djwto.toml:2:10: invalid type: sequence"),
        ("[\"127.0.0.1:9901\", ", "[\"localhost\", ", "djwto.toml: listen[0]: expected \"127"),
        ("guard.sock\"]", "guard.sock\", \"unix:x\"]", "djwto.toml: listen[2]: expected an abs"),
        ("org\"\n\n[[peers]]", "org/\"\n\n[[peers]]", "djwto.toml: portal: expected an origin"),
        ("\"10.1.2.3\"", "\"10.0.0.0/8\"", "djwto.toml: peers[1].address: expected each"),
        ("\"10.1.2.3\"", "\"a host\"", "djwto.toml: peers[1].address: expected an address"),
        ("\"unix\"", "\"::1\"", "djwto.toml: peers: expected one with the address \"unix\""),
        ("\"envoy\"", "\"haproxy\"", "unknown variant `haproxy`, expected one of `nginx`"),
        ("\"token\"", "\"none\"", "unknown variant `none`, expected `origin` or `token`"),
        ("allow = ", "allows = ", "unknown field `allows`"),
        ("format = ", "level = \"loud\"\nformat = ", "djwto.toml: log.level: expected \"error\""),
        ("[log]", "[limits]\nheader_bytes = 1\n[log]", "djwto.toml: limits.header_bytes: expected"),
        ("[log]", "[limits]\ndrain_seconds = nan\n[log]", "limits.drain_seconds: expected 0 to"),
        ("[hosts.\"models.example.org\"]", "[hosts]", "invalid type"),
        ("issuer = \"https", "issuer = \"\" # \"https", "djwto.toml: assertions.issuer: expected"),
        ("[log]", "database_env = \"geheim\"\n[log]", "unknown field `database_env`"),
    ] {
        let text = GOOD.replacen(good, bad, 1);
        assert_ne!(text, GOOD, "{good}");
        let found = parse(&text).unwrap_err();
        assert!(found.contains(expected), "{expected}\n{found}");
        assert!(!found.contains("geheim"), "{found}");
    }
}
