//! A project: its export, its database, `djwto.toml` and tokens.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use djwto_core::token::issue::Token;
use djwto_core::{Algorithm, Engine, Key, KeyRing, Mode, Policy, PolicyOptions};
use djwto_core::{Transport, TransportOptions};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The session of the tokens.
pub(crate) const SID: &str = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f";

/// A folder with the files of a project.
pub(crate) struct Project {
    folder: TempDir,
    engine: Engine,
    pub(crate) export: Value,
    pub(crate) config: String,
}

impl Project {
    pub(crate) fn new() -> Self {
        let key = Key::generate(Algorithm::Es256).unwrap();
        let jwk: Value = serde_json::from_str(&key.to_public_jwk().unwrap()).unwrap();
        let modes = vec![Mode::TwoCookies, Mode::Json];
        let transport = Transport::new(TransportOptions { modes, ..Default::default() }).unwrap();
        let policy = Policy::new(PolicyOptions::default()).unwrap();
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            engine: Engine::new(KeyRing::new(key), policy, transport),
            export: export(&jwk),
            config: CONFIG.to_owned(),
        };
        let database = project.database();
        database.execute_batch(TABLES).unwrap();
        let until = (now() + 3600) * 1_000_000;
        let id = SID.replace('-', "");
        let row = "INSERT INTO djwto_session VALUES (?1, NULL, ?2, '')";
        database.execute(row, rusqlite::params![id, until]).unwrap();
        project.write_key("keys.json", &Key::generate(Algorithm::EdDsa).unwrap());
        project.write();
        project
    }

    /// Writes export and `djwto.toml`. A file that is the same is not touched: one change is one reload.
    pub(crate) fn write(&self) {
        self.write_private("export.json", &self.export.to_string());
        self.write_private("djwto.toml", &self.config);
    }

    /// Writes a JWK Set with one key.
    pub(crate) fn write_key(&self, name: &str, key: &Key) {
        let jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
        self.write_private(name, &json!({ "keys": [jwk] }).to_string());
    }

    fn write_private(&self, name: &str, text: &str) {
        use std::io::Write as _;
        if fs::read_to_string(self.path(name)).is_ok_and(|found| found == text) {
            return;
        }
        let mut options = fs::File::options();
        let options = options.write(true).create_new(true).mode(0o600);
        options.open(self.path("new")).unwrap().write_all(text.as_bytes()).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The database, as Django would write to it.
    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.path("db.sqlite3")).unwrap()
    }

    /// Ends the session of the tokens.
    pub(crate) fn end_session(&self) {
        let now = now() * 1_000_000;
        self.database().execute("UPDATE djwto_session SET revoked_at = ?1", [now]).unwrap();
    }

    /// An access token with other claims on top; `null` leaves one out.
    pub(crate) fn access(&self, more: &Value) -> String {
        self.try_access(more).unwrap()
    }

    /// The same; `None` if the engine refuses to sign these claims.
    pub(crate) fn try_access(&self, more: &Value) -> Option<String> {
        let now = now();
        let mut claims = json!({
            "exp": now + 300, "iat": now, "jti": "j", "sid": SID, "type": "access",
            "user": {"id": 7, "username": "alice", "perms": ["portal.use_models"]},
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.engine.sign(claims.to_string()).ok().map(Token::into_text)
    }
}

fn now() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed()
}

const CONFIG: &str = r#"
export = "export.json"
database = "sqlite:db.sqlite3"
listen = ["127.0.0.1:0"]
portal = "https://portal.example.org"

[[peers]]
address = "127.0.0.1"
proxy = "nginx"

[assertions]
issuer = "https://portal.example.org"
keys = "keys.json"

[hosts."models.example.org"]
audience = "models"
origins = ["https://friend.example.org"]
rules = [
  { path = "/static/*", allow = "public" },
  { path = "/api/*", allow = "login" },
  { path = "/admin/*", permissions = ["portal.admin"] },
  { path = "/*", permissions = ["portal.use_models"] },
]
"#;

const TABLES: &str = "
CREATE TABLE djwto_session (id char(32) PRIMARY KEY, revoked_at bigint, access_until bigint,
    tenant varchar(100));
CREATE TABLE auth_user (id integer PRIMARY KEY, is_active bool, is_superuser bool);
CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label varchar(100));
CREATE TABLE auth_permission (id integer PRIMARY KEY, codename varchar(100),
    content_type_id integer);
CREATE TABLE auth_user_user_permissions (user_id integer, permission_id integer);
CREATE TABLE auth_group (id integer PRIMARY KEY);
CREATE TABLE auth_user_groups (user_id integer, group_id integer);
CREATE TABLE auth_group_permissions (group_id integer, permission_id integer);
INSERT INTO auth_user VALUES (7, 1, 0), (8, 1, 0), (9, 0, 1);
INSERT INTO django_content_type VALUES (1, 'portal');
INSERT INTO auth_permission VALUES (1, 'use_models', 1);
INSERT INTO auth_user_user_permissions VALUES (7, 1);
";

fn export(jwk: &Value) -> Value {
    json!({
        "format": 1, "djwto": "0.1.0", "fingerprint": "sha256:00",
        "policy": {
            "issuer": null, "subject": null, "user_as_subject": false, "audience": null,
            "issued_at": true, "id": true, "access_lifetime": 300.0, "refresh_lifetime": 86400.0,
            "session_lifetime": null, "not_before": 0.0, "leeway": 0.0, "accept_legacy": true,
        },
        "transport": {
            "modes": ["TWO-COOKIES", "JSON"], "cookie_prefix": "",
            "refresh_path": "api/token/refresh", "public_path": "", "domain": "example.org", "schemes": [],
        },
        "keys": {"jwks": {"keys": [jwk]}},
        "csrf": {
            "on": true, "cookie_name": "csrftoken", "header_name": "X-CSRFToken",
            "use_sessions": false, "trusted_origins": [],
        },
        "forms": {"max_bytes": 2_621_440, "max_fields": 1000, "max_files": 100, "name_field": "username"},
        "login": {"return_path": "/api/token/refresh/return/"},
        "revocation": {"interval": 0.1, "max_age": 60.0},
        "tenants": false,
        "database": {
            "vendor": "sqlite",
            "sessions": {
                "table": "djwto_session", "id": "id", "revoked_at": "revoked_at",
                "access_until": "access_until", "tenant": "tenant",
            },
            "permissions": {
                "user": {
                    "table": "auth_user", "id": "id", "id_type": "integer",
                    "is_active": "is_active", "is_superuser": "is_superuser",
                },
                "permission": {
                    "table": "auth_permission", "id": "id", "codename": "codename",
                    "content_type": "content_type_id",
                },
                "content_type": {
                    "table": "django_content_type", "id": "id", "app_label": "app_label",
                },
                "user_permissions": {
                    "table": "auth_user_user_permissions", "user": "user_id",
                    "permission": "permission_id",
                },
                "group": {"table": "auth_group", "id": "id"},
                "groups": {"table": "auth_user_groups", "user": "user_id", "group": "group_id"},
                "group_permissions": {
                    "table": "auth_group_permissions", "group": "group_id",
                    "permission": "permission_id",
                },
            },
        },
        "capabilities": {"permissions": true, "csrf_token": true, "formats": []},
    })
}
