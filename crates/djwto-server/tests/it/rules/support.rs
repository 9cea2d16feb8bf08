//! Tables of rules as they stand in `djwto.toml`.

use djwto_server::rules::{Access, Host, Hosts, HostsSettings, Method, Scheme, SettingsError};

pub(super) const HOST: &str = "app.example.org";

/// Public files, a path for admins, and the rest for those who have logged in.
pub(super) const USUAL: &str = r#"
    { path = "/public/*", allow = "public" },
    { path = "/admin/*", permissions = ["portal.administer"] },
    { path = "/*", allow = "login" },
"#;

/// One host with these rules.
pub(super) fn hosts(rules: &str) -> Hosts {
    compile(&format!("[{HOST:?}]\nrules = [{rules}]")).unwrap_or_else(|errors| panic!("{errors:?}"))
}

pub(super) fn compile(settings: &str) -> Result<Hosts, Vec<SettingsError>> {
    Hosts::compile(toml::from_str::<HostsSettings>(settings).unwrap(), false)
}

pub(super) fn host(hosts: &Hosts) -> &Host {
    hosts.find(Scheme::Https, HOST.as_bytes()).unwrap()
}

/// What a request needs, or the code of its refusal.
pub(super) fn decide(rules: &str, method: &str, uri: impl AsRef<[u8]>) -> String {
    answer(host(&hosts(rules)), method, uri)
}

pub(super) fn answer(host: &Host, method: &str, uri: impl AsRef<[u8]>) -> String {
    let decided =
        Method::parse(method.as_bytes()).and_then(|method| host.decide(method, uri.as_ref()));
    match decided {
        Ok(Access::Permissions(names)) => names.join(" "),
        Ok(access) => access.to_string(),
        Err(refusal) => refusal.slug().to_owned(),
    }
}
