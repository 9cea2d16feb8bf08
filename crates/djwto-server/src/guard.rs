//! Everything that a decision needs, as one value that never changes. When a file changes, the server
//! makes another; requests under way keep theirs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use djwto_core::http::csrf::{Csrf, TokenNames};
use djwto_core::http::origin::TrustedOrigins;
use djwto_core::{Code, Engine, KeyRing, Revocations};
use hyper::header::HeaderName;
use rustls::ServerConfig;

use crate::assertions::Issuer;
use crate::claims::AccessClaims;
use crate::config::{Config, Peers};
use crate::export::{self, Built, Capability, Export, Forms};
use crate::problem::Problem;
use crate::redirect::shares_cookies;
use crate::remote_keys::RemoteKeys;
use crate::rules::{CsrfMode, Host, Hosts, Origin, Refusal, Scheme};
use crate::tls;

/// What a decision needs.
#[derive(Debug)]
pub struct Guard {
    engine: Engine<Arc<AccessClaims>>,
    public_jwks: String,
    settings: Arc<Settings>,
}

/// What does not change when keys are fetched.
#[derive(Debug)]
struct Settings {
    remote_keys: Option<Arc<RemoteKeys>>,
    peers: Peers,
    hosts: Hosts,
    /// What the guard has made for each host, by its name.
    made: HashMap<String, Made>,
    csrf_header: HeaderName,
    /// What protects `/validate_access/`.
    endpoint_csrf: EndpointCsrf,
    /// Where Django is; `None`: it is not known, or its host has several tenants.
    portal: Option<Origin>,
    forms: Forms,
    reads_permissions: bool,
    assertions: Option<Issuer>,
    tls: Option<Arc<ServerConfig>>,
    fingerprint: String,
}

/// Whether an unsafe request with a cookie needs Django's CSRF token, at an endpoint of this server.
#[derive(Debug)]
pub enum EndpointCsrf {
    /// `DJWTO_CSRF` is off.
    Off,
    /// It does, by Django's rule.
    Checked(Csrf),
    /// It does, and the token is where this server cannot read it.
    Unavailable,
}

/// Where a request is that came to an endpoint of this server.
#[derive(Clone, Copy, Debug)]
pub struct Place<'g> {
    /// The host, as a browser names it.
    pub host: &'g str,
    /// Whose tokens are good.
    pub tenant: Option<&'g str>,
}

/// What is made once for a host.
#[derive(Debug)]
struct Made {
    place: usize,
    csrf: Csrf,
    /// The page that renews tokens, if new ones reach this host.
    return_page: Option<String>,
}

/// A host with its rules.
#[derive(Clone, Copy, Debug)]
pub struct GuardedHost<'g> {
    rules: &'g Host,
    made: &'g Made,
}

impl<'g> GuardedHost<'g> {
    /// The name that requests are looked up by.
    pub fn name(&self) -> &'g str {
        self.rules.name()
    }

    /// Its rules.
    pub fn rules(&self) -> &'g Host {
        self.rules
    }

    /// Its place among the hosts of this guard.
    pub fn place(&self) -> usize {
        self.made.place
    }

    /// The address of the page that renews a browser's tokens; `None`: there is none, or its cookies do
    /// not reach this host.
    pub fn return_page(&self) -> Option<&'g str> {
        self.made.return_page.as_deref()
    }

    /// What protects its unsafe requests.
    pub fn csrf(&self) -> &'g Csrf {
        &self.made.csrf
    }
}

