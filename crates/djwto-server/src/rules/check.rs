//! The settings, checked and compiled.

use std::collections::HashMap;

use super::host_name::HostName;
use super::index::{Rule, Rules};
use super::method::Methods;
use super::{Access, Allow, Host, HostSettings, Method, Pattern, RuleSettings, SettingsError};

/// The hosts so far, and what is wrong with them.
#[derive(Default)]
pub(super) struct Checked {
    hosts: Vec<(String, Host)>,
    /// The settings' own spelling by what requests are looked up by.
    spelled: HashMap<(String, Option<u16>), String>,
    errors: Vec<SettingsError>,
}

impl Checked {
    /// Takes a host, and notes its faults.
    pub(super) fn add(&mut self, spelled: &str, settings: HostSettings, has_tenants: bool) {
        let mut faults = Faults { host: spelled, errors: &mut self.errors };
        let key = name_of(spelled).map_err(|fault| faults.add(None, fault)).ok();
        let tenant = settings.tenant.as_deref();
        match (tenant, has_tenants) {
            (None, true) => faults.add(
                None,
                "tenant is missing, and the export has tenants; add \
                tenant = \"…\", the tenant whose users may pass",
            ),
            (Some(_), false) => faults.add(
                None,
                "has a tenant, but the export has none; remove \
                tenant, or export again from a project with tenants",
            ),
            (Some(""), true) => faults.add(None, "tenant is empty; write the tenant's key"),
            _ => {}
        }
        if settings.audience.as_deref() == Some("") {
            faults
                .add(None, "audience is empty; write a name, or remove it to use the host's name");
        }
        for origin in &settings.origins {
            if !is_origin(origin) {
                faults.add(
                    None,
                    format!(
                        "origins has {origin:?}, which is no origin; write \
                    scheme and host alone, such as \"https://app.example.org\""
                    ),
                );
            }
        }
        if settings.rules.is_empty() {
            faults.add(
                None,
                "has no rules, so every request would be refused; add at least one, \
                such as { path = \"/*\", allow = \"login\" }",
            );
        }
        let mut accesses = Vec::new();
        let mut rules = Vec::new();
        for (number, rule) in (1..).zip(settings.rules) {
            let (pattern, methods, access) = rule_parts(rule, number, &mut faults);
            let (Some(pattern), Some(methods), Some(access)) = (pattern, methods, access) else {
                continue;
            };
            let index = accesses.iter().position(|known| *known == access).unwrap_or_else(|| {
                accesses.push(access);
                accesses.len() - 1
            });
            let rule = Rule { pattern, methods, access: index };
            if let Some(fault) = unreachable_by(&rule, &rules) {
                faults.add(Some(number), fault);
            }
            rules.push((number, rule));
        }
        let Some((name, port)) = key else { return };
        if let Some(other) = self.spelled.get(&(name.clone(), port)) {
            let fault = format!("is the same host as {other:?}; put the rules of both into one");
            return faults.add(None, fault);
        }
        self.spelled.insert((name.clone(), port), spelled.to_owned());
        let full_name = port.map_or_else(|| name.clone(), |port| format!("{name}:{port}"));
        let rules: Vec<_> = rules.into_iter().map(|(_, rule)| rule).collect();
        let host = Host {
            audience: settings.audience.unwrap_or_else(|| full_name.clone()),
            name: full_name,
            port,
            tenant: settings.tenant,
            csrf: settings.csrf,
            origins: settings.origins,
            rules: Rules::new(rules),
            accesses,
        };
        self.hosts.push((name, host));
    }

    /// The hosts by name without port.
    pub(super) fn finish(self) -> Result<Vec<(String, Host)>, Vec<SettingsError>> {
        if self.errors.is_empty() { Ok(self.hosts) } else { Err(self.errors) }
    }
}

/// Where faults of a host go.
struct Faults<'a> {
    host: &'a str,
    errors: &'a mut Vec<SettingsError>,
}

impl Faults<'_> {
    fn add(&mut self, rule: Option<usize>, message: impl Into<String>) {
        let host = self.host.to_owned();
        self.errors.push(SettingsError { host, rule, message: message.into() });
    }
}

/// Name and port that requests are looked up by.
fn name_of(spelled: &str) -> Result<(String, Option<u16>), String> {
    let Some(host) = HostName::parse(spelled) else {
        let hint = if spelled.is_ascii() {
            "write a name alone, or with a port: \"models.example.org:8443\""
        } else {
            "write it as it is sent, in ASCII: \"xn--…\""
        };
        return Err(format!("is no host; {hint}"));
    };
    if let Some(port @ (80 | 443)) = host.port {
        return Err(format!("names port {port}, which URLs leave out; write {:?}", host.name));
    }
    Ok((host.name.into_owned(), host.port))
}

