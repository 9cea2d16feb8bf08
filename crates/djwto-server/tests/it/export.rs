//! The export: what is unknown refuses start.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use djwto_core::Revocations;
use djwto_core::http::TokenCookie;
use djwto_server::export::{Capability, Export, build};
use djwto_server::guard::{Files, Guard};
use serde_json::{Value, json};

use crate::support::{Project, command};

fn read(project: &Project) -> Result<Guard, String> {
    project.write();
    let files = Files::read(&project.path("djwto.toml")).map_err(|error| error.to_string())?;
    let guard = Guard::new(&files.config, &files.export, Arc::<Revocations>::default());
    guard.map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_value_that_is_unknown_or_wrong_is_named() {
    for (pointer, value, expected) in [
        ("/format", json!(2), "expected format 1, found 2"),
        ("/new", json!(1), "unknown field `new`"),
        ("/policy/new", json!(1), "unknown field `new`"),
        ("/policy/leeway", json!(1000.0), "policy.leeway: expected at most 300 seconds"),
        ("/policy/leeway", json!(-1.0), "policy.leeway: expected seconds"),
        ("/policy/leeway", json!("geheim"), "invalid type: string \"…\""),
        ("/policy/issuer", json!(""), "policy.issuer: expected a text"),
        ("/policy/user_as_subject", json!("geheim"), "invalid type: string \"…\""),
        ("/transport/modes", json!(["TWO-COOKIES", "new"]), "transport.modes: expected \"JSON\""),
        ("/transport/modes", json!([]), "transport.modes: expected at least one"),
        ("/transport/cookie_prefix", json!("__Http-"), "transport.cookie_prefix"),
        ("/keys/jwks/keys", json!([]), "keys: expected at least one key"),
        ("/keys/url", json!("https://x"), "keys: expected keys or \"url\", found both"),
        ("/keys", json!({"url": "http://geheim.example.org"}), "keys.url: expected an https URL"),
        ("/keys", json!({}), "keys: expected at least one key"),
        ("/keys/jwks/keys/0/kty", json!("new"), "keys.jwks.keys[0]"),
        ("/csrf/header_name", json!("a b"), "csrf.header_name: expected a name of a header"),
        ("/capabilities/permissions", json!(false), "expected true, or a sentence"),
        ("/database/new", json!(1), "unknown field `new`"),
        ("/database/vendor", json!("oracle"), "oracle"),
        ("/revocation/interval", json!("1"), "invalid type"),
        ("/tenants", json!(true), "tenant"),
    ] {
        let mut project = Project::new();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = project.export.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
            parent => parent[name] = value,
        }
        // The database is opened later than the guard is made.
        let found = read(&project).err().unwrap_or_else(|| {
            let output = command(&project).arg("check").output().unwrap();
            assert!(!output.status.success(), "{pointer}");
            String::from_utf8(output.stderr).unwrap()
        });
        assert!(found.contains(expected), "{pointer}: {expected}\n{found}");
        assert!(!found.contains("geheim"), "{found}");
    }
}

#[test]
fn no_database_is_for_projects_that_do_not_ask_one() {
    let mut project = Project::new();
    project.config = project.config.replace("database = \"sqlite:db.sqlite3\"\n", "");
    assert!(read(&project).unwrap_err().contains("DJWTO_REVOCATION_INTERVAL"));
    project.export["revocation"]["interval"] = Value::Null;
    assert!(!read(&project).unwrap().reads_permissions());
}

#[test]
fn a_shared_secret_stands_beside_key_pairs_and_verifies() {
    let mut project = Project::new();
    let secret = json!([{"algorithm": "HS256", "kid": null, "secret": "dGVzdCBrZXk="}]);
    project.export["keys"]["shared"] = secret;
    let guard = read(&project).unwrap();
    assert_eq!(guard.engine().keys().keys().len(), 2);
    assert!(!guard.public_jwks().contains("oct"));
    project.export["keys"]["shared"][0]["secret"] = json!("geheim!");
    let found = read(&project).unwrap_err();
    assert!(found.contains("keys.shared[0]: expected \"secret\" in base64"), "{found}");
    assert!(!found.contains("geheim"));
}

#[test]
fn two_keys_may_share_a_kid_and_none_may_sign() {
    let mut project = Project::new();
    let key = djwto_core::Key::generate(djwto_core::Algorithm::Es256).unwrap();
    let public: Value = serde_json::from_str(&key.to_public_jwk().unwrap()).unwrap();
    let private: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    project.export["keys"]["jwks"]["keys"] = json!([public, public]);
    assert_eq!(read(&project).unwrap().engine().keys().keys().len(), 2);
    project.export["keys"]["jwks"]["keys"] = json!([private]);
    assert!(read(&project).unwrap_err().contains("expected a public key, found one that signs"));
}

#[test]
fn the_policy_is_that_of_django() {
    let mut project = Project::new();
    let policy = &mut project.export["policy"];
    policy["issuer"] = json!("iss");
    policy["audience"] = json!(["a", "b"]);
    policy["user_as_subject"] = json!(true);
    policy["access_lifetime"] = Value::Null;
    policy["leeway"] = json!(1.5);
    let text = project.export.to_string();
    let export = Export::parse(Path::new("export.json"), &text).unwrap();
    let built = build(&export, Path::new("export.json")).unwrap();
    let policy = built.policy.options();
    assert_eq!(policy.issuer.as_deref(), Some("iss"));
    assert_eq!(policy.audience.as_ref().unwrap().entries(), ["a", "b"]);
    assert_eq!(policy.subject, Some(djwto_core::policy::Subject::User));
    assert_eq!((policy.access_lifetime, policy.leeway.as_secs_f64()), (None, 1.5));
}

/// What Django has written for two projects, as `vectors/README.md` says.
#[test]
fn what_django_writes_is_read() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors"));
    let read = |name: &str| {
        let path = folder.join(name);
        let export = Export::parse(&path, &fs::read_to_string(&path).unwrap()).unwrap();
        let built = build(&export, &path).unwrap();
        (export, built)
    };
    let (export, built) = read("export.json");
    assert_eq!(built.keys.keys().len(), 2);
    assert_eq!(export.capabilities.permissions, Capability::Yes);
    assert!(export.database.permissions.is_some() && export.login.return_path.is_some());

    // Two RSA keys share a `kid`, and two secrets stand beside them.
    let (export, built) = read("export_other.json");
    assert_eq!(built.keys.keys().len(), 4);
    assert_eq!(built.transport.cookie_name(TokenCookie::Access), "__Host-jwt_access");
    assert!(matches!(export.capabilities.csrf_token, Capability::No(_)));
    assert!(export.login.return_path.is_none() && export.tenants && !export.csrf.on);
}
