//! `[hosts.*]` of `djwto.toml`, as written.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// The hosts by name: `models.example.org`, or with a port that is not the scheme's default.
pub type HostsSettings = BTreeMap<String, HostSettings>;

/// One `[hosts."name"]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSettings {
    /// Whose tokens pass; needed where the export has tenants, and refused where it has none.
    pub tenant: Option<String>,
    /// The audience of its assertions; the name of the host by default.
    pub audience: Option<String>,
    /// How unsafe requests are checked.
    #[serde(default)]
    pub csrf: CsrfMode,
    /// More origins whose pages may send unsafe requests and open sockets.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The rules; the first that matches decides.
    pub rules: Vec<RuleSettings>,
}

/// How unsafe requests are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CsrfMode {
    /// By what the browser says of the page that sends them.
    #[default]
    Origin,
    /// By Django's token in the header.
    Token,
}

/// One rule, with exactly one of `allow` and `permissions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// A pattern, such as `/api/*`.
    pub path: String,
    /// The methods; all where it is left out. `GET` covers `HEAD`.
    pub methods: Option<Vec<String>>,
    /// `public` or `login`.
    pub allow: Option<Allow>,
    /// `app.codename`; the user needs all of them.
    pub permissions: Option<Vec<String>>,
}

/// `allow` of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    /// Requests pass without a token.
    Public,
    /// Requests pass with a valid access token.
    Login,
}

/// What is wrong in `[hosts.*]`, with the place: the host, and the number of the rule from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The host, as written.
    pub host: String,
    /// The number of the rule in its list, from 1; `None` where the error is not in a rule.
    pub rule: Option<usize>,
    /// What is wrong, what was expected, and what to do.
    pub message: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "hosts.{:?}", self.host)?;
        if let Some(number) = self.rule {
            write!(out, ", rule {number}")?;
        }
        write!(out, ": {}", self.message)
    }
}

impl std::error::Error for SettingsError {}