impl Guard {
    /// Reads the other files that the operator's file names, and makes the guard.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn new(
        config: &Config,
        export: &Export,
        revocations: Arc<Revocations>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let built = noted(export::build(export, &config.export), &mut problems);
        let hosts = Hosts::compile(config.hosts.clone(), export.tenants).map_err(|errors| {
            problems.extend(errors.iter().map(|error| Problem::of_file(&config.path, error)));
        });
        problems.extend(facts_that_clash(config, export));
        let header = HeaderName::from_bytes(export.csrf.header_name.as_bytes()).map_err(|_| {
            Problem::new("csrf.header_name", "expected a name of a header").within(&config.export)
        });
        let csrf_header = noted(header, &mut problems);
        let assertions =
            noted(config.assertions.as_ref().map(Issuer::read).transpose(), &mut problems);
        let tls = noted(config.tls.as_ref().map(tls::read).transpose(), &mut problems);
        let url = built.as_ref().and_then(|built| built.keys_url.clone());
        let remote = url.map(|url| RemoteKeys::new(url, config)).transpose();
        let remote = noted(remote, &mut problems);
        let (
            Some(built),
            Ok(hosts),
            Some(csrf_header),
            Some(assertions),
            Some(tls),
            Some(remote),
            [],
        ) = (built, hosts, csrf_header, assertions, tls, remote, problems.as_slice())
        else {
            return Err(problems);
        };
        let Built { keys, policy, transport, .. } = built;
        let engine = Engine::new(keys, policy, transport).with_revocations(revocations);
        let settings = Settings {
            remote_keys: remote.map(Arc::new),
            peers: config.peers.clone(),
            made: made(&hosts, config, export),
            hosts,
            csrf_header,
            endpoint_csrf: endpoint_csrf(export),
            portal: config.portal.as_deref().and_then(Origin::parse).filter(|_| !export.tenants),
            forms: export.forms.clone(),
            reads_permissions: reads_permissions(config, export),
            assertions,
            tls,
            fingerprint: export.fingerprint.clone(),
        };
        Ok(Self::of(engine, Arc::new(settings)))
    }

    fn of(engine: Engine<Arc<AccessClaims>>, settings: Arc<Settings>) -> Self {
        Self { public_jwks: engine.keys().to_public_jwks(), engine, settings }
    }

    /// The same guard with other keys. It has verified no token yet.
    #[must_use]
    pub fn with_keys(&self, keys: impl Into<Arc<KeyRing>>) -> Self {
        let (policy, transport) = (self.engine.policy(), self.engine.transport());
        let engine = Engine::new(keys, policy.clone(), transport.clone());
        let engine = engine.with_revocations(Arc::clone(self.engine.revocations()));
        Self::of(engine, Arc::clone(&self.settings))
    }

    /// A guard of files that were read again, with the keys that this one has fetched, if they are from the
    /// same URL.
    #[must_use]
    pub fn renewed_as(&self, mut new: Self) -> Self {
        let (Some(known), Some(remote)) = (self.remote_keys(), new.remote_keys()) else {
            return new;
        };
        if known.url() != remote.url() {
            return new;
        }
        // The new settings have no other owner yet.
        if known.is_as(remote)
            && let Some(settings) = Arc::get_mut(&mut new.settings)
        {
            settings.remote_keys = Some(Arc::clone(known));
        }
        new.with_keys(Arc::clone(self.engine.keys()))
    }

    /// Where the keys of Django's tokens are fetched from; `None`: they are in the export.
    pub fn remote_keys(&self) -> Option<&Arc<RemoteKeys>> {
        self.settings.remote_keys.as_ref()
    }

    /// Whether this refusal is of a token whose key may be at the URL by now. A new key of another
    /// algorithm is missing too.
    pub fn may_miss_key(&self, code: Code) -> bool {
        let is_missing = matches!(code, Code::KeyUnknown | Code::AlgorithmRefused);
        is_missing && self.remote_keys().is_some()
    }

    /// Whether no key has been fetched yet, so that no token can be verified.
    pub fn lacks_keys(&self) -> bool {
        self.engine.keys().keys().is_empty()
    }

    /// Keys, policy, transport and the tokens that were verified.
    pub fn engine(&self) -> &Engine<Arc<AccessClaims>> {
        &self.engine
    }

    /// Who may ask.
    pub fn peers(&self) -> &Peers {
        &self.settings.peers
    }

    /// The host of a request.
    ///
    /// # Errors
    ///
    /// [`Refusal::HostUnknown`]
    pub fn find(&self, scheme: Scheme, host: &[u8]) -> Result<GuardedHost<'_>, Refusal> {
        let rules = self.settings.hosts.find(scheme, host)?;
        let made = self.settings.made.get(rules.name()).ok_or(Refusal::HostUnknown)?;
        Ok(GuardedHost { rules, made })
    }

    /// The place of a request to an endpoint of this server: a guarded host, or the portal's.
    ///
    /// # Errors
    ///
    /// [`Refusal::HostUnknown`]
    pub fn place(&self, scheme: Scheme, host: &[u8]) -> Result<Place<'_>, Refusal> {
        if let Ok(host) = self.settings.hosts.find(scheme, host) {
            return Ok(Place { host: host.name(), tenant: host.tenant() });
        }
        let portal = self
            .settings
            .portal
            .as_ref()
            .filter(|own| Origin::of(scheme, host).as_ref() == Some(own));
        portal.map(|own| Place { host: own.host(), tenant: None }).ok_or(Refusal::HostUnknown)
    }

    /// What protects `/validate_access/`.
    pub fn endpoint_csrf(&self) -> &EndpointCsrf {
        &self.settings.endpoint_csrf
    }

    /// The bounds of request bodies.
    pub fn forms(&self) -> &Forms {
        &self.settings.forms
    }

    /// Every host, in no order.
    pub fn hosts(&self) -> impl Iterator<Item = GuardedHost<'_>> {
        let made = |rules: &Host| self.settings.made.get(rules.name());
        self.settings
            .hosts
            .iter()
            .filter_map(move |rules| Some(GuardedHost { rules, made: made(rules)? }))
    }

    /// The header with Django's CSRF token.
    pub fn csrf_header(&self) -> &HeaderName {
        &self.settings.csrf_header
    }

    /// Whether the database answers for tokens that leave their permissions out.
    pub fn reads_permissions(&self) -> bool {
        self.settings.reads_permissions
    }

    /// Who signs assertions; `None`: there are none.
    pub fn assertions(&self) -> Option<&Issuer> {
        self.settings.assertions.as_ref()
    }

    /// The public keys of Django's tokens, as a JWK Set.
    pub fn public_jwks(&self) -> &str {
        &self.public_jwks
    }

    /// How TCP listeners speak TLS; `None`: they speak plain HTTP.
    pub fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.settings.tls.as_ref()
    }

    /// The fingerprint of the export.
    pub fn fingerprint(&self) -> &str {
        &self.settings.fingerprint
    }
}

