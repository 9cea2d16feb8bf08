//! The file of `manage.py djwto_export`: what Django's settings say, as JSON.
//!
//! What is unknown refuses start: another format, another member, another database. A server that
//! skipped a setting could let in what Django refuses.

mod build;

pub use build::{Built, build};

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::files;
use crate::problem::{Problem, without_values};
use crate::store::schema::Database;

/// The format that this server reads.
pub const FORMAT: u64 = 1;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// [`FORMAT`]
    pub format: u64,
    /// The version of djwto that wrote it.
    pub djwto: String,
    /// A hash of the rest.
    pub fingerprint: String,
    /// What a token must be.
    pub policy: Policy,
    /// How tokens are carried.
    pub transport: Transport,
    /// The keys that verify.
    pub keys: Keys,
    /// Django's CSRF settings.
    pub csrf: Csrf,
    /// The bounds of request bodies.
    pub forms: Forms,
    /// The portal's pages.
    pub login: Login,
    /// How old the set of ended sessions may be.
    pub revocation: Revocation,
    /// Whether the project has tenants.
    pub tenants: bool,
    /// Tables and columns.
    pub database: Database,
    /// What the server can do as Django does.
    pub capabilities: Capabilities,
}

/// What a token must be. Times are seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "as the export has them")]
pub struct Policy {
    issuer: Option<String>,
    subject: Option<String>,
    user_as_subject: bool,
    audience: Option<Audience>,
    issued_at: bool,
    id: bool,
    access_lifetime: Option<f64>,
    refresh_lifetime: Option<f64>,
    session_lifetime: Option<f64>,
    not_before: f64,
    leeway: f64,
    accept_legacy: bool,
}

/// `aud`: one or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// How tokens are carried.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    modes: Vec<String>,
    cookie_prefix: String,
    refresh_path: String,
    public_path: String,
    domain: Option<String>,
    schemes: Vec<String>,
}

impl Transport {
    /// `Domain` of the cookies.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }
}

/// The keys that verify: public ones, shared secrets, or both; or the URL of public ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    jwks: Option<JwkSet>,
    shared: Option<Vec<Shared>>,
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JwkSet {
    keys: Vec<Value>,
}

/// A shared secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    algorithm: String,
    kid: Option<String>,
    secret: String,
}

impl std::fmt::Debug for Shared {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Django's CSRF settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csrf {
    /// `DJWTO_CSRF`
    pub on: bool,
    /// `CSRF_COOKIE_NAME`
    pub cookie_name: String,
    /// `CSRF_HEADER_NAME`, as a client writes it.
    pub header_name: String,
    /// `CSRF_USE_SESSIONS`
    pub use_sessions: bool,
    /// `CSRF_TRUSTED_ORIGINS`
    pub trusted_origins: Vec<String>,
}

/// The bounds of request bodies, and the field of the account's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forms {
    /// `DATA_UPLOAD_MAX_MEMORY_SIZE`, in bytes; `None`: no limit.
    pub max_bytes: Option<usize>,
    /// `DATA_UPLOAD_MAX_NUMBER_FIELDS`; `None`: no limit.
    pub max_fields: Option<usize>,
    /// `DATA_UPLOAD_MAX_NUMBER_FILES`; `None`: no limit.
    pub max_files: Option<usize>,
    /// `USERNAME_FIELD` of the user model.
    pub name_field: String,
}

/// The portal's pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The path of `return/`; `None`: the project has none, and no refusal redirects.
    pub return_path: Option<String>,
}

/// How old the set of ended sessions may be, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// From one look to the next; `None`: there are no looks.
    pub interval: Option<f64>,
    /// The age at which requests are refused; `None`: none.
    pub max_age: Option<f64>,
}

impl Revocation {
    /// The stricter of both: looks as often as the one that looks more often, and the lower age.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let least = |one: Option<f64>, two: Option<f64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (known, None) | (None, known) => known,
        };
        Self {
            interval: least(self.interval, other.interval),
            max_age: least(self.max_age, other.max_age),
        }
    }
}

/// What the server can do as Django does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Reading permissions from the database.
    pub permissions: Capability,
    /// Checking Django's CSRF token.
    pub csrf_token: Capability,
    /// Foreign formats of tokens that Django takes. The server refuses all of them.
    pub formats: Vec<String>,
}

/// `true`, or a sentence that says why not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Capability {
    /// It can.
    Yes,
    /// It cannot, for this reason.
    No(String),
}

impl TryFrom<Value> for Capability {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        match value {
            Value::Bool(true) => Ok(Self::Yes),
            Value::String(reason) if !reason.is_empty() => Ok(Self::No(reason)),
            _ => Err("expected true, or a sentence that says why not"),
        }
    }
}

impl Export {
    /// Reads the file. One with shared secrets must be its owner's alone.
    ///
    /// # Errors
    ///
    /// [`Problem`] names the place and what was expected. No value is shown.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let export = Self::parse(path, &files::read(path)?)?;
        if export.keys.shared.is_some() {
            files::check_secret(path)?;
        }
        Ok(export)
    }

    /// Reads the text of a file at this path.
    ///
    /// # Errors
    ///
    /// As [`Export::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let problem = |error: serde_json::Error| {
            let text = error.to_string();
            // serde_json ends its sentence with the place, which stands before it here.
            let end = text.rfind(" at line ").unwrap_or(text.len());
            let what = without_values(text.get(..end).unwrap_or_default());
            let (line, column) = (error.line(), error.column());
            let what = format!("{what}. {RENEW}");
            Problem::new(format!("{}:{line}:{column}", path.display()), what)
        };
        let Format { format } = serde_json::from_str(text).map_err(problem)?;
        if format != FORMAT {
            let what = format!(
                "expected format {FORMAT}, found {format}: the server and djwto in Django are of \
                 different versions. Install the same version of both"
            );
            return Err(Problem::of_file(path, what));
        }
        serde_json::from_str(text).map_err(problem)
    }
}

/// The format alone: another format may have other members.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

const RENEW: &str =
    "Write the file again with `manage.py djwto_export`, of the same version as this server";
