//! The commands beside `serve`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use djwto_core::Revocations;

use crate::config::Config;
use crate::export::Capability;
use crate::guard::{Files, Guard, GuardedHost};
use crate::problem::Problem;
use crate::rules::{Hosts, Method, Scheme};
use crate::server;
use crate::store::check_rights;

/// Checks every file, and reads the database. Returns what was found, for people.
///
/// # Errors
///
/// Everything that is wrong.
pub async fn check(path: &Path) -> Result<String, Vec<Problem>> {
    let files = Files::read(path).map_err(|problem| vec![problem])?;
    let Files { config, export } = &files;
    let mut problems = Vec::new();
    // Before the database is opened: that check opens and closes the file.
    if let Some(file) =
        config.database.as_ref().and_then(|url| url.secret().strip_prefix("sqlite:"))
    {
        let found = check_rights(Path::new(file)).problems;
        problems.extend(found.iter().map(|what| Problem::new("database", what).within(path)));
    }
    let guard = Guard::new(config, export, Arc::<Revocations>::default());
    let mut guard = guard.map_err(|found| problems.extend(found)).ok();
    if let Some(keys) = guard.as_ref().and_then(Guard::remote_keys) {
        match keys.fetch().await {
            Ok(fetched) => guard = guard.map(|guard| guard.with_keys(fetched.ring)),
            Err(reason) => problems.push(Problem::new("keys.url", reason).within(&config.export)),
        }
    }
    match server::open(config, export) {
        Ok(Some(store)) => {
            if let Err(error) = store.check().await {
                problems.push(Problem::new("database", error).within(path));
            }
        }
        Ok(None) => {}
        Err(problem) => problems.push(problem),
    }
    match guard {
        Some(guard) if problems.is_empty() => Ok(summary(&files, &guard)),
        _ => Err(problems),
    }
}

fn summary(files: &Files, guard: &Guard) -> String {
    let Files { config, export } = files;
    let mut text = String::new();
    let hosts = guard.hosts().count();
    let keys = guard.engine().keys().keys().len();
    let assertions = if guard.assertions().is_some() { "signed" } else { "none" };
    let database = config.database.as_ref().map_or("none", |_| export.database.vendor.as_str());
    let permissions = if guard.reads_permissions() { "read" } else { "not read" };
    // Writing to a text never fails.
    let _ = write!(
        text,
        "{}: hosts {hosts}, keys {keys}, assertions {assertions}, database {database}, permissions \
         {permissions}, export {}",
        config.path.display(),
        guard.fingerprint(),
    );
    if let Capability::No(reason) = &export.capabilities.permissions {
        let reason = reason.trim_end_matches('.');
        let _ = write!(
            text,
            "\nnote: a token that leaves its permissions out is refused where a rule asks for some: \
             {reason}"
        );
    }
    for format in &export.capabilities.formats {
        let _ =
            write!(text, "\nnote: Django also takes tokens of {format}. This server refuses them");
    }
    if guard.engine().keys().has_short_secret() {
        text.push_str("\nnote: a shared secret is shorter than its hash, and can be guessed");
    }
    text.push_str(&notes_on_redirects(files, guard));
    text
}

/// The hosts from which no browser is sent to the portal.
fn notes_on_redirects(Files { config, export }: &Files, guard: &Guard) -> String {
    let why = match (&config.portal, &export.login.return_path) {
        (None, _) => "djwto.toml has no \"portal\"",
        (_, None) => "the project has no page return/",
        _ => "the portal's cookies do not reach it (DJWTO_DOMAIN)",
    };
    let mut hosts: Vec<_> = guard.hosts().filter(|host| host.return_page().is_none()).collect();
    hosts.sort_unstable_by_key(GuardedHost::name);
    let note = |host: GuardedHost<'_>| {
        format!("\nnote: {}: a browser without a token is not redirected: {why}", host.name())
    };
    hosts.into_iter().map(note).collect()
}

/// Says which rule decides about a request.
///
/// # Errors
///
/// [`Problem`]: a file cannot be read, or the request is none.
pub fn explain(path: &Path, method: &str, url: &str) -> Result<String, Vec<Problem>> {
    let one = |problem| vec![problem];
    let Files { config, export } = Files::read(path).map_err(one)?;
    let hosts = Hosts::compile(config.hosts, export.tenants).map_err(|errors| {
        errors.iter().map(|error| Problem::of_file(path, error)).collect::<Vec<_>>()
    })?;
    let wanted =
        || one(Problem::new(url, "expected a URL such as https://models.example.org/api/x"));
    let (scheme, rest) = url.split_once("://").ok_or_else(wanted)?;
    let (host, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let uri = rest.get(host.len()..).filter(|uri| !uri.is_empty()).unwrap_or("/");
    let uri = uri.split('#').next().unwrap_or_default();
    let method = Method::parse(method.as_bytes())
        .map_err(|error| one(Problem::new(format!("method {method}"), error)))?;
    let scheme = Scheme::parse(scheme.as_bytes()).map_err(|_| wanted())?;
    let host = hosts.find(scheme, host.as_bytes()).map_err(|error| {
        let mut names: Vec<_> = hosts.iter().map(crate::rules::Host::name).collect();
        names.sort_unstable();
        one(Problem::new(host, format!("{error}; there are rules for {}", names.join(", "))))
    })?;
    Ok(host.explain(method, uri.as_bytes()).to_string())
}

/// The key file that `djwto.toml` names.
///
/// # Errors
///
/// [`Problem`]: it names none.
pub fn key_file(path: &Path) -> Result<PathBuf, Problem> {
    let config = Config::read(path)?;
    config.assertions.map(|found| found.keys).ok_or_else(|| {
        let what = "expected a table with \"issuer\" and \"keys\", found none";
        Problem::new("assertions", what).within(path)
    })
}