/// The value; what is wrong goes to the list.
fn noted<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

/// What one file asks for, and the other rules out.
fn facts_that_clash(config: &Config, export: &Export) -> Vec<Problem> {
    let mut problems = Vec::new();
    if config.database.is_none() && export.revocation.interval.is_some() {
        let what = "expected \"database\" or \"database_env\": the export says that Django asks the \
                    database for ended sessions (DJWTO_REVOCATION_INTERVAL)";
        problems.push(Problem::new("database", what).within(&config.path));
    }
    let token_fault = token_fault(export);
    for (name, host) in &config.hosts {
        if let (CsrfMode::Token, Some(fault)) = (host.csrf, &token_fault) {
            let place = format!("hosts.{name:?}.csrf");
            problems.push(Problem::new(place, fault).within(&config.path));
        }
    }
    problems
}

/// Why Django's CSRF token cannot be checked.
fn token_fault(export: &Export) -> Option<String> {
    let reason = if !export.csrf.on {
        "DJWTO_CSRF is off, so Django's pages may send no token"
    } else if export.csrf.use_sessions {
        "CSRF_USE_SESSIONS keeps the token in Django's session, which this server does not read"
    } else {
        match &export.capabilities.csrf_token {
            Capability::Yes => return None,
            Capability::No(reason) => reason,
        }
    };
    Some(format!("expected \"origin\", found \"token\": {reason}"))
}

fn endpoint_csrf(export: &Export) -> EndpointCsrf {
    if !export.csrf.on {
        EndpointCsrf::Off
    } else if token_fault(export).is_some() {
        EndpointCsrf::Unavailable
    } else {
        let trusted = export.csrf.trusted_origins.iter().cloned();
        EndpointCsrf::Checked(Csrf::by_token(TrustedOrigins::new(trusted), token_names(export)))
    }
}

fn token_names(export: &Export) -> TokenNames {
    TokenNames {
        cookie: export.csrf.cookie_name.clone(),
        header: export.csrf.header_name.clone(),
        domain: None,
    }
}

fn reads_permissions(config: &Config, export: &Export) -> bool {
    let can = export.capabilities.permissions == Capability::Yes;
    can && config.database.is_some() && export.database.permissions.is_some()
}

fn made(hosts: &Hosts, config: &Config, export: &Export) -> HashMap<String, Made> {
    let return_path = export.login.return_path.as_deref();
    let return_page = |host: &Host| {
        let (portal, path) = config.portal.as_deref().zip(return_path)?;
        let is_reached = shares_cookies(portal, export.transport.domain(), host.name());
        is_reached.then(|| format!("{portal}{path}"))
    };
    let one = |(place, host): (usize, &Host)| {
        let own = host.origins().iter().cloned();
        let csrf = match host.csrf() {
            CsrfMode::Origin => Csrf::by_origin(TrustedOrigins::new(own)),
            CsrfMode::Token => {
                let trusted = export.csrf.trusted_origins.iter().cloned().chain(own);
                Csrf::by_token(TrustedOrigins::new(trusted), token_names(export))
            }
        };
        (host.name().to_owned(), Made { place, csrf, return_page: return_page(host) })
    };
    hosts.iter().enumerate().map(one).collect()
}

/// The files of the operator, read together.
#[derive(Debug)]
pub struct Files {
    /// `djwto.toml`
    pub config: Config,
    /// The export.
    pub export: Export,
}

impl Files {
    /// Reads both.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the first file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let config = Config::read(path)?;
        let export = Export::read(&config.export)?;
        Ok(Self { config, export })
    }
}
