//! The address of PostgreSQL, with `sslmode` and `sslrootcert` as libpq means them.

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::StoreError;
use crate::files;
use crate::trust::{Authorities, Trust, client_config, is_loopback};

/// Reads an address: what the library connects by, and how it encrypts. `None`: it does not.
///
/// # Errors
///
/// The address cannot be read, or would send in plain text what should be encrypted. The sentence
/// repeats nothing of the address but the name of a file, since the rest may hold a password.
pub(super) fn read(address: &str) -> Result<(Config, Option<Arc<ClientConfig>>), StoreError> {
    let (address, asked) = Asked::taken_from(address)?;
    // The parser's own sentence may repeat a part of the address.
    let mut config = Config::from_str(&address).map_err(|_| StoreError::new(UNREADABLE))?;
    // The default: the library has seen no `sslmode` under another spelling.
    if config.get_ssl_mode() != SslMode::Prefer {
        return Err(StoreError::new(UNREADABLE));
    }
    let is_unix = |host: &Host| matches!(host, Host::Unix(_));
    // libpq ignores the mode there.
    let is_by_socket = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_unix);
    let trust = if is_by_socket { None } else { asked.trust(is_local(&config))? };
    let tls = trust.map(|trust| client_config(trust, PROTOCOL)).transpose();
    let tls = tls.map_err(|error| StoreError::new(error.to_string()))?.map(Arc::new);
    config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
    Ok((config, tls))
}

/// PostgreSQL's name for ALPN.
const PROTOCOL: &str = "postgresql";

/// What the address says of encryption.
#[derive(Debug, Default)]
struct Asked {
    mode: Option<String>,
    root: Option<String>,
}

impl Asked {
    /// Takes the two parameters out: the library knows only some of their values. As there, the last one
    /// of a name counts.
    fn taken_from(address: &str) -> Result<(String, Self), StoreError> {
        let mut asked = Self::default();
        // A question mark may stand in a password too.
        let host = address.find('@').map_or(0, |at| at + 1);
        let query = address.get(host..).and_then(|rest| rest.find('?')).map(|at| host + at);
        let Some((start, query)) = query.and_then(|at| address.split_at_checked(at)) else {
            return Ok((address.to_owned(), asked));
        };
        let mut others = Vec::new();
        for pair in query.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "sslmode" => &mut asked.mode,
                "sslrootcert" => &mut asked.root,
                _ => {
                    others.push(pair);
                    continue;
                }
            };
            let value = percent_decode_str(value).decode_utf8();
            *place = Some(value.map_err(|_| StoreError::new(UNREADABLE))?.into_owned());
        }
        Ok((format!("{start}?{}", others.join("&")), asked))
    }

    /// What the server's certificate must be; `None`: nothing is encrypted.
    fn trust(&self, is_local: bool) -> Result<Option<Trust>, StoreError> {
        let root = self.root.as_deref();
        let is_system = root == Some(SYSTEM);
        // libpq's own default beside the authorities of the system.
        let default = if is_system { "verify-full" } else { "prefer" };
        match (self.mode.as_deref().unwrap_or(default), root) {
            ("disable", _) => Ok(None),
            ("prefer", None) if is_local => Ok(None),
            ("prefer", None) => Err(StoreError::new(PLAIN)),
            ("require", None) => Ok(Some(Trust::Any)),
            ("require" | "verify-ca", Some(path)) if !is_system => {
                Ok(Some(Trust::Signed(authorities(path)?)))
            }
            ("verify-full", Some(path)) => Ok(Some(Trust::Named(authorities(path)?))),
            ("verify-ca" | "verify-full", None) => Err(StoreError::new(NO_ROOT)),
            ("prefer" | "require" | "verify-ca", Some(_)) => Err(StoreError::new(WEAK)),
            _ => Err(StoreError::new(UNKNOWN_MODE)),
        }
    }
}

/// The value of `sslrootcert` for the authorities of the operating system.
const SYSTEM: &str = "system";

fn authorities(path: &str) -> Result<Authorities, StoreError> {
    if path == SYSTEM {
        return Authorities::of_system()
            .map_err(|what| StoreError::new(format!("sslrootcert: {what}.")));
    }
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(StoreError::new(RELATIVE));
    }
    let text = files::read(path).map_err(|problem| format!("sslrootcert: {problem}."));
    let found = text.and_then(|text| {
        let shown = path.display();
        Authorities::from_pem(text.as_bytes())
            .map_err(|what| format!("sslrootcert: {shown}: {what}."))
    });
    found.map_err(StoreError::new)
}

fn is_local(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => is_loopback(name),
    };
    config.get_hosts().iter().all(is_local)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

pub(super) const UNREADABLE: &str = "The address of PostgreSQL cannot be read: expected \
     \"postgresql://user:password@host:port/database\", with special characters of a password in percent encoding.";
const UNKNOWN_MODE: &str = "The address of PostgreSQL has an \"sslmode\" that is not known: expected \"disable\", \
     \"prefer\", \"require\", \"verify-ca\" or \"verify-full\".";
const PLAIN: &str = "The address of PostgreSQL does not ask for TLS: expected \"sslmode=verify-full\" with \
     \"sslrootcert\". Else connect by a Unix socket or a loopback address, or add \"sslmode=disable\" if the network \
     is trusted.";
const NO_ROOT: &str = "The address of PostgreSQL asks to verify the server: expected \"sslrootcert\" with the path of \
     the authority's certificate, or \"sslrootcert=system\" with \"sslmode=verify-full\".";
const WEAK: &str = "The address of PostgreSQL has an \"sslrootcert\" that its \"sslmode\" does not use: expected \
     \"verify-full\", or \"verify-ca\" or \"require\" with a file. TLS would be left out, or the authority would \
     certify any host.";
const RELATIVE: &str = "The address of PostgreSQL has a relative \"sslrootcert\": expected an absolute path, which is \
     the same file for every program, or \"system\".";