fn is_origin(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let host = host.map(|host| host.strip_prefix("*.").unwrap_or(host));
    host.is_some_and(|host| HostName::parse(host).is_some())
}

type Parts = (Option<Pattern>, Option<Methods>, Option<Access>);

fn rule_parts(rule: RuleSettings, number: usize, faults: &mut Faults<'_>) -> Parts {
    let mut fault = |message: String| faults.add(Some(number), message);
    let pattern = Pattern::parse(&rule.path).map_err(&mut fault).ok();
    let methods = methods_of(rule.methods).map_err(&mut fault).ok();
    let access = access_of(rule.allow, rule.permissions).map_err(&mut fault).ok();
    (pattern, methods, access)
}

fn methods_of(names: Option<Vec<String>>) -> Result<Methods, String> {
    let Some(names) = names else { return Ok(Methods::ALL) };
    if names.is_empty() {
        return Err("methods is empty; write some, or remove it to match all".to_owned());
    }
    let mut methods = Methods::NONE;
    for name in names {
        let Ok(method) = Method::parse(name.as_bytes()) else {
            let upper = name.to_ascii_uppercase();
            return Err(if upper != name && Method::parse(upper.as_bytes()).is_ok() {
                format!("methods has {name:?}, but methods are case-sensitive; write {upper:?}")
            } else {
                format!(
                    "methods has {name:?}, which is no method that is ever let through; write \
                    those of HTTP and WebDAV, such as \"GET\" and \"POST\""
                )
            });
        };
        methods.add(method);
    }
    Ok(methods)
}

fn access_of(allow: Option<Allow>, permissions: Option<Vec<String>>) -> Result<Access, String> {
    let mut names = match (allow, permissions) {
        (Some(Allow::Public), None) => return Ok(Access::Public),
        (Some(Allow::Login), None) => return Ok(Access::Login),
        (None, Some(names)) => names,
        (Some(_), Some(_)) => {
            return Err("has both allow and permissions; permissions need a login anyway, so \
                remove allow"
                .to_owned());
        }
        (None, None) => {
            return Err("has neither allow nor permissions; add allow = \"public\", \
                allow = \"login\" or permissions = [\"app.codename\"]"
                .to_owned());
        }
    };
    if names.is_empty() {
        return Err("permissions is empty; write some, or allow = \"login\" instead".to_owned());
    }
    if let Some(name) = names.iter().find(|name| !is_permission(name)) {
        return Err(format!(
            "permissions has {name:?}; write the app's label, a dot and the \
            codename, such as \"portal.use_models\""
        ));
    }
    names.sort();
    names.dedup();
    Ok(Access::Permissions(names))
}

/// `app.codename`. Django lets a codename have any letters.
fn is_permission(name: &str) -> bool {
    let is_label = |app: &str| {
        let is_letter = |letter: char| letter == '_' || letter.is_alphanumeric();
        !app.is_empty() && app.chars().all(is_letter)
    };
    let is_codename = |codename: &str| {
        !codename.is_empty()
            && !codename.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    };
    name.split_once('.').is_some_and(|(app, codename)| is_label(app) && is_codename(codename))
}

/// Why a rule can never let a request through: earlier ones take all of its requests.
fn unreachable_by(rule: &Rule, earlier: &[(usize, Rule)]) -> Option<String> {
    let covering = |covers: fn(&Pattern, &Pattern) -> bool| {
        let mut left = rule.methods;
        for (number, other) in earlier {
            let taken = left.without(other.methods);
            if taken != left && covers(&other.pattern, &rule.pattern) {
                left = taken;
                if left.is_empty() {
                    return Some((*number, other));
                }
            }
        }
        None
    };
    if let Some((number, other)) = covering(Pattern::covers) {
        return Some(format!(
            "never matches: rule {number} ({}) and those before it take all of its requests; put \
             this rule first, or remove it",
            other.pattern
        ));
    }
    let (number, other) = covering(Pattern::covers_folded)?;
    (other.access != rule.access).then(|| format!(
        "differs from rule {number} ({}) in upper and lower case alone, so its requests are all \
         ambiguous; let both ask for the same, or remove one", other.pattern
    ))
}
