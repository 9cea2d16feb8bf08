//! The operator's file, `djwto.toml`.
//!
//! [`Config::read`] reads it and checks what one value says by itself. What needs the export too, such
//! as a tenant for each host, is checked where both meet: [`crate::guard`].

mod file;
mod listen;
mod peers;

pub use file::{Limits, Log, LogFormat};
pub use listen::{Listen, SocketMode};
pub use peers::{Peer, Peers, Proxy};

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::files;
use crate::problem::{Problem, line_and_column, without_values};
use crate::rules::HostsSettings;

/// The checked content of `djwto.toml`. Paths are absolute, or relative to the working directory.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub path: PathBuf,
    /// The file of `manage.py djwto_export`.
    pub export: PathBuf,
    /// The authorities that certify the server of the keys, as PEM; `None`: those of the operating
    /// system.
    pub keys_ca: Option<PathBuf>,
    /// Where Django's database is; `None`: the server asks none.
    pub database: Option<DatabaseUrl>,
    /// Where the server listens.
    pub listen: Vec<Listen>,
    /// Where Django is, as an origin; `None`: no refusal redirects.
    pub portal: Option<String>,
    /// Who may ask, and as which proxy.
    pub peers: Peers,
    /// How assertions are made; `None`: not at all.
    pub assertions: Option<Assertions>,
    /// The guarded hosts by their name, as it is written.
    pub hosts: HostsSettings,
    /// How the server logs.
    pub log: Log,
    /// The bounds of requests.
    pub limits: Limits,
    /// The certificate of the TCP listeners; `None`: they speak plain HTTP.
    pub tls: Option<Tls>,
}

/// The issuer and the key file of assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertions {
    /// `iss`
    pub issuer: String,
    /// The JWK Set that `djwto-server keys init` writes.
    pub keys: PathBuf,
}

/// The certificate of the TCP listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain of certificates, as PEM.
    pub certificate: PathBuf,
    /// The private key, as PEM.
    pub key: PathBuf,
}

/// The URL of a database. It may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL, for the library that connects.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`Problem`] names the place, what was expected and what to do. No value of the file is shown.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let text = files::read(path)?;
        let config = Self::parse(path, &text, |name| env::var(name).ok())?;
        if config.holds_password() {
            files::check_secret(path)?;
        }
        Ok(config)
    }

    /// Reads the text of a file at this path. `variable` gives the environment.
    ///
    /// # Errors
    ///
    /// As [`Config::read`].
    pub fn parse(
        path: &Path,
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Problem> {
        let parsed: file::File = toml::from_str(text).map_err(|error| {
            let what = without_values(error.message());
            let Some(at) = error.span() else { return Problem::of_file(path, what) };
            let (line, column) = line_and_column(text, at.start);
            Problem::new(format!("{}:{line}:{column}", path.display()), what)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::checked(path, folder, parsed, variable).map_err(|problem| problem.within(path))
    }

    fn checked(
        path: &Path,
        folder: &Path,
        file: file::File,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Problem> {
        let database = database(file.database, file.database_env, variable, folder)?;
        let listen = file.listen.iter().enumerate().map(|(at, text)| {
            Listen::parse(text, file.socket_mode)
                .map_err(|what| Problem::new(format!("listen[{at}]"), what))
        });
        let listen = listen.collect::<Result<Vec<_>, _>>()?;
        if listen.is_empty() {
            return Err(Problem::new("listen", "expected at least one address, found none"));
        }
        let portal = file.portal.map(|text| {
            let what = "expected an origin such as \"https://portal.example.org\", without a path";
            is_origin(&text).then_some(text).ok_or_else(|| Problem::new("portal", what))
        });
        let assertions = file.assertions.map(|found| {
            if found.issuer.is_empty() {
                let what = "expected a text that is not empty, found an empty one";
                return Err(Problem::new("assertions.issuer", what));
            }
            Ok(Assertions { issuer: found.issuer, keys: folder.join(found.keys) })
        });
        if file.hosts.is_empty() {
            let what = "expected at least one host, such as [hosts.\"models.example.org\"]";
            return Err(Problem::new("hosts", what));
        }
        Ok(Self {
            path: path.to_owned(),
            export: folder.join(file.export),
            keys_ca: file.keys_ca.map(|path| folder.join(path)),
            database,
            peers: Peers::new(&file.peers, &listen)?,
            listen,
            portal: portal.transpose()?,
            assertions: assertions.transpose()?,
            hosts: file.hosts,
            log: file.log.checked()?,
            limits: file.limits.checked()?,
            tls: file.tls.map(|tls| Tls {
                certificate: folder.join(tls.certificate),
                key: folder.join(tls.key),
            }),
        })
    }

    /// The files whose change is a reason to read everything again.
    pub fn watched(&self) -> Vec<PathBuf> {
        let keys = self.assertions.iter().map(|found| found.keys.clone());
        let tls = self.tls.iter().flat_map(|tls| [tls.certificate.clone(), tls.key.clone()]);
        let files = [self.path.clone(), self.export.clone()].into_iter();
        files.chain(self.keys_ca.clone()).chain(keys).chain(tls).collect()
    }

    /// Whether the file itself has the URL of a server, which may have a password in it.
    fn holds_password(&self) -> bool {
        self.database.as_ref().is_some_and(|url| {
            let rest = url.secret().split_once("://").map(|(_, rest)| rest).unwrap_or_default();
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let user = authority.rsplit_once('@').map(|(user, _)| user).unwrap_or_default();
            user.contains(':') || rest.contains("password=")
        })
    }
}

/// The URL from the file or from the environment. A path of SQLite is relative to the file.
fn database(
    url: Option<String>,
    name: Option<String>,
    variable: impl Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<Option<DatabaseUrl>, Problem> {
    let (place, url) = match (url, name) {
        (Some(_), Some(_)) => {
            let what = "expected \"database\" or \"database_env\", found both";
            return Err(Problem::new("database_env", what));
        }
        (None, None) => return Ok(None),
        (Some(url), None) => ("database", url),
        (None, Some(name)) => {
            let found = variable(&name).filter(|url| !url.is_empty());
            let what = "expected an environment variable of that name, found none";
            ("database_env", found.ok_or_else(|| Problem::new("database_env", what))?)
        }
    };
    let is_known = ["sqlite:", "postgresql://", "postgres://"].iter().any(|s| url.starts_with(s));
    if !is_known {
        let what = "expected \"sqlite:/path/of/the/file\" or \"postgresql://user@host/name\"";
        return Err(Problem::new(place, what));
    }
    let url = match url.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", folder.join(file).display()),
        None => url,
    };
    Ok(Some(DatabaseUrl(url)))
}

/// Whether a text is a scheme, a host and perhaps a port, and nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests;
