//! The rules of all hosts, compiled.

use std::collections::HashMap;

use super::check::Checked;
use super::host_name::HostName;
use super::index::{Rule, Rules};
use super::{
    Access, CsrfMode, Explanation, HostsSettings, Method, Readings, Refusal, Scheme, SettingsError,
};

/// The hosts that have rules.
#[derive(Debug, Default)]
pub struct Hosts {
    /// By name without port.
    by_name: HashMap<String, Vec<Host>>,
}

/// One host and its rules.
#[derive(Debug)]
pub struct Host {
    pub(super) name: String,
    pub(super) port: Option<u16>,
    pub(super) tenant: Option<String>,
    pub(super) audience: String,
    pub(super) csrf: CsrfMode,
    pub(super) origins: Vec<String>,
    pub(super) rules: Rules,
    /// What rules ask for, each once.
    pub(super) accesses: Vec<Access>,
}

impl Hosts {
    /// Checks and compiles `[hosts.*]`. `has_tenants` says whether the export has tenants.
    ///
    /// # Errors
    ///
    /// All that is wrong, in the order of the hosts and their rules.
    pub fn compile(settings: HostsSettings, has_tenants: bool) -> Result<Self, Vec<SettingsError>> {
        let mut checked = Checked::default();
        for (name, host) in settings {
            checked.add(&name, host, has_tenants);
        }
        let mut by_name: HashMap<_, Vec<Host>> = HashMap::new();
        for (name, host) in checked.finish()? {
            by_name.entry(name).or_default().push(host);
        }
        Ok(Self { by_name })
    }

    /// The host of a request: `host` is the `Host` header as the client sent it.
    ///
    /// # Errors
    ///
    /// [`Refusal::HostUnknown`]
    pub fn find(&self, scheme: Scheme, host: &[u8]) -> Result<&Host, Refusal> {
        let host = std::str::from_utf8(host).ok().and_then(HostName::parse);
        let host = host.ok_or(Refusal::HostUnknown)?;
        let port = host.port.filter(|port| *port != scheme.default_port());
        let hosts = self.by_name.get(host.name.as_ref());
        let found = hosts.and_then(|hosts| hosts.iter().find(|host| host.port == port));
        found.ok_or(Refusal::HostUnknown)
    }

    /// All hosts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.by_name.values().flatten()
    }
}

impl Host {
    /// What a request needs. `uri` is as the client sent it; a query makes no difference.
    ///
    /// # Errors
    ///
    /// [`Refusal::PathInvalid`], [`Refusal::PathAmbiguous`] or [`Refusal::RuleMissing`]
    pub fn decide(&self, method: Method, uri: &[u8]) -> Result<&Access, Refusal> {
        Ok(self.decide_numbered(method, uri)?.0)
    }

    /// The same as [`Host::decide`], with the number of the rule in the host's list, counted from 1. If
    /// readings meet several rules, it is that of the first reading.
    ///
    /// # Errors
    ///
    /// As [`Host::decide`].
    pub fn decide_numbered(&self, method: Method, uri: &[u8]) -> Result<(&Access, usize), Refusal> {
        let readings = Readings::of(uri)?;
        let mut all = readings.iter().flat_map(|reading| {
            let exact = self.rules.first(method, reading.text());
            // Without a difference in case, both find the same.
            let folded = (self.rules.is_cased() || !reading.is_folded())
                .then(|| self.rules.first_folded(method, reading.folded()));
            [Some(exact), folded].into_iter().flatten()
        });
        let access = |found: Option<(usize, &Rule)>| found.map(|(_, rule)| rule.access);
        let first = all.next().flatten();
        if all.any(|rule| access(rule) != access(first)) {
            return Err(Refusal::PathAmbiguous);
        }
        let (at, rule) = first.ok_or(Refusal::RuleMissing)?;
        let access = self.accesses.get(rule.access).ok_or(Refusal::RuleMissing)?;
        Ok((access, at + 1))
    }

    /// The same as [`Host::decide`], with the rule that each reading meets.
    pub fn explain(&self, method: Method, uri: &[u8]) -> Explanation {
        Explanation::of(self, method, uri)
    }

    /// The name that requests are looked up by, with the port where it is not the scheme's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose tokens pass.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The audience of its assertions.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// How unsafe requests are checked.
    pub fn csrf(&self) -> CsrfMode {
        self.csrf
    }

    /// More origins whose pages may send unsafe requests and open sockets.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }
}
